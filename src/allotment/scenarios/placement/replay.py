"""Conformance: decide every pod of a scenario ourselves and compare with what the real kube-scheduler answered.

Only choices made at random among equals (`node`, `nominated`) are taken from the record, so that both stay on the
same track; everything else is computed from the scenario alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from allotment.errors import InputError
from allotment.scenarios.departure import Departure
from allotment.scenarios.placement.reading import (
    Json,
    PlacementScenario,
    read_placement,
    recorded_picks,
    written_amount,
)
from allotment.scheduling.placement.cycle import Fits, Unschedulable, evaluate
from allotment.scheduling.placement.diagnosis import event_text
from allotment.scheduling.placement.model import Pod
from allotment.scheduling.placement.nodes import Ints
from allotment.scheduling.placement.preemption import PreemptionResult, preempt
from allotment.scheduling.placement.promises import overtaken
from allotment.scheduling.placement.reasons import Refusal
from allotment.scheduling.placement.state import ClusterState

Answer = dict[str, Any]


def start_state(scenario: PlacementScenario) -> ClusterState:
    """The cluster before the first pod is placed."""
    state = ClusterState(scenario.nodes, scenario.namespaces)
    for pod, node in scenario.existing:
        state.add(pod, state.node_index(node))
    for pod, node in scenario.promised:
        state.promise(pod, state.node_index(node))
    return state


class _Placing:
    """One scenario on its way."""

    def __init__(self, scenario: PlacementScenario) -> None:
        self.scenario = scenario
        self.state = start_state(scenario)
        self._position = self.state.nodes.input_order

    def _sorted(self, nodes: Iterable[int]) -> list[int]:
        return sorted((int(n) for n in nodes), key=lambda n: int(self._position[n]))

    def _names(self, nodes: Iterable[int]) -> list[str]:
        return [self.state.nodes.nodes[n].name for n in self._sorted(nodes)]

    def answer(self, pod: Pod, picks: Sequence[str | None]) -> Answer:
        """All attempts for one pod: it is tried again at once after each preemption."""
        attempts: list[Answer] = []
        nominated: int | None = None
        while True:
            pick = picks[len(attempts)] if len(attempts) < len(picks) else None
            found = evaluate(self.state, pod, nominated)
            if isinstance(found, Fits):
                attempt = self._bound(pod, found, pick)
                nominee = None
            else:
                attempt, nominee = self._refused(pod, found, pick)
            if nominated is not None:
                attempt["tried_nominated"] = self.state.nodes.nodes[nominated].name
            attempts.append(attempt)
            if nominee is None:
                return {"pod": pod.name, "attempts": attempts}
            nominated = nominee

    def _bound(self, pod: Pod, found: Fits, pick: str | None) -> Answer:
        best = self._names(found.best)
        node = pick if pick in best else best[0]
        attempt: Answer = {"outcome": "bound", "node": node, "feasible": self._names(found.feasible)}
        if found.scores is not None:
            order = self._order(found.scores.window)
            attempt["total"] = [int(found.scores.total[i]) for i in order]
            plugins = sorted(found.scores.plugins().items(), key=lambda item: item[0].value)
            attempt["scores"] = {p.value: [int(s[i]) for i in order] for p, s in plugins}
        attempt["best"] = best
        self.state.add(pod, self.state.node_index(node))
        return attempt

    def _order(self, window: Ints) -> list[int]:
        return sorted(range(len(window)), key=lambda i: int(self._position[window[i]]))

    def _refused(self, pod: Pod, found: Unschedulable, pick: str | None) -> tuple[Answer, int | None]:
        diagnosis = found.diagnosis
        preemption = preempt(self.state, pod, found, self.scenario.budgets)
        attempt: Answer = {
            "outcome": "unschedulable",
            "message": event_text(diagnosis, preemption.report),
            "unschedulable_plugins": [p.value for p in diagnosis.plugins()],
        }
        if diagnosis.rejection is not None:
            attempt["prefilter_message"] = diagnosis.rejection.reasons[0].text
        if diagnosis.refusals:
            attempt["node_status"] = self._statuses(diagnosis.refusals)
        if diagnosis.others is not None and diagnosis.unnamed:
            attempt["other_nodes_status"] = _status(diagnosis.others)
        if not preemption.tried:
            return attempt, None
        attempt["preemption"], nominee = self._preemption(pod, preemption, pick)
        return attempt, nominee

    def _statuses(self, refusals: Mapping[Refusal, Iterable[int]]) -> list[Answer]:
        statuses = [{**_status(r), "nodes": sorted(self._names(nodes))} for r, nodes in refusals.items()]
        return sorted(statuses, key=lambda s: "|".join([s["plugin"], s["code"], *s["reasons"]]))

    def _preemption(self, pod: Pod, preemption: PreemptionResult, pick: str | None) -> tuple[Answer, int | None]:
        nodes = self.state.nodes.nodes
        victims = {c.node: [v.pod.name for v in c.victims] for c in preemption.candidates}
        candidates = {c.node: c for c in preemption.candidates}
        result: Answer = {
            "candidates": [
                {"node": nodes[n].name, "victims": victims[n], "pdb_violations": candidates[n].violations}
                for n in self._sorted(candidates)
            ]
        }
        nominee: int | None = None
        if preemption.best:
            best = self._names(c.node for c in preemption.best)
            name = pick if pick in best else best[0]
            nominee = self.state.node_index(name)
            result |= {"best": best, "nominated": name, "victims": victims[nominee]}
        if preemption.failed:
            result["node_status"] = self._statuses(preemption.failed)
        if nominee is not None:
            for victim in candidates[nominee].victims:
                self.state.remove(victim.pod.key)
            for waiting in overtaken(self.state, pod, nominee):
                self.state.promise(waiting, None)
        return result, nominee

    def picture(self) -> dict[str, object]:
        """Pods and use per node, by name."""
        state = self.state
        return {
            node.name: {
                "pods": sorted(state.pods_on[i]),
                "used": {
                    name: written_amount(name, int(state.used[row][i]))
                    for name, row in state.rows.items()
                    if state.used[row][i]
                },
            }
            for i, node in enumerate(state.nodes.nodes)
        }


def _status(refused: Refusal) -> Answer:
    return {
        "plugin": refused.plugin.value,
        "code": refused.code.value,
        "reasons": sorted(r.text for r in refused.reasons),
    }


def answers(data: Json, scenario: PlacementScenario | None = None) -> list[Answer]:
    """Our answers to one scenario, in the format of the recorded ones.

    Args:
        data: the line. Of its `answers`, only the picks among equals are looked at; they may be missing.
        scenario: the scenario in it, where it is read already.

    Raises:
        InputError: the scenario is not of the format; the field is named.
    """
    going = _Placing(read_placement(data) if scenario is None else scenario)
    picks = {each["pod"]: recorded_picks(each) for each in data.get("answers") or ()}
    return [going.answer(pod, picks.get(pod.name, ())) for pod in going.scenario.pods]


def first_difference(ours: object, recorded: object, path: str = "") -> tuple[str, object, object] | None:
    """The first place where two answers differ, with both values there."""
    if isinstance(ours, dict) and isinstance(recorded, dict):
        for key in sorted(ours.keys() | recorded.keys()):
            found = first_difference(ours.get(key), recorded.get(key), f"{path}.{key}" if path else str(key))
            if found is not None:
                return found
        return None
    return None if ours == recorded else (path, ours, recorded)


def compare(data: Json) -> Departure | None:
    """Replay a scenario against its recorded answers; `None` if every field of every attempt is the same.

    Raises:
        InputError: the scenario is not of the format, or its answers are not one for each pod.
    """
    going = _Placing(read_placement(data))
    answered = data.get("answers") or ()
    if [a.get("pod") for a in answered] != [p.name for p in going.scenario.pods]:
        raise InputError(
            f"scenario {data['id']} has no answer for each of its pods, in their order",
            fix="compare only scenarios with recorded answers; without them, write our own",
        )
    for pod, recorded in zip(going.scenario.pods, answered, strict=True):
        before = going.picture()
        for number, (mine, real) in enumerate(
            zip_longest(going.answer(pod, recorded_picks(recorded))["attempts"], recorded["attempts"]), start=1
        ):
            found = first_difference(mine, real)
            if found is not None:
                path, ours, theirs = found
                state = tuple(f"{node}: {_text(use)}" for node, use in before.items())
                place = f"{pod.name} attempt {number} {path}".rstrip()
                return Departure(place, (_text(theirs),), (_text(ours),), state)
    return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
