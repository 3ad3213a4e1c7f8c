"""Of what runs in part it is said how many of its pods run, whatever kind it is of."""

from __future__ import annotations

import pytest

from allotment.operations.ask.explaining import PodsAtWork, why
from tests.unit.diagnose.building import TEAM, Raw, case_of, node, pod, pod_spec

KINDS: dict[str, tuple[str, Raw, Raw]] = {
    "DaemonSet": ("apps/v1", {}, {"desiredNumberScheduled": 5, "numberReady": 4}),
    "ReplicaSet": ("apps/v1", {"replicas": 5}, {"replicas": 5, "readyReplicas": 4}),
    "Deployment": ("apps/v1", {"replicas": 5}, {"replicas": 5, "readyReplicas": 4}),
    "StatefulSet": ("apps/v1", {"replicas": 5}, {"replicas": 5, "readyReplicas": 4}),
    "Job": ("batch/v1", {"parallelism": 5, "completions": 5}, {"active": 5}),
    "JobSet": ("jobset.x-k8s.io/v1alpha2", {}, {}),
}


def owner(kind: str) -> Raw:
    version, spec, status = KINDS[kind]
    template = {"spec": pod_spec(8)}
    if kind == "JobSet":
        job = {"name": "a", "replicas": 1, "template": {"spec": {"parallelism": 5, "template": template}}}
        spec = {"replicatedJobs": [job]}
    else:
        spec = {**spec, "template": template}
    meta = {"name": "x", "namespace": TEAM, "uid": "x"}
    return {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec, "status": status}


@pytest.mark.parametrize("made", [True, False], ids=["waits", "is not made"])
@pytest.mark.parametrize("kind", KINDS)
def test_four_of_five_run(kind: str, *, made: bool) -> None:
    over = owner(kind)
    nodes = [node(f"n{number}") for number in range(4)]
    pods = [pod(f"x-{number}", f"n{number}", owner=over, gpus=8) for number in range(4)]
    waits = [pod("x-4", owner=over, gpus=8)] if made else []
    snapshot = case_of([over, *nodes, *pods, *waits], f"{kind.lower()}/x").snapshot
    found = why(snapshot, f"{kind.lower()}/x", with_remedies=False)
    assert found.pods == PodsAtWork(4, 1)
    assert not made or found.explanation.cause not in {"none", "unknown"}
