"""A ledger from a series of snapshots.

What a snapshot shows holds until the next one of the same source, if that comes soon enough; else the whole time
between is `unobserved`: nothing is carried over a gap. A device that is below its threshold waits in a stretch until it
is known whether the stretch lasts long enough: then all of it was idle, else none of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from allotment.accounting.ledger import MS_PER_HOUR, CauseOfTime, Charge, Ledger, Tally
from allotment.accounting.moment import CountingRules, Portion, portions
from allotment.model.moments import moment
from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Snapshot, Source

LONGEST_STEP: Final = 300_000
"""Milliseconds between two snapshots, above which the time between them is unobserved."""


@dataclass(slots=True)
class _Stretch:
    """A device below its threshold: since when, and what waits for the verdict."""

    since: int
    idle: bool = False
    held: Counter[Charge] = field(default_factory=Counter)


@dataclass(slots=True)
class _Course:
    """One source while the series is read."""

    at: int
    found: tuple[Portion, ...]
    stretches: dict[str, _Stretch] = field(default_factory=dict)


class SeriesLedger:
    """Takes snapshots in the order of their times; `close` gives the ledger."""

    def __init__(self, rules: CountingRules, *, since: int | None = None, longest_step: int = LONGEST_STEP) -> None:
        """Of nothing yet.

        Args:
            rules: how devices are judged and priced.
            since: milliseconds since 1970; what was before is left out. None: from the first snapshot on.
            longest_step: milliseconds between two snapshots that are no gap.
        """
        self._rules = rules
        self._since = since
        self._longest = longest_step
        self._courses: dict[str, _Course] = {}
        self._tally = Tally()
        self._first: int | None = None
        self._last: int | None = None

    def add(self, snapshot: Snapshot) -> None:
        """The next snapshot; a source that is no later than what was seen of it is passed over.

        Nodes that could not be read are not gone: their devices are unobserved.
        """
        for source in snapshot.sources:
            at = moment(source.observed_at) or moment(snapshot.taken_at)
            if at is not None:
                self._add(source, at)

    def _add(self, source: Source, at: int) -> None:
        self._first = at if self._first is None else min(self._first, at)
        self._last = at if self._last is None else max(self._last, at)
        course = self._courses.get(source.name)
        if course is not None and at <= course.at:
            return
        found = _together(portions(Index(source), at, self._rules))
        if course is not None and any(gap.what == "nodes" for gap in source.gaps):
            found += _out_of_sight(course.found, source)
        if course is None:
            self._courses[source.name] = _Course(at, found)
            return
        self._step(course, at)
        course.at, course.found = at, found

    def _step(self, course: _Course, until: int) -> None:
        """Charge what a source showed last up to a time."""
        start = course.at if self._since is None else max(course.at, self._since)
        # Nothing is charged of what was before, but a stretch that began there is as long as it is.
        took = max(0, until - start)
        if until - course.at > self._longest:
            self._settle(course, course.stretches.keys())
            for each in course.found:
                self._charge_of(each.charge.nobodys(CauseOfTime.UNOBSERVED), each.parts * took)
            return
        low = {each.low for each in course.found if each.low}
        self._settle(course, course.stretches.keys() - low)
        for each in course.found:
            if each.low:
                self._low(course, each, took, until)
            else:
                self._charge_of(each.charge, each.parts * took)

    def _charge_of(self, charge: Charge, amount: int) -> None:
        if amount:
            self._tally.add(charge, amount)

    def _low(self, course: _Course, portion: Portion, took: int, until: int) -> None:
        stretch = course.stretches.setdefault(portion.low, _Stretch(course.at))
        stretch.held[portion.charge] += portion.parts * took
        long = until - stretch.since >= portion.low_ms
        stretch.idle = stretch.idle or long or portion.charge.cause is CauseOfTime.IDLE_HELD
        if stretch.idle:
            self._charge(stretch.held, CauseOfTime.IDLE_HELD)

    def _settle(self, course: _Course, ended: Iterable[str]) -> None:
        """Stretches that are over, before they were long enough: not idle."""
        for key in list(ended):
            self._charge(course.stretches.pop(key).held, CauseOfTime.PRODUCTIVE)

    def _charge(self, held: Counter[Charge], cause: CauseOfTime) -> None:
        for charge, amount in held.items():
            self._charge_of(charge.as_cause(cause), amount)
        held.clear()

    def close(self) -> Ledger:
        """What was charged, from the first snapshot (or `since`) to the last."""
        last = self._last or 0
        for course in self._courses.values():
            self._step(course, last)
            self._settle(course, course.stretches.keys())
        first = self._first or 0
        return self._tally.close(first if self._since is None else min(max(first, self._since), last), last)


def _out_of_sight(before: Iterable[Portion], source: Source) -> tuple[Portion, ...]:
    """Devices of nodes that were seen last and may be there: not all nodes could be read."""
    seen = {node.name for node in source.objects.nodes}
    return tuple(
        Portion(each.charge.nobodys(CauseOfTime.UNOBSERVED), each.parts)
        for each in before
        if each.charge.node not in seen
    )


def _together(found: Iterable[Portion]) -> tuple[Portion, ...]:
    """Portions of one charge as one, but for those that have a stretch of their own."""
    sums: dict[tuple[Charge, str, int], int] = {}
    for each in found:
        key = (each.charge, each.low, each.low_ms)
        sums[key] = sums.get(key, 0) + each.parts
    return tuple(Portion(charge, parts, low, low_ms) for (charge, low, low_ms), parts in sums.items())


def moment_ledger(snapshot: Snapshot, rules: CountingRules) -> tuple[Ledger, Mapping[str, int]]:
    """Devices by cause at one moment, as the ledger of one hour in which nothing changes; and the devices by source."""
    tally = Tally()
    devices: Counter[str] = Counter()
    now = moment(snapshot.taken_at) or 0
    for source in snapshot.sources:
        at = moment(source.observed_at) or now
        for each in _together(portions(Index(source), at, rules)):
            tally.add(each.charge, each.parts * MS_PER_HOUR)
            devices[source.name] += each.parts
    return tally.close(now, now + MS_PER_HOUR), devices
