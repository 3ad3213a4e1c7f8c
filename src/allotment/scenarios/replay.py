"""Replays recorded scenarios of the real Kueue and compares decision by decision.

Pure: a function takes parsed scenarios, whoever calls it reads the files. Within one cycle the recorded order is
arbitrary, so a cycle's decisions are compared as a set.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from allotment.scenarios.answers import answer
from allotment.scenarios.reading import read_scenario
from allotment.simulation.environment import simulate
from allotment.simulation.outcome import MessageChange, Outcome


@dataclass(frozen=True, slots=True)
class Difference:
    """Where our answer first departs from the recorded one.

    Attributes:
        part: "decisions", "cycles", "pending" or "pendingLog".
        t, cycle: when; -1 where it has no time.
        recorded: what the record says and we do not.
        ours: what we say and the record does not.
        state: decisions of both up to there, the last few.
    """

    part: str
    t: int
    cycle: int
    recorded: tuple[str, ...]
    ours: tuple[str, ...]
    state: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Replay:
    """One scenario replayed.

    Attributes:
        differences: at most one per part, the first; empty means identical.
        compared: the parts the record has.
    """

    id: str
    kind: str
    differences: tuple[Difference, ...]
    compared: tuple[str, ...]
    answer: Mapping[str, Any]

    @property
    def same_decisions(self) -> bool:
        """Identical but perhaps for message texts."""
        return all(each.part == "pendingLog" for each in self.differences)


@dataclass(slots=True)
class Agreement:
    """Tally of one class of scenarios."""

    kind: str
    scenarios: int = 0
    identical: int = 0
    same_decisions: int = 0
    differing: list[str] = field(default_factory=list)

    def count(self, replay: Replay) -> None:
        """Add one replay."""
        self.scenarios += 1
        self.identical += not replay.differences
        self.same_decisions += replay.same_decisions
        if replay.differences:
            self.differing.append(replay.id)


def replay(raw: Mapping[str, Any]) -> Replay:
    """Run one scenario and compare with what the file recorded, part by part."""
    scenario = read_scenario(raw)
    outcome = simulate(scenario, messages=raw.get("pendingLog") is not None)
    ours = answer(scenario.id, outcome)
    differences: list[Difference] = []
    compared: list[str] = []
    for part, difference in _compare(raw, ours, outcome):
        compared.append(part)
        if difference is not None:
            differences.append(difference)
    return Replay(scenario.id, scenario.kind, tuple(differences), tuple(compared), ours)


def _compare(
    raw: Mapping[str, Any], ours: Mapping[str, Any], outcome: Outcome
) -> Iterator[tuple[str, Difference | None]]:
    if raw.get("decisions") is None:
        return
    stats = raw.get("stats") or {}
    yield "decisions", _first_differing_cycle(raw["decisions"], ours["decisions"])
    if "cycles" in stats:
        same = stats["cycles"] == outcome.cycles
        numbers = (str(stats["cycles"]),), (str(outcome.cycles),)
        yield "cycles", None if same else Difference("cycles", -1, -1, *numbers)
    if raw.get("pending") is not None:
        yield "pending", _pending_difference(raw, ours)
    if raw.get("pendingLog") is not None:
        yield "pendingLog", _log_difference(raw["pendingLog"], outcome.pending_log)


def _first_differing_cycle(recorded: list[Any], ours: list[Any]) -> Difference | None:
    groups = (_by_cycle(recorded), _by_cycle(ours))
    keys = sorted(set(groups[0]) | set(groups[1]))
    for key in keys:
        theirs, mine = groups[0].get(key, set()), groups[1].get(key, set())
        if theirs != mine:
            before = [json.dumps(each, sort_keys=True) for each in recorded if _key(each) < key]
            return Difference(
                "decisions",
                key[0],
                key[1],
                tuple(sorted(theirs - mine)),
                tuple(sorted(mine - theirs)),
                tuple(before[-12:]),
            )
    return None


def _key(decision: Mapping[str, Any]) -> tuple[int, int, bool]:
    """Finishes of an instant come before its cycles."""
    return decision["t"], decision["cycle"], decision["event"] != "finish"


def _by_cycle(decisions: list[Any]) -> dict[tuple[int, int, bool], set[str]]:
    groups: dict[tuple[int, int, bool], set[str]] = {}
    for each in decisions:
        groups.setdefault(_key(each), set()).add(json.dumps(each, sort_keys=True))
    return groups


def _pending_difference(raw: Mapping[str, Any], ours: Mapping[str, Any]) -> Difference | None:
    """Compare the final pending set.

    A recorded message of several lines lists equally right alternatives. Which PodSet of a topology workload with
    several PodSets Kueue blames is random, so those messages are not compared.
    """
    random_text = {each["name"] for each in raw["workloads"] if raw.get("topologies") and len(each["podSets"]) > 1}
    mine = {each["workload"]: each for each in ours["pending"]}
    theirs = {each["workload"]: each for each in raw["pending"]}
    for name in sorted(set(mine) | set(theirs)):
        a, b = theirs.get(name), mine.get(name)
        if a is not None and b is not None:
            same_text = name in random_text or b["message"] in a["message"].split("\n")
            if same_text and {**a, "message": ""} == {**b, "message": ""}:
                continue
        return Difference("pending", -1, -1, (json.dumps(a, sort_keys=True),), (json.dumps(b, sort_keys=True),))
    return None


def _log_difference(recorded: list[Any], ours: tuple[MessageChange, ...]) -> Difference | None:
    theirs: dict[tuple[int, int], set[tuple[str, str]]] = {}
    mine: dict[tuple[int, int], set[tuple[str, str]]] = {}
    for each in recorded:
        theirs.setdefault((each["t"], each["cycle"]), set()).add((each["workload"], each["message"]))
    for change in ours:
        mine.setdefault((change.t, change.cycle), set()).add((change.workload, change.message))
    for key in sorted(set(theirs) | set(mine)):
        a, b = theirs.get(key, set()), mine.get(key, set())
        if a != b:
            return Difference(
                "pendingLog",
                key[0],
                key[1],
                tuple(f"{name}: {text}" for name, text in sorted(a - b)),
                tuple(f"{name}: {text}" for name, text in sorted(b - a)),
            )
    return None
