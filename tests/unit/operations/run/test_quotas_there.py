"""A job that its queue in a cluster could never let in is refused before it is made, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.adapters.clock import SystemClock
from allotment.adapters.kube.fake import FakeKube
from allotment.operations.run.kubernetes.quotas_there import QuotasThere
from allotment.ports.kube import AccessRefusedError
from tests.unit.jobs.kubernetes.work import gang, job, rendered

KUEUE = "kueue.x-k8s.io/v1beta2"


def made(kind: str, name: str, namespace: str = "", **spec: Any) -> dict[str, Any]:
    place = {"namespace": namespace} if namespace else {}
    ready = {"conditions": [{"type": "Active", "status": "True"}]}
    metadata = {"name": name, **place, "uid": f"{kind}-{name}"}
    return {"apiVersion": KUEUE, "kind": kind, "metadata": metadata, "spec": spec, "status": ready}


def world(gpus: int, lent: int) -> FakeKube:
    kube = FakeKube()

    def quotas(number: int) -> list[dict[str, Any]]:
        resources = {"cpu": "1000", "memory": "10Ti", "nvidia.com/gpu": number}
        named = [{"name": name, "nominalQuota": amount} for name, amount in resources.items()]
        return [{"coveredResources": list(resources), "flavors": [{"name": "a100", "resources": named}]}]

    kube.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "nlp"}})
    kube.put(made("ResourceFlavor", "a100"))
    for name, number in (("nlp", gpus), ("cv", lent)):
        kube.put(made("ClusterQueue", name, cohortName="all", namespaceSelector={}, resourceGroups=quotas(number)))
    queue = rendered(job()).main["metadata"]["labels"]["kueue.x-k8s.io/queue-name"]
    kube.put(made("LocalQueue", queue, "nlp", clusterQueue="nlp"))
    return kube


@pytest.mark.parametrize(
    ("asked", "gpus", "lent", "told"),
    [
        (job(), 1, 0, "it asks for 2 a100, and 1 a100 is the most that it can have here"),
        (job(), 1, 1, ""),
        (gang(), 4, 3, "it asks for 8 a100, and 7 a100 is the most that it can have here"),
        (gang(), 4, 4, ""),
    ],
)
def test_more_than_the_queue_can_ever_have(asked: Any, gpus: int, lent: int, told: str) -> None:
    assert QuotasThere(world(gpus, lent), SystemClock()).refusal_for_good(rendered(asked).main) == told


@pytest.mark.parametrize("unread", ["ClusterQueue", "LocalQueue", "Cohort", "ResourceFlavor"])
def test_nothing_is_refused_where_not_all_could_be_read(unread: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kube, real = world(0, 0), FakeKube.list

    def refusing(self: FakeKube, api_version: str, kind: str, **how: Any) -> Any:
        if kind == unread:
            raise AccessRefusedError("refused", status=403, reason="Forbidden", message="no")
        return real(self, api_version, kind, **how)

    main = rendered(job()).main
    assert QuotasThere(kube, SystemClock()).refusal_for_good(main)
    monkeypatch.setattr(FakeKube, "list", refusing)
    assert not QuotasThere(kube, SystemClock()).refusal_for_good(main)
