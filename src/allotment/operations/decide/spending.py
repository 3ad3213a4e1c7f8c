"""What a team has spent this month, as far as the server's own ledger tells.

It is what the team's jobs cost that came through this server and were submitted this month. Jobs on granted devices are
in it as the price of the grant is in the budget: what is counted twice leaves less, and never too much.
"""

from __future__ import annotations

from allotment.ports.store import MOST_LISTED, JobFilter, JobsReader
from allotment.requests.pricing import month_of


class MonthSpending:
    """What teams have spent, asked again and again: what a job that is over has cost is read once. For several threads.

    Jobs without a price cost nothing.
    """

    def __init__(self, reader: JobsReader) -> None:
        """Nothing was read yet.

        Args:
            reader: the store.
        """
        self._reader = reader
        self._known: dict[str, int] = {}
        self._month = 0

    def of(self, team: str, now: int) -> int:
        """Millionths of the currency that a team has spent in the month of a moment (milliseconds since the epoch)."""
        month = month_of(now).start
        if month != self._month:
            self._known, self._month = {}, month
        return _spent(self._reader, team, month, self._known)


def _spent(reader: JobsReader, team: str, since: int, known: dict[str, int]) -> int:
    wanted = JobFilter(team=team, since=since)
    total, after = 0, None
    while True:
        page = reader.page(wanted, after=after, limit=MOST_LISTED)
        for row in page.rows:
            if row.devices:
                total += known[row.id] if row.id in known else _cost(reader, row.id, known)
        after = page.next
        if after is None:
            return total


def _cost(reader: JobsReader, job_id: str, known: dict[str, int]) -> int:
    job = reader.get(job_id)
    cost = 0 if job.use is None or job.use.cost is None else job.use.cost
    if job.state.over and job.use is not None:
        known[job_id] = cost
    return cost
