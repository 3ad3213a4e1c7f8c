"""A namespace without any LocalQueue: which ClusterQueue a new one points to, who makes it, and what comes of that."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from allotment.diagnose.explaining import explain
from allotment.diagnose.subjects import find_case
from allotment.model.explanation import Doer, Explanation, RemedyKind, StartsWhen
from allotment.model.observed.snapshot import Gap, Snapshot
from tests.unit.diagnose.building import NOW, TEAM, Raw, case_of, node
from tests.unit.diagnose.queues import cluster_queue, condition, queued, quota, thing

HELD = {"stopPolicy": "Hold"}
ELSEWHERE = {"namespaceSelector": {"matchLabels": {"team": "team-b"}}}
INACTIVE = {"status": {"conditions": [condition("Active", "False")]}}


def space(name: str, **labels: str) -> Raw:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def queue(name: str, gpus: int = 8, **more: Any) -> Raw:
    return cluster_queue(name, quota("f", gpus), **more)


def local(name: str, namespace: str, behind: str) -> Raw:
    return thing("LocalQueue", name, namespace, clusterQueue=behind)


def answer(*objects: Raw, gpus: int = 1) -> Explanation:
    there = [space(TEAM, team="vision"), space("vision-2", team="vision"), space("other", team="else"), node("n")]
    return explain(case_of([*there, thing("ResourceFlavor", "f"), *objects, *queued(gpus=gpus)]))


TOLD: dict[str, tuple[list[Raw], str, StartsWhen]] = {
    "the only one that admits the namespace": (
        [queue("a"), queue("b", **ELSEWHERE), queue("c", **HELD), queue("d", **INACTIVE)],
        "that points to a, the only ClusterQueue that admits this namespace",
        StartsWhen.NOW,
    ),
    "that of the team's other namespace": (
        [queue("a"), queue("b"), local("main", "other", "a"), local("main", "vision-2", "b")],
        "that points to b, as the team's other namespaces do",
        StartsWhen.NOW,
    ),
    "that which bears the team's label": (
        [queue("a"), queue("b", metadata={"labels": {"team": "vision"}})],
        "that points to b, as the team's other namespaces do",
        StartsWhen.NOW,
    ),
    "several, of which those that could have as many": (
        [queue("a", 0), queue("b", 8), queue("c", 16), local("main", "other", "c")],
        "that points to b; c would admit it too: the platform team chooses",
        StartsWhen.NOW,
    ),
    "none that has as many": (
        [queue("a", 0), queue("b", 0)],
        ": no ClusterQueue that admits this namespace has quota of what it asks",
        StartsWhen.NOT_SIMULATED,
    ),
}


@pytest.mark.parametrize(("objects", "told", "starts"), TOLD.values(), ids=TOLD)
def test_who_runs_the_platform_makes_it(objects: list[Raw], told: str, starts: StartsWhen) -> None:
    found = answer(*objects)
    only = found.remedies[0]
    assert found.cause == "queue-missing"
    assert only.summary == f"create a LocalQueue q in {TEAM}{'' if told.startswith(':') else ' '}{told}"
    assert (only.who, only.tried.starts) == (Doer.PLATFORM, starts)


def test_the_line_makes_the_queue_that_was_tried() -> None:
    (only,) = answer(queue("a")).remedies
    made, sent = only.command.rsplit(" | ", 1)
    assert sent == "kubectl create -f -"
    assert only.patch is not None
    assert made == "printf %s '" + str(only.patch.body).replace("'", '"').replace(": ", ":").replace(", ", ",") + "'"


def test_of_several_those_are_told_that_were_tried_and_help() -> None:
    """The nodes of one flavor have no GPUs."""
    bare = thing("ResourceFlavor", "none", nodeLabels={"kind": "none"})
    found = answer(bare, cluster_queue("a", quota("none", 8)), queue("b"), queue("c"))
    assert [each.summary.split(" points to ")[1] for each in found.remedies] == [
        f"{name}; a, {other} would admit it too: the platform team chooses" for name, other in ("bc", "cb")
    ]


def test_a_namespace_with_a_queue_is_told_of_no_other() -> None:
    found = answer(queue("a", **HELD), queue("b"), local("main", TEAM, "a"))
    assert [each.kind for each in found.remedies] == [RemedyKind.FIX_QUEUE_NAME]


def test_whoever_does_not_see_the_queues_is_told_to_ask() -> None:
    source = case_of([space(TEAM), node("n"), *queued()]).source
    blind = replace(source, gaps=(Gap(what="clusterqueues", reason="forbidden"),))
    (only,) = explain(find_case(Snapshot(taken_at=NOW, sources=(blind,)), "job/train", TEAM)).remedies
    assert only.summary.endswith("which ClusterQueues admit this namespace was not seen")
    assert (only.who, only.tried.starts, only.command) == (Doer.PLATFORM, StartsWhen.NOT_SIMULATED, "")
