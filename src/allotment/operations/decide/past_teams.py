"""A team's name is given once: what is kept of a team that has gone would be its namesake's to read."""

from __future__ import annotations

from allotment.errors import ConflictError, quoted
from allotment.model.requests.terms import RequestKind
from allotment.operations.decide.room import DecisionStore
from allotment.ports.requests import RequestFilter
from allotment.ports.store import JobFilter


def check_new_name(store: DecisionStore, name: str) -> None:
    """Nothing is kept of an earlier team of a name; requests to have such a team come are nothing of it.

    Args:
        store: with jobs, requests and grants.
        name: of the team that is asked for.

    Raises:
        ConflictError: there is a job, a request or a grant of one.
    """
    kept = (
        store.page(JobFilter(team=name), limit=1).rows,
        [each for each in store.grants(within=frozenset({name})) if each.kind is not RequestKind.TEAM],
        [each for each in store.requests(RequestFilter(team=name)) if each.wish.kind is not RequestKind.TEAM],
    )
    if any(kept):
        raise ConflictError(
            f"there was a team {quoted(name)}",
            why="its jobs, requests and grants are kept, and would be the new team's to read",
            fix="choose another name",
        )
