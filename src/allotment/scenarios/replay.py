"""Replays recorded scenarios of the real Kueue and compares decision by decision.

Pure: a function takes parsed scenarios, whoever calls it reads the files. Within one cycle the recorded order is
arbitrary, so a cycle's decisions are compared as a set.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from allotment.scenarios.answers import answer
from allotment.scenarios.departure import Departure
from allotment.scenarios.reading import read_scenario
from allotment.simulation.environment import simulate
from allotment.simulation.outcome import MessageChange, RunOutcome
from allotment.simulation.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Replay:
    """One scenario replayed.

    Attributes:
        departures: at most one per part, the first; empty means identical.
        compared: the parts the record has: decisions, cycles, pending, pendingLog.
    """

    id: str
    kind: str
    departures: tuple[Departure, ...]
    compared: tuple[str, ...]
    answer: Mapping[str, Any]


def replay(raw: Mapping[str, Any], scenario: Scenario | None = None) -> Replay:
    """Run one scenario and compare with what the file recorded, part by part.

    Args:
        raw: the line.
        scenario: the scenario in it, where it is read already.

    Raises:
        InputError: the scenario is not of the format; the field is named.
    """
    scenario = read_scenario(raw) if scenario is None else scenario
    outcome = simulate(scenario, messages=raw.get("pendingLog") is not None)
    ours = answer(scenario.id, outcome)
    departures: list[Departure] = []
    compared: list[str] = []
    for part, departure in _compare(raw, ours, outcome):
        compared.append(part)
        if departure is not None:
            departures.append(departure)
    return Replay(scenario.id, scenario.kind, tuple(departures), tuple(compared), ours)


def _compare(
    raw: Mapping[str, Any], ours: Mapping[str, Any], outcome: RunOutcome
) -> Iterator[tuple[str, Departure | None]]:
    if raw.get("decisions") is None:
        return
    stats = raw.get("stats") or {}
    yield "decisions", _first_differing_cycle(raw["decisions"], ours["decisions"])
    if "cycles" in stats:
        same = stats["cycles"] == outcome.cycles
        numbers = (str(stats["cycles"]),), (str(outcome.cycles),)
        yield "cycles", None if same else Departure("cycles", *numbers)
    if raw.get("pending") is not None:
        yield "pending", _pending_departure(raw, ours)
    if raw.get("pendingLog") is not None:
        yield "pendingLog", _log_departure(raw["pendingLog"], outcome.pending_log)


def _first_differing_cycle(recorded: list[Any], ours: list[Any]) -> Departure | None:
    groups = (_by_cycle(recorded), _by_cycle(ours))
    keys = sorted(set(groups[0]) | set(groups[1]))
    for key in keys:
        theirs, mine = groups[0].get(key, set()), groups[1].get(key, set())
        if theirs != mine:
            before = [json.dumps(each, sort_keys=True) for each in recorded if _key(each) < key]
            return Departure(
                _place("decisions", *key[:2]),
                tuple(sorted(theirs - mine)),
                tuple(sorted(mine - theirs)),
                tuple(before[-12:]),
            )
    return None


def _place(part: str, t: int, cycle: int) -> str:
    return f"{part} at t={t} ms, cycle {cycle}"


def _key(decision: Mapping[str, Any]) -> tuple[int, int, bool]:
    """Finishes of an instant come before its cycles."""
    return decision["t"], decision["cycle"], decision["event"] != "finish"


def _by_cycle(decisions: list[Any]) -> dict[tuple[int, int, bool], set[str]]:
    groups: dict[tuple[int, int, bool], set[str]] = {}
    for each in decisions:
        groups.setdefault(_key(each), set()).add(json.dumps(each, sort_keys=True))
    return groups


def _pending_departure(raw: Mapping[str, Any], ours: Mapping[str, Any]) -> Departure | None:
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
        return Departure("pending", (json.dumps(a, sort_keys=True),), (json.dumps(b, sort_keys=True),))
    return None


def _log_departure(recorded: list[Any], ours: tuple[MessageChange, ...]) -> Departure | None:
    theirs: dict[tuple[int, int], set[tuple[str, str]]] = {}
    mine: dict[tuple[int, int], set[tuple[str, str]]] = {}
    for each in recorded:
        theirs.setdefault((each["t"], each["cycle"]), set()).add((each["workload"], each["message"]))
    for change in ours:
        mine.setdefault((change.t, change.cycle), set()).add((change.workload, change.message))
    for key in sorted(set(theirs) | set(mine)):
        a, b = theirs.get(key, set()), mine.get(key, set())
        if a != b:
            return Departure(
                _place("pendingLog", *key),
                tuple(f"{name}: {text}" for name, text in sorted(a - b)),
                tuple(f"{name}: {text}" for name, text in sorted(b - a)),
            )
    return None
