"""Our gangs beside the gang plugin's: the same cycle for each member, and the same ones stay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from allotment.scenarios.placement.reading import read_placement
from allotment.scenarios.placement.replay import start_state
from allotment.scheduling.placement.cycle import Fits, evaluate
from allotment.scheduling.placement.diagnosis import NEVER_PREEMPTS, event_text
from allotment.scheduling.placement.model import Pod
from allotment.scheduling.placement.state import ClusterState
from tests.peers.kube_scheduler.gangs import Gang, GangPlaced, place_gang

Json = dict[str, Any]


def _names(state: ClusterState, nodes: Any) -> list[str]:
    return sorted(state.nodes.nodes[int(n)].name for n in nodes)


def _member(state: ClusterState, pod: Pod, real: Json) -> str | None:
    """Evaluates a member like the real cycle did, places it where that did; says what differs."""
    found = evaluate(state, pod)
    if not isinstance(found, Fits):
        message = event_text(found.diagnosis, None if found.screening is None else NEVER_PREEMPTS)
        return None if real.get("message") == message else f"{pod.name}: ours {message!r}"
    best = _names(state, found.best)
    if real.get("best") is None or best != sorted(real["best"]):
        return f"{pod.name}: our best nodes are {best}"
    if found.scores is not None and sorted(real["total"]) != sorted(found.scores.total.tolist()):
        return f"{pod.name}: our totals are {found.scores.total.tolist()}"
    state.add(pod, state.node_index(real["node"]))
    return None


def difference(scenario: Json, answer: Json) -> str | None:
    """The first way in which our gangs differ from the real scheduler's; `None` if they agree."""
    parsed = read_placement({key: value for key, value in scenario.items() if key != "gangs"})
    state = start_state(parsed)
    pods = {pod.name: pod for pod in parsed.pods}
    for gang, real in zip(scenario["gangs"], answer["gangs"], strict=True):
        tried = [pods[m["pod"]] for m in real["tried"]]
        if [p.priority for p in tried] != sorted((p.priority for p in tried), reverse=True):
            return f"{gang['name']}: the real order {[p.name for p in tried]} is not by priority"
        mark = state.checkpoint()
        found = next((d for p, m in zip(tried, real["tried"], strict=True) if (d := _member(state, p, m))), None)
        state.rollback(mark)
        if found is not None:
            return f"{gang['name']}: {found}"
        nodes: Iterator[int] = iter([state.node_index(m["node"]) for m in real["tried"] if len(m.get("best", ())) > 1])
        placed = place_gang(
            state, Gang(gang["name"], tuple(tried), gang["minCount"]), lambda _, nodes=nodes: next(nodes)
        )
        ours = {r.pod.name for r in placed.running} if isinstance(placed, GangPlaced) else set()
        if ours != {m["pod"] for m in real["tried"] if m["bound"]}:
            return f"{gang['name']}: ours places {sorted(ours)}"
    return None
