"""Which of Slurm's jobs are one of ours: by the number that Slurm gave when it was handed in.

A name is its owner's to set, and all jobs that Allotment hands in are of one user. So a name counts only where the
answer of a hand-in may have been lost, and only of a job with that account and comment that did not come before.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from allotment.jobs.slurm.identities import SlurmPart, part_of
from allotment.jobs.slurm.rendering import fetching_comment
from allotment.model.slurm.seen import SlurmBooking, SlurmJob, SlurmPhase
from allotment.model.slurm.submission import CLOCK_SKEW, may_have_come

_NUMBER: Final = re.compile(r"[0-9]{1,10}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SlurmMark:
    """What tells whose a job of Slurm's is.

    Attributes:
        number: its own, or its array's.
        named: what its name says that it is.
        comment: None where that is not told.
        submitted: seconds since 1970.
        alive: it is not over.
        ends: seconds since 1970; 0 while it is not over.
        restarts: times that it was requeued.
        needs: numbers of those that it still depends on.
    """

    number: int
    named: SlurmPart | None
    account: str
    comment: str | None
    submitted: int
    alive: bool
    ends: int
    restarts: int = 0
    needs: tuple[int, ...] = ()


class SlurmMarks:
    """Of many, by number and by the job of ours that their names say."""

    def __init__(self, marks: Mapping[int, SlurmMark]) -> None:
        """All that one look showed."""
        self.by_number = marks
        self.by_id: dict[str, list[SlurmMark]] = {}
        for each in marks.values():
            if each.named is not None:
                self.by_id.setdefault(each.named.job_id, []).append(each)


def marks_of(jobs: Iterable[SlurmJob]) -> SlurmMarks:
    """Of what slurmctld shows; an array is alive while a task is."""
    found: dict[int, SlurmMark] = {}
    for job in jobs:
        number, alive = job.number, job.phase is not SlurmPhase.ENDED
        before = found.get(number)
        found[number] = SlurmMark(
            number, part_of(job.identity), job.account, job.comment, job.submitted,
            alive or (before is not None and before.alive),
            max(0 if alive else job.ends, 0 if before is None else before.ends),
            job.restarts, tuple(int(each) for each in _NUMBER.findall(job.dependency)),
        )  # fmt: skip
    return SlurmMarks(found)


def marks_booked(bookings: Iterable[SlurmBooking]) -> SlurmMarks:
    """Of runs that are over; the accounting has no comments."""
    return SlurmMarks(
        {
            each.number: SlurmMark(
                each.number, part_of(each.identity), each.account, None, each.submitted, alive=False, ends=each.ended
            )
            for each in sorted(bookings, key=lambda each: each.ended)
        }
    )


@dataclass(slots=True)
class SlurmClaims:
    """What is known to be one job's.

    Attributes:
        account, comment: of all that is handed in for it.
        since: seconds since 1970: nothing of it is older.
        native: number that the store has of its last part; 0 for none.
        attempt, failures: of that part, as they are on record.
        retries: most failures after which it is tried again.
        data: whether any are fetched for it.
        unsure: something may have been handed in whose answer nobody had.
        taken_over: an earlier server may have handed in what comes before.
        numbers: Slurm's, of each part.
    """

    job_id: str
    account: str
    comment: str
    since: int
    native: int
    attempt: int
    failures: int
    retries: int
    data: bool
    unsure: bool
    taken_over: bool
    numbers: dict[SlurmPart, int] = field(default_factory=dict)

    @property
    def last(self) -> SlurmPart | None:
        """What does its work now, or did last."""
        return max((each for each in self.numbers if not each.fetches), default=None)

    def resolve(self, shown: SlurmMarks, taken: Container[int] = ()) -> None:
        """Find out what may be known by these.

        Args:
            shown: in one look.
            taken: numbers that are other jobs'.
        """
        marks = shown.by_number
        if self.native and self.native not in self.numbers.values() and (mark := marks.get(self.native)) is not None:
            self.numbers[self._part_of(mark)] = self.native
        mine = [each for each in shown.by_id.get(self.job_id, ()) if each.number not in taken]
        while self.unsure and (found := self._lost(marks, mine)) is not None:
            part, number = found
            self.numbers[part] = number
        self._resolve_fetching(marks, mine)

    def _part_of(self, mark: SlurmMark) -> SlurmPart:
        """What the job of the number on record is, whatever it calls itself."""
        named = mark.named
        if named is not None and (named.job_id, named.failures) == (self.job_id, self.failures) and not named.fetches:
            return named
        return SlurmPart(self.job_id, self.failures, max(1, self.attempt - mark.restarts) if self.failures else 1)

    def _lost(self, marks: Mapping[int, SlurmMark], mine: Sequence[SlurmMark]) -> tuple[SlurmPart, int] | None:
        """The next part that was handed in, though nobody had the answer; None where there is none."""
        last, before = self.last, None
        if last is None and self.native:
            return None
        if last is not None:
            before = marks.get(self.numbers[last])
            if before is not None and before.alive:
                self.unsure = False
                return None
        since = self.since if before is None else before.ends
        fitting = [
            (each.named.failures, each.submitted, each.number, each.named)
            for each in mine
            if each.named is not None and self._may_be(each.named, last, before)
            and self._fits(each, self.comment, since)
        ]  # fmt: skip
        if not fitting:
            return None
        _, _, number, part = min(fitting)
        return part, number

    def _may_be(self, part: SlurmPart, last: SlurmPart | None, before: SlurmMark | None) -> bool:
        """Whether a part follows the last one that is known; what cannot have been handed in is a stranger's."""
        if part.fetches or part.failures > max(self.retries, self.failures):
            return False
        if last is None:
            first = part.failures == self.failures and part.attempt <= max(1, self.attempt)
            return first or (part.failures > self.failures and part.attempt > self.attempt)
        if part.failures != last.failures + 1:
            return False
        following = last.attempt + 1 + (0 if before is None else before.restarts)
        return (
            part.attempt == following
            if before is not None and before.comment is not None
            else (part.attempt >= following)
        )

    def _resolve_fetching(self, marks: Mapping[int, SlurmMark], mine: Sequence[SlurmMark]) -> None:
        part = SlurmPart(self.job_id, 0, 0)
        if not self.data or part in self.numbers or not (self.taken_over or self.unsure):
            return
        last = self.last
        work = None if last is None else marks.get(self.numbers[last])
        needs = () if work is None else work.needs
        if needs:
            self.numbers[part] = needs[0]
            return
        until = None if work is None else work.submitted + CLOCK_SKEW
        fitting = [
            each for each in mine
            if each.named == part and self._fits(each, fetching_comment(self.comment), self.since)
            and (until is None or each.submitted <= until)
        ]  # fmt: skip
        if first := min(fitting, key=_in_order, default=None):
            self.numbers[part] = first.number

    def _fits(self, mark: SlurmMark, comment: str, since: int) -> bool:
        came = may_have_come(mark.account, mark.submitted, asked=self.account, since=since)
        return came and mark.comment in {None, comment}


def _in_order(mark: SlurmMark) -> tuple[int, int]:
    return mark.submitted, mark.number
