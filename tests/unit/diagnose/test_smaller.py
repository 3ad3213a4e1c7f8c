"""Asking for less CPU and memory where GPUs would do: the smallest change of one number, tried, now or some day."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.diagnose.explaining import explain
from allotment.diagnose.rules.scheduler.smaller import asking_less, most_of
from allotment.model.explanation import RemedyKind, StartsWhen
from allotment.model.observed.pods import Container, PodSpec, Resources
from tests.unit.diagnose.building import GPU, TEAM, Raw, case_of, job, node, pod, pod_spec, running, waiting
from tests.unit.diagnose.queues import cluster_queue, holding, platform, queued, quota

NOW, LATER = StartsWhen.NOW, StartsWhen.LATER
DAEMON = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "agent", "uid": "agent", "namespace": "kube-system"},
    "spec": {"template": {"spec": pod_spec(gpus=0, cpu="500m")}},
}
AGENT = [DAEMON, pod("agent-0", "n", owner=DAEMON, namespace="kube-system", gpus=0, cpu="500m")]


def of_cpu(cpu: str, gpus: int = 8) -> list[Raw]:
    return platform(cluster_queue("cq", quota("f", gpus, cpu=cpu)))


def in_namespace(most: str, **spec: Any) -> list[Raw]:
    """A Job without a queue whose pods the namespace's quota of CPU refuses."""
    hard = {"requests.cpu": most}
    meta = {"name": "rq", "namespace": TEAM, "uid": "rq"}
    return [
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": {"hard": hard}},
        job("train", **spec),
    ]


LESS: dict[str, tuple[list[Raw], list[tuple[str, StartsWhen]]]] = {
    "more than the queue ever has": (
        [*of_cpu("16"), node("n"), *queued(cpu="40")],
        [("ask for less: 40 → 16 cpu", NOW)],
    ),
    "more than the queue has, which has more than a node": (
        [*of_cpu("40"), node("n"), *queued(cpu="48")],
        [("ask for less: 48 → 32 cpu", NOW)],
    ),
    "the same, with GPUs in use": (
        [*of_cpu("40", 1), node("n"), *AGENT, *holding("busy", "cq", cpu="1"), *queued(cpu="48")],
        [("ask for less: 48 → 31 cpu", LATER)],
    ),
    "less at once, or more some day": (
        [*of_cpu("24"), node("n"), *holding("busy", "cq", cpu="10"), *queued(cpu="30")],
        [("ask for less: 30 → 14 cpu", NOW), ("ask for less: 30 → 24 cpu", LATER)],
    ),
    "quota that no node has room for": (
        [*of_cpu("40"), node("n"), *holding("busy", "cq", cpu="10"), *running("x", "n", gpus=0, cpu="10"),
         *queued(cpu="32")],
        [("ask for less: 32 → 12 cpu", NOW)],
    ),
    "each pod of several": (
        [*of_cpu("32"), node("n"), *queued(pods=4, cpu="10")],
        [("submit it with parallelism 4 → 3: 30 cpu are free in flavor f", NOW),
         ("ask for less for each pod: 10 → 8 cpu", NOW)],
    ),
    "two numbers at once": (
        [*platform(cluster_queue("cq", quota("f", 8, cpu="16", memory="16Gi"))), node("n"),
         *queued(cpu="40", asks={"memory": "40Gi"})],
        [("ask for less: 40 → 16 cpu, 40Gi → 16Gi memory", NOW)],
    ),
    "more than a node has": ([node("n"), *waiting(cpu="40")], [("ask for less: 40 CPU → 32 CPU", NOW)]),
    "more than a node has, with GPUs in use": (
        [node("n", 1), *AGENT, *running("x", "n"), *waiting(cpu="40")],
        [("ask for less: 40 CPU → 31 CPU", LATER)],
    ),
    "more than a node has of two things": (
        [node("n", 1), *waiting(cpu="40", asks={"memory": "300Gi"})],
        [("ask for less: 40 CPU → 32 CPU, 300 GiB → 256 GiB", NOW)],
    ),
    "more than the namespace may, which is more than a node has": (
        [node("n"), *in_namespace("40", cpu="48")],
        [("ask for 32 cpu", NOW)],
    ),
    "the same, with GPUs of nodes in use": (
        [node("n", 1), *running("x", "n"), *in_namespace("40", cpu="48")],
        [("ask for 32 cpu", LATER)],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("objects", "told"), LESS.values(), ids=LESS)
def test_as_little_is_given_up_as_lets_it_start(objects: list[Raw], told: list[tuple[str, StartsWhen]]) -> None:
    found = [each for each in explain(case_of(objects)).remedies if each.kind is RemedyKind.REDUCE_REQUEST]
    assert [(each.summary, each.tried.starts) for each in found] == told


def test_more_of_a_namespace_is_no_help_where_no_node_is_as_large() -> None:
    found = explain(case_of([node("n"), *in_namespace("40", cpu="48")])).remedies
    assert RemedyKind.RAISE_NAMESPACE_QUOTA not in {each.kind for each in found}
    found = explain(case_of([node("n"), *in_namespace("20", cpu="30")])).remedies
    assert {each.kind: each.tried.starts for each in found}[RemedyKind.RAISE_NAMESPACE_QUOTA] is NOW


def test_of_several_resources_the_most_that_fits_together_is_found() -> None:
    def fits(amounts: Any) -> bool:
        return bool(amounts["cpu"] / 1000 + amounts["memory"] / (1 << 30) <= 40)

    assert most_of({"cpu": 30500, "memory": 64 << 30}, fits) == {"cpu": 30000, "memory": 10 << 30}
    assert most_of({"cpu": 50000, "memory": 1 << 30}, fits) is None
    assert most_of({"cpu": 900, "memory": 3 << 20}, fits) == {"cpu": 900, "memory": 3 << 20}


def container(name: str, requests: dict[str, str], limits: dict[str, str] | None = None) -> Container:
    return Container(name=name, resources=Resources(requests=requests, limits=limits or {}))


def test_one_container_gives_all_and_where_that_is_too_much_those_that_ask_as_much() -> None:
    both = PodSpec(
        containers=(container("a", {"cpu": "20"}, {"cpu": "20"}), container("b", {"cpu": "4"}, {"cpu": "8"}))
    )
    assert asking_less(both, {"cpu": 8000}) == {
        "containers": [{"name": "a", "resources": {"requests": {"cpu": "12"}, "limits": {"cpu": "12"}}}]
    }
    alike = PodSpec(containers=tuple(container(name, {}, {GPU: "8"}) for name in "ab"))
    assert asking_less(alike, {GPU: 8}) == {
        "containers": [{"name": name, "resources": {"limits": {GPU: "4"}}} for name in "ab"]
    }
    apart = PodSpec(containers=(container("b", {"cpu": "4"}, {"cpu": "8"}),))
    assert asking_less(apart, {"cpu": 1000}) == {"containers": [{"name": "b", "resources": {"requests": {"cpu": "3"}}}]}
    assert asking_less(alike, {GPU: 16}) is None


BESIDES: dict[str, tuple[Raw, str, Raw]] = {
    "asked for by the pod as a whole": (
        {"resources": {"requests": {"cpu": "40"}, "limits": {"cpu": "40"}}},
        "ask for less: 40 CPU → 32 CPU",
        {"resources": {"requests": {"cpu": "32"}, "limits": {"cpu": "32"}}},
    ),
    "a sidecar": (
        {"initContainers": [{"name": "proxy", "restartPolicy": "Always", "resources": {"requests": {"cpu": "4"}}}]},
        "ask for less: 34 CPU → 32 CPU, of it 4 CPU for the sidecar proxy",
        {"containers": [{"name": "main", "resources": {"requests": {"cpu": "28"}}}]},
    ),
    "overhead": (
        {"overhead": {"cpu": "4"}, "runtimeClassName": "kata"},
        "ask for less: 34 CPU → 32 CPU, of it 4 CPU the overhead of the runtime class kata",
        {"containers": [{"name": "main", "resources": {"requests": {"cpu": "28"}}}]},
    ),
}


@pytest.mark.parametrize(("spec", "says", "change"), BESIDES.values(), ids=BESIDES)
def test_what_containers_do_not_ask_for_is_told_and_stays(spec: Raw, says: str, change: Raw) -> None:
    runtime = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "kata"}, "handler": "k"}
    first = explain(case_of([runtime, node("n"), *waiting(gpus=0, cpu="30", **spec)])).remedies[0]
    assert first.patch is not None
    assert (first.summary, first.patch.body["spec"]["template"]["spec"]) == (says, change)
