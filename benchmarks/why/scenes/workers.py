"""Scenes in which work is sent to another cluster: a manager and a worker, both real, joined by MultiKueue."""

from __future__ import annotations

import base64
import time
from pathlib import Path

from benchmarks.why.making import (
    A100,
    KUEUE,
    Raw,
    cluster_queue,
    flavor,
    job,
    local_queue,
    namespace,
    node,
    pod_spec,
    usual,
)
from benchmarks.why.scenes.checks import admission_check
from benchmarks.why.scenes.states import admitted, condition, more_quota, workload_of
from benchmarks.why.situation import Act, Played, Situation
from benchmarks.why.stage import Stage

_MULTI_KUEUE = "kueue.x-k8s.io/multikueue"


def no_worker_takes_it(stage: Stage) -> Played:
    """The manager has quota for the job; the only worker is full, and has a copy of the Workload that waits."""
    worker = _joined(stage, "genomes", manager=16, worker=8)
    busy = job("align", "genomes", "main", spec=pod_spec(8))
    worker.make(busy)
    admitted(worker, "align", namespace="genomes")
    mine = job("assemble", "genomes", "main", spec=pod_spec(8))
    stage.make(mine)
    stage.until("the worker has refused its copy", lambda: _refused(stage, worker, "assemble", "genomes"))
    time.sleep(2)

    def ends(live: Stage) -> None:
        assert live.worker is not None
        live.worker.delete(busy)

    return Played(
        mine,
        {"admission_check": "elsewhere", "clusters": ["south"], "cluster_queue": "genomes"},
        (Act("wait-for-quota", "user", "wait until the worker has room", "wait", None, {"until": "taken"}, ends),),
        (more_quota("genomes", 32),),
    )


def _joined(stage: Stage, name: str, *, manager: int, worker: int) -> Stage:
    """A queue on the manager whose work runs in the worker `south`, where namespace and queue are called the same."""
    other = stage.worker
    assert other is not None
    for each, gpus in ((other, worker), (stage, manager)):
        each.make(namespace(name), flavor("a100", A100))
        checks = {} if each is other else {"admissionChecksStrategy": {"admissionChecks": [{"name": "elsewhere"}]}}
        if each is stage:
            each.make(*_way_to(other), admission_check("elsewhere", _MULTI_KUEUE, "all", "MultiKueueConfig"))
        each.make(cluster_queue(name, {"a100": usual(gpus)}, **checks), local_queue("main", name, name))
    stage.until("the worker is connected", lambda: _connected(stage))
    return other


def _way_to(worker: Stage) -> tuple[Raw, ...]:
    kubeconfig = base64.b64encode(Path(worker.access[0]).read_bytes()).decode()
    place = {"kubeConfig": {"location": "south", "locationType": "Secret"}}
    return (
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "south", "namespace": "kueue-system"},
            "data": {"kubeconfig": kubeconfig},
        },
        {
            "apiVersion": KUEUE,
            "kind": "MultiKueueCluster",
            "metadata": {"name": "south"},
            "spec": {"clusterSource": place},
        },
        {
            "apiVersion": KUEUE,
            "kind": "MultiKueueConfig",
            "metadata": {"name": "all"},
            "spec": {"clusters": ["south"]},
        },
    )


def _connected(stage: Stage) -> bool:
    found = stage.get("multikueueclusters.kueue.x-k8s.io", "south")
    checks = stage.get("admissionchecks.kueue.x-k8s.io", "elsewhere")
    return all(condition(each, "Active").get("status") == "True" for each in (found, checks))


def _refused(stage: Stage, worker: Stage, name: str, space: str) -> bool:
    own = workload_of(stage, name, space)
    if own is None:
        return False
    copy = worker.get("workloads.kueue.x-k8s.io", own["metadata"]["name"], space)
    return copy is not None and condition(copy, "QuotaReserved").get("status") == "False"


SITUATIONS = (
    Situation(
        "s46",
        "multikueue-no-worker",
        "queue",
        "waiting",
        "https://github.com/kubernetes-sigs/kueue/issues/8602",
        no_worker_takes_it,
        (node("cpu-a", 0),),
        worker=(node("gpu-a"), node("cpu-a", 0)),
    ),
)
