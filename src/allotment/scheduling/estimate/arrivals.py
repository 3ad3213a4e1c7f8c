"""What may be submitted meanwhile: stretches of the past, played again from now on."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from allotment.scheduling.estimate.forecast import FutureArrival
from allotment.scheduling.estimate.interval import Chance
from allotment.scheduling.estimate.runtimes import Runtimes
from allotment.scheduling.inputs import Workload


@dataclass(frozen=True, slots=True)
class PastArrival:
    """A workload that was submitted, and when."""

    workload: Workload
    at: int


@dataclass(frozen=True, slots=True)
class ReplayedPast:
    """Draws futures by replaying the past from a random moment on, again from its beginning when it is used up.

    Stretches are kept whole because jobs come in bursts, and bursts are what makes jobs wait. How long a replayed job
    runs is drawn anew, by the name of the past workload.

    Attributes:
        past: by ascending time, none after `now`.
        since: from when on the past is known completely.
        now: the present moment.
    """

    past: Sequence[PastArrival]
    since: int
    now: int

    def __call__(self, chance: Chance, runtimes: Runtimes) -> Iterator[FutureArrival]:
        """One future; it ends only where there is no past."""
        span = self.now - self.since
        if not self.past or span <= 0:
            return
        moment = self.since + int(chance.random() * span)
        shift = self.now - moment
        place = bisect_right(self.past, moment, key=lambda each: each.at)
        number = 0
        while True:
            for each in self.past[place:]:
                number += 1
                at = each.at + shift
                name = f"{each.workload.name}~{number}"
                workload = replace(each.workload, name=name, uid=name, queued_since=at)
                yield FutureArrival(workload, at, runtimes.remaining(each.workload.name, 0, chance))
            shift += span
            place = 0
