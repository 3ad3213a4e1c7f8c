"""What goes with a leaving team: workloads in order, finalizers that may hold them, and the ways in."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from allotment.plan.leaving import CONTROLLERS, PATIENCE, is_way_in, kept_finalizers

DUE = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)
"""The end of a pod's grace period: the API server writes it as the deletion's time."""

JOB_TRACKING = "batch.kubernetes.io/job-tracking"
KUEUE = "kueue.x-k8s.io/managed"
HOLD = "example.com/hold"
RAY = "ray.io/gcs-ft-redis-cleanup-finalizer"


def body(api_version: str, kind: str, *finalizers: str, name: str = "x") -> dict[str, Any]:
    metadata = {"name": name, "namespace": "nlp", "finalizers": list(finalizers), "deletionTimestamp": DUE.isoformat()}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


CASES = {
    "a tenant's on a pod": (body("v1", "Pod", HOLD, JOB_TRACKING, KUEUE), (JOB_TRACKING, KUEUE), ()),
    "one that only looks like Kubernetes'": (body("v1", "Pod", "kubernetes.io.evil.com/x", "evilk8s.io/x"), (), ()),
    "without a domain": (body("apps/v1", "Deployment", "hold", "foregroundDeletion"), ("foregroundDeletion",), ()),
    "the garbage collector's on a Job": (body("batch/v1", "Job", "orphan"), ("orphan",), ()),
    "a controller's own": (body("ray.io/v1", "RayCluster", RAY, HOLD), (RAY,), (RAY,)),
    "of a kind's family": (
        body("trainer.kubeflow.org/v1alpha1", "TrainJob", "kubeflow.org/x"), ("kubeflow.org/x",), ("kubeflow.org/x",),
    ),
    "any on a binding": (body("rbac.authorization.k8s.io/v1", "RoleBinding", KUEUE), (), ()),
    "a claim's": (
        body("v1", "PersistentVolumeClaim", "kubernetes.io/pvc-protection"), ("kubernetes.io/pvc-protection",), (),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_finalizers_of_controllers_are_left_to_them_for_a_while_and_others_go_at_once(name: str) -> None:
    found, at_once, later = CASES[name]
    assert kept_finalizers(found, DUE) == kept_finalizers(found, DUE + PATIENCE) == at_once
    assert kept_finalizers(found, DUE + PATIENCE + dt.timedelta(seconds=1)) == later


def test_only_the_hardened_account_is_no_way_in() -> None:
    assert is_way_in(body("rbac.authorization.k8s.io/v1", "Role", name="default"))
    assert is_way_in(body("v1", "ServiceAccount", name="builder"))
    assert not is_way_in(body("v1", "ServiceAccount", name="default"))


@pytest.mark.parametrize(
    ("maker", "made"),
    [
        ("CronJob", "Job"),
        ("RayCronJob", "RayJob"),
        ("RayJob", "RayCluster"),
        ("RayJob", "Job"),
        ("RayService", "RayCluster"),
        ("TrainJob", "JobSet"),
        ("JobSet", "Job"),
        ("DisaggregatedSet", "LeaderWorkerSet"),
        ("LeaderWorkerSet", "StatefulSet"),
        ("Deployment", "ReplicaSet"),
    ],
)
def test_makers_go_before_what_they_make(maker: str, made: str) -> None:
    kinds = [kind for api_version, kind in CONTROLLERS if not api_version.startswith("batch.volcano.sh")]
    assert kinds.index(maker) < kinds.index(made)


@pytest.mark.parametrize(
    "served",
    [
        ("jobset.x-k8s.io/v1alpha2", "JobSet"),
        ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet"),
        ("ray.io/v1", "RayJob"),
        ("ray.io/v1", "RayCluster"),
        ("trainer.kubeflow.org/v1alpha1", "TrainJob"),
    ],
)
def test_kinds_that_a_cluster_may_declare_are_among_them(served: tuple[str, str]) -> None:
    """In the versions that the sandbox's pinned modules serve."""
    assert served in CONTROLLERS
