"""Conformance: does our engine decide as the real Kueue and the real kube-scheduler did? And our own answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from allotment.errors import InputError, at
from allotment.model.grammar import count
from allotment.operations.foresee.opening import check_scenarios, refuse, scenario_lines
from allotment.ports.scenario_files import ScenarioFilesPort
from allotment.scenarios import replay as queueing
from allotment.scenarios.departure import Departure
from allotment.scenarios.kinds import PLACEMENT_SCENARIOS, QUEUEING_SCENARIOS, ScenarioKind
from allotment.scenarios.lines import ScenarioLine
from allotment.scenarios.parsing import without_nulls
from allotment.scenarios.placement import replay as placement
from allotment.scenarios.placement.reading import read_placement
from allotment.scenarios.placement.recorded import has_answers, with_picks
from allotment.scenarios.reading import read_scenario
from allotment.scenarios.recorded import check_comparable

Answer = Mapping[str, Any]


class Reference(StrEnum):
    """Whose decisions the files hold."""

    KUEUE = "kueue"
    PLACEMENT = "placement"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Where our answer to a scenario first departs from the recorded one.

    Attributes:
        where: file and line.
        kind: the scenario's class.
        place: what differs, e.g. ``decisions at t=1200 ms, cycle 7`` or ``p03 attempt 1 message``.
        recorded: what the real component decided and we did not.
        ours: what we decided and it did not.
        state: how things stood just before.
    """

    where: str
    scenario: str
    kind: str
    place: str
    recorded: tuple[str, ...]
    ours: tuple[str, ...]
    state: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """Our answer to one scenario, and where it departs from the recorded one.

    Attributes:
        compared: the file has a recorded answer for it.
    """

    scenario: str
    kind: str
    compared: bool
    disagreement: Disagreement | None
    answer: Answer


@dataclass(slots=True)
class ClassAgreement:
    """Tally of one class of scenarios.

    Attributes:
        unrecorded: scenarios without a recorded answer; nothing was compared there.
        differing: ids of those that differ.
    """

    kind: str
    scenarios: int = 0
    identical: int = 0
    unrecorded: int = 0
    differing: tuple[str, ...] = ()

    @property
    def compared(self) -> int:
        """Scenarios with a recorded answer."""
        return self.scenarios - self.unrecorded

    def count(self, own: OwnAnswer) -> None:
        """Add one scenario."""
        self.scenarios += 1
        self.unrecorded += not own.compared
        self.identical += own.compared and own.disagreement is None
        if own.disagreement is not None:
            self.differing += (own.scenario,)


@dataclass(frozen=True, slots=True)
class ConformanceReport:
    """Agreement over all files; `first` is the first difference met."""

    reference: Reference
    classes: tuple[ClassAgreement, ...]
    first: Disagreement | None

    @property
    def scenarios(self) -> int:
        """All scenarios."""
        return sum(each.scenarios for each in self.classes)

    @property
    def compared(self) -> int:
        """Those with a recorded answer."""
        return sum(each.compared for each in self.classes)

    @property
    def identical(self) -> int:
        """Those where every field is the same."""
        return sum(each.identical for each in self.classes)

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return self.first is None


def check_files(
    reference: Reference,
    files: ScenarioFilesPort,
    names: Sequence[str],
    *,
    write: str | None = None,
    progress: Callable[[ScenarioLine, int, int], None] | None = None,
) -> ConformanceReport:
    """Check scenario files.

    Args:
        reference: whose decisions these are.
        files: where they are read.
        names: the scenario files, gzipped or not.
        write: file for our own answers, one line a scenario.
        progress: as in `check`.

    Raises:
        NotFoundError: there is no such file.
        InputError: a file holds no scenarios; or as `check`.
        ConflictError: `write` is one of the files.
    """
    for name in names:
        check_scenarios(files, name, _WANTED[reference])
    if write is None:
        return check(reference, scenario_lines(files, *names), progress=progress)
    with files.answers(write, names) as answers:
        return check(reference, scenario_lines(files, *names), write=answers.write, progress=progress)


def check(
    reference: Reference,
    lines: Iterable[ScenarioLine],
    *,
    write: Callable[[Answer], None] | None = None,
    progress: Callable[[ScenarioLine, int, int], None] | None = None,
) -> ConformanceReport:
    """Decide every scenario ourselves and compare with what its file recorded.

    Args:
        reference: whose decisions these are.
        lines: the scenarios.
        write: takes our own answer to each, in the recorded format.
        progress: told before each scenario: the scenario, how many are done, how many of them differ.

    Raises:
        InputError: a scenario is for the other twin, or cannot be read; or there is nothing to compare and no `write`.
    """
    decide = _CHECKS[reference]
    other, taken_by = _OTHER[reference]
    classes: dict[str, ClassAgreement] = {}
    first: Disagreement | None = None
    done = differing = 0
    for line in lines:
        if progress is not None:
            progress(line, done, differing)
        refuse(other, line, taken_by)
        with at(line.where):
            own = decide(line)
        classes.setdefault(own.kind, ClassAgreement(own.kind)).count(own)
        done += 1
        differing += own.disagreement is not None
        first = first or own.disagreement
        if write is not None:
            write(own.answer)
    report = ConformanceReport(reference, tuple(classes.values()), first)
    if not report.compared and write is None:
        raise InputError(
            "nothing to compare",
            why=f"none of {count(done, 'scenario')} holds recorded {_RECORDS[reference]}"
            if done
            else "no scenario found",
            fix="name files with recorded answers, or get our own with --write OUT.jsonl",
        )
    return report


_WANTED: Final = {Reference.KUEUE: QUEUEING_SCENARIOS, Reference.PLACEMENT: PLACEMENT_SCENARIOS}
_OTHER: Final = {
    Reference.KUEUE: (ScenarioKind.PLACEMENT, "`allot conformance placement FILE` takes it"),
    Reference.PLACEMENT: (ScenarioKind.QUEUEING, "`allot conformance kueue FILE` takes it"),
}
"""The scenarios that are of no use, and what takes them."""
_RECORDS: Final = {Reference.KUEUE: "decisions", Reference.PLACEMENT: "answers"}


def _kueue(line: ScenarioLine) -> OwnAnswer:
    data = without_nulls(line.data)
    scenario = read_scenario(data)
    check_comparable(data, scenario)
    replayed = queueing.replay(data, scenario)
    disagreement = None
    if replayed.departures:
        disagreement = _disagreement(line, replayed.id, replayed.kind, replayed.departures[0])
    return OwnAnswer(replayed.id, replayed.kind, bool(replayed.compared), disagreement, replayed.answer)


def _disagreement(line: ScenarioLine, scenario: str, kind: str, found: Departure) -> Disagreement:
    return Disagreement(line.where, scenario, kind, found.place, found.recorded, found.ours, found.state)


def _placement(line: ScenarioLine) -> OwnAnswer:
    inputs = without_nulls(line.data)
    scenario = read_placement(inputs)
    data = with_picks(inputs, scenario)
    own = placement.answers(data, scenario)
    answer = {"id": scenario.id, "answers": own}
    if not has_answers(data):
        return OwnAnswer(scenario.id, scenario.kind, compared=False, disagreement=None, answer=answer)
    found = None if own == data["answers"] else placement.compare(data)
    disagreement = None if found is None else _disagreement(line, scenario.id, scenario.kind, found)
    return OwnAnswer(scenario.id, scenario.kind, compared=True, disagreement=disagreement, answer=answer)


_CHECKS: Final[dict[Reference, Callable[[ScenarioLine], OwnAnswer]]] = {
    Reference.KUEUE: _kueue,
    Reference.PLACEMENT: _placement,
}
