"""A flavor taken away under running work, on a real Kueue: what becomes of the accounts, what prevents it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from allotment.model.manifest import Manifest, Manifests, ObjectKey
from allotment.operations.change.planning import PlanSettings, make_plan
from allotment.plan.changes import Action, WarningCode
from tests.live.apply.conftest import TODAY, Cluster
from tests.unit.plan import objects

pytestmark = pytest.mark.live

API = "kueue.x-k8s.io/v1beta2"
QUEUE = ObjectKey("kueue.x-k8s.io", "ClusterQueue", "", "cv")
JOB: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "train", "namespace": "cv", "labels": {"kueue.x-k8s.io/queue-name": "default"}},
    "spec": {
        "template": {
            "metadata": {"annotations": {"allotment.dev/run-for": "1h"}},
            "spec": {
                "restartPolicy": "Never",
                "containers": [
                    {"name": "main", "image": "train", "resources": {"limits": {"nvidia.com/gpu": "4", "cpu": "1"}}}
                ],
            },
        }
    },
}


def queue(flavor: str) -> Manifest:
    found = objects.cluster_queue("cv")
    spec = found.body["spec"]
    group = spec["resourceGroups"][0]
    flavors = [{**group["flavors"][0], "name": flavor}]
    return replace(found, body={**found.body, "spec": {**spec, "resourceGroups": [{**group, "flavors": flavors}]}})


def platform(flavor: str) -> Manifests:
    plain = objects.kueue("ResourceFlavor", flavor, {})
    return objects.manifests(objects.namespace("cv"), plain, queue(flavor), objects.local_queue("cv"))


def until(what: str, check: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, what
        time.sleep(0.2)
    return found


def reserved(cluster: Cluster) -> dict[str, str]:
    """Devices by flavor, as Kueue accounts for them."""
    status = cluster.body(QUEUE, API).get("status", {})
    return {
        flavor["name"]: resource["total"]
        for flavor in status.get("flavorsReservation") or ()
        for resource in flavor["resources"]
        if resource["name"] == "nvidia.com/gpu"
    }


def running(cluster: Cluster) -> bool:
    pods = list(cluster.kube.list("v1", "Pod", namespace="cv"))
    return [pod["status"].get("phase") for pod in pods] == ["Running"]


def test_it_is_blocked_while_work_holds_it_and_uncounted_if_forced(cluster: Cluster) -> None:
    cluster.settle(platform("a100-on-demand"))
    until("the queue takes work", lambda: reserved(cluster) == {"a100-on-demand": "0"})
    cluster.kube.create(JOB)
    until("the job runs", lambda: reserved(cluster) == {"a100-on-demand": "4"} and running(cluster))
    renamed = platform("a100-reserved")

    plan = cluster.plan(renamed)
    blocked = {change.key.kind: change for change in plan.of(Action.BLOCKED)}
    assert set(blocked) == {"ClusterQueue", "ResourceFlavor"}
    assert "4 nvidia.com/gpu in a100-on-demand by cv/job-train-" in str(blocked["ClusterQueue"])
    report = cluster.apply(renamed)
    assert report.exit_code == 6
    assert reserved(cluster) == {"a100-on-demand": "4"}, "nothing was taken away"

    allowed = make_plan(renamed, cluster.kube, PlanSettings("acme", TODAY, allow_uncounted=True))
    assert {warning.code for warning in allowed.warnings} == {WarningCode.UNCOUNTED}
    assert not list(allowed.of(Action.BLOCKED))
    cluster.carry_out(allowed)
    until("the accounts say nothing of it", lambda: reserved(cluster) == {"a100-reserved": "0"})
    assert running(cluster), "though the pod runs on: what the plan warned of is what happens"


def test_it_goes_once_the_work_has_ended(cluster: Cluster) -> None:
    cluster.settle(platform("a100-on-demand"))
    cluster.kube.create(JOB)
    until("the job runs", lambda: running(cluster))
    cluster.kube.delete("batch/v1", ObjectKey("batch", "Job", "cv", "train"))
    until("its quota is back", lambda: reserved(cluster) == {"a100-on-demand": "0"})
    until("its workload is gone", lambda: not list(cluster.kube.list(API, "Workload", namespace="cv")))
    cluster.settle(platform("a100-reserved"))
