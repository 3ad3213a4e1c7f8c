"""From scenarios to a verdict: play, compare, confirm what differs, and make it small."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from allotment.scenarios.placement.replay import answers
from tests.live.differential.placements import Decide, Misplaced, Placed, first_misplaced, placement_simplifications
from tests.live.differential.record import Record
from tests.live.differential.scenarios import simplifications
from tests.live.differential.shrinking import Scenario, shrink
from tests.live.differential.twin import Difference, first_difference, message_agreement

MOST_PLAYS = 16
TRIES_SIDE_BY_SIDE = 24
MOST_PLACEMENT_PLAYS = 100


@dataclass(slots=True)
class Verdict:
    """How far the two sides agree.

    Attributes:
        unrepeated: scenarios that differed once and not again when played alone: the machine's fault.
        counts: what happened on the way, so that one sees that something did.
        messages: texts of pending workloads that differ; decisions were the same.
    """

    scenarios: int = 0
    agree: int = 0
    unrepeated: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    messages: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counted = ", ".join(f"{number} {what}" for what, number in sorted(self.counts.items()))
        return (
            f"{self.agree} of {self.scenarios} scenarios agree after every action; {len(self.unrepeated)} differed "
            f"once and not again; {counted}"
        )

    def add(self, other: Verdict) -> None:
        """Count another verdict in."""
        self.scenarios += other.scenarios
        self.agree += other.agree
        self.unrepeated += other.unrepeated
        self.failures += other.failures
        self.counts.update(other.counts)
        self.messages += other.messages


class Player(Protocol):
    """Takes scenarios to their ends: the arena, or in offline tests something that stands in for it."""

    def play(self, scenarios: Sequence[Scenario]) -> list[Record]:
        """One record for each scenario."""


def judge(
    arena: Player,
    scenarios: Sequence[Scenario],
    difference_of: Callable[[Record], Difference | None] = first_difference,
) -> Verdict:
    """Play all scenarios side by side; what differs is played again, alone, and then shrunk."""
    verdict = Verdict(len(scenarios))
    for record in arena.play(scenarios):
        _count(verdict, record)
        if difference_of(record) is None:
            verdict.agree += 1
            equal, compared, different = message_agreement(record)
            verdict.counts.update({"messages compared": compared, "messages equal": equal})
            verdict.messages.extend(different)
            continue
        [again] = arena.play([record.scenario])
        difference = difference_of(again)
        if difference is None:
            verdict.unrepeated.append(record.scenario["id"])
            continue
        smallest = shrink(
            record.scenario,
            difference,
            simplifications,
            lambda tries: [difference_of(each) for each in arena.play(tries)],
            side_by_side=TRIES_SIDE_BY_SIDE,
            most_plays=MOST_PLAYS,
        )
        verdict.failures.append(report(*smallest))
    return verdict


def judge_placements(
    play: Callable[[Scenario], list[Placed]], scenarios: Iterable[Scenario], decide: Decide = answers
) -> Verdict:
    """Play placement scenarios one after the other; what differs is played again, and then shrunk."""
    verdict = Verdict()

    def differs(scenario: Scenario) -> Misplaced | None:
        return first_misplaced(scenario, play(scenario), decide)

    for scenario in scenarios:
        verdict.scenarios += 1
        placed = play(scenario)
        bound = sum(each.node is not None for each in placed)
        victims = sum(len(each.victims) for each in placed)
        verdict.counts.update({"bound": bound, "refused": len(placed) - bound, "preempted": victims})
        if first_misplaced(scenario, placed, decide) is None:
            verdict.agree += 1
            continue
        found = differs(scenario)
        if found is None:
            verdict.unrepeated.append(scenario["id"])
            continue
        smallest = shrink(
            scenario,
            found,
            placement_simplifications,
            lambda tries: [differs(each) for each in tries],
            side_by_side=1,
            most_plays=MOST_PLACEMENT_PLAYS,
        )
        verdict.failures.append(report(*smallest))
    return verdict


def report(scenario: Scenario, difference: Difference | Misplaced) -> str:
    """The scenario as a file's content, and both answers."""
    return f"{scenario['id']}, shrunk: {difference}\n{json.dumps(scenario)}"


def _count(verdict: Verdict, record: Record) -> None:
    verbs = Counter(verb for verb, _ in record.actions)
    reasons = Counter(
        state.removeprefix("evicted ")
        for before, after in zip([{}, *record.states], record.states, strict=False)
        for name, state in after.items()
        if state.startswith("evicted") and not before.get(name, "").startswith("evicted")
    )
    verdict.counts.update({f"{verb} actions": number for verb, number in verbs.items()})
    verdict.counts.update(reasons)
