"""What a team has spent this month, as far as the server's own ledger tells.

It is what the team's jobs cost that came through this server and were submitted this month. Jobs on granted devices are
in it as the price of the grant is in the budget: what is counted twice leaves less, and never too much.
"""

from __future__ import annotations

from allotment.ports.store import MOST_LISTED, JobFilter, JobsReader
from allotment.requests.pricing import month_of


def spent_this_month(reader: JobsReader, team: str, now: int) -> int:
    """Millionths of the currency; jobs without a price cost nothing.

    Args:
        reader: the store.
        team: its name.
        now: milliseconds since the epoch.
    """
    wanted = JobFilter(team=team, since=month_of(now).start)
    total, after = 0, None
    while True:
        page = reader.page(wanted, after=after, limit=MOST_LISTED)
        total += sum(_cost(reader, row.id) for row in page.rows if row.devices)
        after = page.next
        if after is None:
            return total


def _cost(reader: JobsReader, job_id: str) -> int:
    use = reader.get(job_id).use
    return 0 if use is None or use.cost is None else use.cost
