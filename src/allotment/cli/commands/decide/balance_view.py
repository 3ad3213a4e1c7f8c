"""How `allot balance` is laid out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from allotment.cli.shell.output import Listing
from allotment.cli.shell.steps import duration
from allotment.cli.shell.table import Column, table_text
from allotment.errors import shown
from allotment.model.grammar import count
from allotment.model.money import money
from allotment.model.requests.balance import GrantPace, TeamBalance
from allotment.reports.documents.balances import balance_document


def balances_listing(balances: Sequence[TeamBalance], currency: str, now: int) -> Listing[TeamBalance]:
    """A row a team."""
    return Listing(
        kind="TeamBalance",
        rows=balances,
        columns=_columns(currency, now),
        name=lambda row: f"team/{row.team}",
        document=balance_document,
        labels=lambda row: {"team": row.team},
        nothing="no team of yours is declared",
    )


def balances_text(balances: Sequence[TeamBalance], currency: str, now: int, *, width: int | None, headers: bool) -> str:
    """The table, and below it each grant that stands."""
    lines = [table_text(_columns(currency, now), balances, width=width, headers=headers)]
    grants = [line for each in balances for line in _grant_lines(each, now)]
    return "\n".join([*lines, "", *grants] if grants else lines)


def _columns(currency: str, now: int) -> tuple[Column[TeamBalance], ...]:
    def sum_of(amount: int | None, unknown: str) -> str:
        return unknown if amount is None else money(amount, currency)

    return (
        Column("TEAM", lambda row: shown(row.team), keep=3),
        Column("BUDGET", lambda row: sum_of(row.budget, "none")),
        Column("JOBS", lambda row: sum_of(row.jobs, "no prices declared"), keep=2),
        Column("GRANTED", lambda row: sum_of(row.granted, "not known"), keep=2),
        Column("LEFT", lambda row: "" if row.budget is None else sum_of(row.left, "not known"), keep=3),
        Column("USED", _used, keep=2),
        Column("MONTH PASSED", lambda row: f"{_percent(now - row.start, row.end - row.start)} %"),
    )


def _used(row: TeamBalance) -> str:
    if not row.budget or row.left is None:
        return ""
    return f"{_percent(row.budget - row.left, row.budget)} %"


def _percent(part: int, whole: int) -> int:
    return 100 * part // whole if whole else 0


def _grant_lines(balance: TeamBalance, now: int) -> Iterator[str]:
    for each in balance.grants:
        devices = count(each.devices, "GPU")
        yield f"grant {each.id} of {shown(balance.team)}, {devices}: {_pace(each)}; {_time(each, now)}"


def _pace(pace: GrantPace) -> str:
    if pace.used is None:
        return "what of it was used is not known"
    return f"{_percent(pace.used, pace.given)} % of its GPU-hours so far were used" if pace.given else "it begins"


def _time(pace: GrantPace, now: int) -> str:
    if pace.until is None:
        return "it has no end"
    left = max(0, pace.until - now)
    passed = _percent(min(max(0, now - pace.since), pace.until - pace.since), pace.until - pace.since)
    return f"{passed} % of its time has passed, {duration(left / 1000)} left"
