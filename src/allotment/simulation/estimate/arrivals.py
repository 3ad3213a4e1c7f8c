"""What may be submitted meanwhile: stretches of the past, played again from now on."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from allotment.scheduling.queueing.inputs import Workload
from allotment.simulation.chance import Chance
from allotment.simulation.estimate.forecast import FutureArrival
from allotment.simulation.estimate.runtimes import Runtimes


def lasting(so_far: float, chance: Chance) -> float:
    """How much longer something goes on that has gone on for `so_far`: as long again or longer in half of the draws."""
    return so_far * (1 / (1 - chance.random()) - 1)


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
        begun: when submissions began, at or before `since`. What has a beginning has an end: as long as they have gone
            on, they go on as long again with a chance of one half. None = they go on for ever.
    """

    past: Sequence[PastArrival]
    since: int
    now: int
    begun: int | None = None

    def __call__(self, chance: Chance, runtimes: Runtimes) -> Iterator[FutureArrival]:
        """One future; without `begun` it ends only where there is no past."""
        span = self.now - self.since
        if not self.past or span <= 0:
            return
        end = self.now + (math.inf if self.begun is None else lasting(self.now - self.begun, chance))
        moment = self.since + int(chance.random() * span)
        shift = self.now - moment
        place = bisect_right(self.past, moment, key=lambda each: each.at)
        number = 0
        while True:
            for each in self.past[place:]:
                number += 1
                at = each.at + shift
                if at > end:
                    return
                name = f"{each.workload.name}~{number}"
                workload = replace(each.workload, name=name, uid=name, queued_since=at)
                yield FutureArrival(workload, at, runtimes.remaining(each.workload.name, 0, chance))
            shift += span
            place = 0
