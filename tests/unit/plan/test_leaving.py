"""The order in which the workloads of a leaving team go."""

from __future__ import annotations

import pytest

from allotment.plan.leaving import CONTROLLERS


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
