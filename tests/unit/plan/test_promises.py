"""What an adopted queue promises beyond its quota, and older quotas that allow less."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.model import labels
from allotment.plan.adoption.promises import kept_below, sharing_remark
from tests.unit.plan import objects


def queue(cohort: str = "", **limits: str) -> dict[str, Any]:
    gpu = {"name": "nvidia.com/gpu", "nominalQuota": "16", **limits}
    more = [{"name": name, "nominalQuota": "8"} for name in ("cpu", "pods")]
    groups = [{"flavors": [{"name": "a100", "resources": [gpu, *more]}]}]
    spec = {"resourceGroups": groups, **({"cohortName": cohort} if cohort else {})}
    return {"kind": "ClusterQueue", "metadata": {"name": "cv"}, "spec": spec}


ENDLESS = "cohort bio: a100 GPUs without limit"
SHARING: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "joins a cohort without limits": (
        queue(),
        queue("bio"),
        f"from then on it may borrow from {ENDLESS}; may lend to {ENDLESS}",
    ),
    "gets limits": (
        queue("bio"),
        queue("bio", borrowingLimit="4", lendingLimit="0"),
        "from then on it may borrow from cohort bio: a100 GPUs up to 4; may lend nothing to cohort bio",
    ),
    "leaves its cohort": (queue("bio"), queue(), "from then on it borrows from nobody, and lends to nobody"),
    "another version's field": ({**queue(), "spec": {**queue()["spec"], "cohort": "bio"}}, queue("bio"), ""),
    "shares as before": (queue("bio", borrowingLimit="4"), queue("bio", borrowingLimit="4000m"), ""),
}


@pytest.mark.parametrize(("live", "after", "says"), SHARING.values(), ids=SHARING)
def test_what_a_queue_shares_from_then_on(live: dict[str, Any], after: dict[str, Any], says: str) -> None:
    assert sharing_remark(live, after) == says


def older(hard: dict[str, str], **more: Any) -> dict[str, Any]:
    metadata = {"name": "compute", "namespace": "cv", **more.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard, **more}}


GPUS = "requests.nvidia.com/gpu"
BELOW: dict[str, tuple[dict[str, Any], str]] = {
    "equal to the queue alone": (
        older({GPUS: "8"}),
        "8 GPUs, where the queue promises 8, and up to 16 with what it borrows",
    ),
    "less than the queue": (older({GPUS: "2"}), "2 GPUs, where the queue promises 8, and up to 16"),
    "as much as all there is": (older({GPUS: "16"}), ""),
    "CPU": (older({"requests.cpu": "32"}), "32 CPU, where the queue promises 64"),
    "pods": (older({"pods": "3"}), ""),
    "of some pods only": (older({GPUS: "2"}, scopes=["BestEffort"]), ""),
    "ours": (older({GPUS: "2"}, metadata={"labels": {labels.PLATFORM: "acme"}}), ""),
}


@pytest.mark.parametrize(("quota", "says"), BELOW.values(), ids=BELOW)
def test_quotas_that_stay_and_allow_less_than_is_promised(quota: dict[str, Any], says: str) -> None:
    desired = objects.platform("cv", "nlp")
    mine = next(item.body for item in desired if item.key.kind == "ClusterQueue" and item.key.name == "cv")
    found = " ".join(kept_below(mine, [quota], desired))
    assert bool(found) is bool(says), found
    if says:
        assert found.startswith("ResourceQuota cv/compute stays, and allows less than ClusterQueue cv promises: ")
        assert says in found
        assert found.endswith("kubectl delete resourcequota compute --namespace cv")
