"""Which jobs a user means: by id, by name, within a team."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from allotment.cli.shell.session import Session
from allotment.errors import NotFoundError
from allotment.model.jobs.run import JobState

if TYPE_CHECKING:
    from allotment.ports.job_service import JobService
    from allotment.ports.store import JobFilter
    from allotment.ports.stored_jobs import JobRow, StoredJob


def job_of(session: Session, service: JobService, reference: str) -> StoredJob:
    """The job that a user means; of the team of --team alone, and first of the one that a setting names.

    Raises:
        NotFoundError: there is none.
        UsageError: several ids begin so.
    """
    reference = reference.removeprefix("job/")
    team = session.value("team")
    try:
        return service.find(reference, team=team)
    except NotFoundError:
        if not team or session.flags.get("team"):
            raise
        return service.find(reference)


def living(service: JobService, *, team: str = "", name: str = "") -> Sequence[JobRow]:
    """All jobs that are not over, newest first, members of sweeps and schedules left out.

    Args:
        service: the server.
        team: the only one; empty for all.
        name: the only one; empty for all.
    """
    from allotment.ports.store import MOST_LISTED, JobFilter

    states = frozenset(each for each in JobState if not each.over)
    wanted = JobFilter(team=team, states=states, prefix=name, alone=True)
    page = service.page(wanted, limit=MOST_LISTED)
    rows = [*page.rows]
    while page.next is not None:
        page = service.page(wanted, after=page.next, limit=MOST_LISTED)
        rows += page.rows
    return [each for each in rows if name in ("", each.name)]


def check_team(service: JobService, wanted: JobFilter) -> None:
    """Where a listing is empty: that there is such a team at all.

    Raises:
        NotFoundError: there is none.
    """
    from allotment.model.spelling import did_you_mean

    teams = service.status().teams
    if wanted.team and wanted.team not in teams:
        raise NotFoundError(
            f"there is no team {wanted.team!r}, and no job of one",
            why=f"there are {', '.join(teams)}",
            fix=did_you_mean(wanted.team, teams, "name one of them"),
        )
