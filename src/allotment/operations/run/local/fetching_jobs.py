"""Jobs that wait for their data, and which of them are looked at in a pass: a few, however many there are."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice, zip_longest
from typing import Final

from allotment.operations.run.local.jobs_here import LocalJob

_FIRST: Final = 60
"""Jobs that came first, of all teams together; of each team at least one."""
_TURN: Final = 40
"""Jobs whose turn it is, wherever they stand: in the end each is looked at."""
_SHARING: Final = 100
"""Jobs that share data which are being fetched."""


class FetchingJobs:
    """See the module. All of it costs as much as is looked at, not as much as waits."""

    def __init__(self) -> None:
        """None wait."""
        self._turn: OrderedDict[str, LocalJob] = OrderedDict()
        self._by_team: dict[str, OrderedDict[str, LocalJob]] = {}
        self._by_data: dict[str, OrderedDict[str, LocalJob]] = {}
        self.alive: dict[str, str] = {}
        """Teams, by id of the data that were being fetched when they were looked at last; set by who looks."""

    def __len__(self) -> int:
        return len(self._turn)

    def add(self, job: LocalJob) -> None:
        """It waits from now on, behind those of its team."""
        self._turn[job.order.id] = job
        for among, key in self._groups(job):
            among.setdefault(key, OrderedDict())[job.order.id] = job

    def discard(self, job: LocalJob) -> None:
        """It waits no longer, if it did."""
        if self._turn.pop(job.order.id, None) is not None:
            for among, key in self._groups(job):
                del among[key][job.order.id]
                if not among[key]:
                    del among[key]

    def shares_data(self, job: LocalJob) -> bool:
        """Whether others wait for the same data."""
        sharing = self._by_data.get(job.order.data_id)
        return sharing is not None and len(sharing) > (job.order.id in sharing)

    def looked_at(self) -> list[LocalJob]:
        """Those to look at now: whose data are being fetched, the first of each team in turn, and some of all."""
        turned = list(islice(self._turn, _TURN))
        for each in turned:
            self._turn.move_to_end(each)
        chosen = {job.order.id: job for job in (*self._fetched(), *self._first_ones())}
        return list((chosen | {each: self._turn[each] for each in turned}).values())

    def _fetched(self) -> Iterator[LocalJob]:
        for data_id in self.alive:
            yield from islice(self._by_data.get(data_id, {}).values(), _SHARING)

    def _first_ones(self) -> Iterator[LocalJob]:
        each_has = max(1, _FIRST // max(1, len(self._by_team)))
        for rank in zip_longest(*(islice(each.values(), each_has) for each in self._by_team.values())):
            yield from (each for each in rank if each is not None)

    def _groups(self, job: LocalJob) -> tuple[tuple[dict[str, OrderedDict[str, LocalJob]], str], ...]:
        return (self._by_team, job.order.job.team), (self._by_data, job.order.data_id)
