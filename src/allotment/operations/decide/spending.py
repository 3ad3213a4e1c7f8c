"""What a team has spent this month, as far as the server's own ledger tells.

It is what the team's jobs cost that came through this server and were submitted this month. Jobs on granted devices are
in it as the price of the grant is in the budget: what is counted twice leaves less, and never too much.
"""

from __future__ import annotations

from allotment.ports.store import JobsReader
from allotment.requests.pricing import month_of


def month_spending(reader: JobsReader, team: str, now: int) -> int:
    """Millionths of the currency that a team has spent in the month of a moment; jobs without a price cost nothing.

    Args:
        reader: the store.
        team: its name.
        now: milliseconds since the epoch.

    Raises:
        StoreError: the store cannot be read.
    """
    return reader.cost(team, month_of(now).start)
