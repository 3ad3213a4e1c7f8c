"""From scenarios to a verdict: play, compare, confirm what differs, and make it small."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from tests.live.differential.arena import Arena
from tests.live.differential.record import Record
from tests.live.differential.scenarios import Scenario, smaller
from tests.live.differential.twin import Difference, first_difference, message_agreement

SHRINKING_ROUNDS = 3
TRIES_SIDE_BY_SIDE = 24


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


def judge(arena: Arena, scenarios: Sequence[Scenario]) -> Verdict:
    """Play all scenarios side by side; what differs is played again, alone, and then shrunk."""
    verdict = Verdict(len(scenarios))
    for record in arena.play(scenarios):
        _count(verdict, record)
        if first_difference(record) is None:
            verdict.agree += 1
            equal, compared, different = message_agreement(record)
            verdict.counts.update({"messages compared": compared, "messages equal": equal})
            verdict.messages.extend(different)
            continue
        [again] = arena.play([record.scenario])
        difference = first_difference(again)
        if difference is None:
            verdict.unrepeated.append(record.scenario["id"])
        else:
            verdict.failures.append(report(*shrink(arena, record.scenario, difference)))
    return verdict


def shrink(arena: Arena, scenario: Scenario, difference: Difference) -> tuple[Scenario, Difference]:
    """A smaller scenario that still differs: all simplifications side by side, the first that differs is kept."""
    for _ in range(SHRINKING_ROUNDS):
        tries = list(islice(smaller(scenario), TRIES_SIDE_BY_SIDE))
        for record in arena.play(tries):
            found = first_difference(record)
            if found is not None:
                scenario, difference = record.scenario, found
                break
        else:
            break
    return scenario, difference


def report(scenario: Scenario, difference: Difference) -> str:
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
