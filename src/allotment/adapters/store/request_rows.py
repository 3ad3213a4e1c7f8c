"""Requests and grants in a database: a row each, the whole of it as JSON, and beside it what is looked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa

from allotment.adapters.store.finding import no_request, page_size, request_taken
from allotment.adapters.store.tables import GRANTS, REQUESTS
from allotment.model.jobs.written import read_value, write_value
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import GrantRequest, RequestState
from allotment.ports.requests import MOST_REQUESTS, RequestFilter, RequestMark, StaleRequestError
from allotment.ports.stored_jobs import kept_text

_REQUEST: Final = "request"
_GRANT: Final = "grant"
_OPEN: Final = tuple(each.value for each in RequestState if not each.over)


def request_of(connection: sa.Connection, request_id: str) -> GrantRequest:
    """By its id.

    Raises:
        NotFoundError: there is none.
    """
    return read_value(_REQUEST, GrantRequest, _written(connection, REQUESTS, request_id, _REQUEST))


def requests_of(
    connection: sa.Connection, wanted: RequestFilter, limit: int, after: RequestMark | None
) -> tuple[GrantRequest, ...]:
    """Newest first."""
    created, id_ = REQUESTS.c.created, REQUESTS.c.id
    query = sa.select(REQUESTS.c.written).where(*_conditions(wanted)).order_by(created.desc(), id_.desc())
    if after is not None:
        query = query.where(sa.or_(created < after.at, sa.and_(created == after.at, id_ < kept_text(after.id))))
    return _requests(connection, query, limit)


def due_requests_of(
    connection: sa.Connection, until: int, limit: int, platform: str, after: RequestMark | None
) -> tuple[GrantRequest, ...]:
    """Longest due first."""
    due, id_ = REQUESTS.c.due, REQUESTS.c.id
    query = sa.select(REQUESTS.c.written).where(due <= until, REQUESTS.c.state.in_(_OPEN)).order_by(due, id_)
    if platform:
        query = query.where(_of_platform(REQUESTS, platform))
    if after is not None:
        query = query.where(sa.or_(due > after.at, sa.and_(due == after.at, id_ > kept_text(after.id))))
    return _requests(connection, query, limit)


def _requests(connection: sa.Connection, query: sa.Select[Any], limit: int) -> tuple[GrantRequest, ...]:
    found = connection.execute(query.limit(page_size(limit, MOST_REQUESTS))).scalars()
    return tuple(read_value(_REQUEST, GrantRequest, each) for each in found)


def grant_of(connection: sa.Connection, grant_id: str) -> TeamGrant:
    """By its id.

    Raises:
        NotFoundError: there is none.
    """
    return read_value(_GRANT, TeamGrant, _written(connection, GRANTS, grant_id, _GRANT))


def grant_if_kept(connection: sa.Connection, grant_id: str) -> TeamGrant | None:
    """By its id; None where there is none."""
    found = connection.execute(sa.select(GRANTS.c.written).where(GRANTS.c.id == grant_id)).scalar()
    return None if found is None else read_value(_GRANT, TeamGrant, str(found))


def grants_of(
    connection: sa.Connection,
    states: frozenset[GrantState],
    within: frozenset[str] | None,
    platform: str,
    after: str,
    limit: int | None,
) -> tuple[TeamGrant, ...]:
    """By id."""
    query = sa.select(GRANTS.c.written).order_by(GRANTS.c.id).limit(limit)
    if states:
        query = query.where(GRANTS.c.state.in_(sorted(each.value for each in states)))
    if within is not None:
        query = query.where(GRANTS.c.team.in_(sorted(kept_text(each) for each in within)))
    if platform:
        query = query.where(_of_platform(GRANTS, platform))
    if after:
        query = query.where(GRANTS.c.id > kept_text(after))
    return tuple(read_value(_GRANT, TeamGrant, each) for each in connection.execute(query).scalars())


def keep_request(connection: sa.Connection, request: GrantRequest) -> None:
    """New, or in the place of the revision before."""
    row = {
        "id": request.id,
        "team": kept_text(request.wish.team),
        "requester": kept_text(request.requester),
        "state": request.state.value,
        "route": kept_text(request.route),
        "created": request.created,
        "revision": request.revision,
        "written": write_value(_REQUEST, request),
        "platform": kept_text(request.platform),
        "due": request.due,
    }
    _keep(connection, REQUESTS, row, _REQUEST)


def keep_grant(connection: sa.Connection, grant: TeamGrant) -> None:
    """The same of a grant."""
    row = {
        "id": grant.id,
        "team": kept_text(grant.team),
        "state": grant.state.value,
        "revision": grant.revision,
        "written": write_value(_GRANT, grant),
        "platform": kept_text(grant.platform),
    }
    _keep(connection, GRANTS, row, _GRANT)


def _keep(connection: sa.Connection, table: sa.Table, row: dict[str, Any], what: str) -> None:
    present = connection.execute(sa.select(table.c.revision).where(table.c.id == row["id"])).scalar()
    if row["revision"] == 1:
        if present is not None:
            raise request_taken(what, row["id"])
        connection.execute(sa.insert(table), row)
        return
    if present != row["revision"] - 1:
        if present is None:
            raise no_request(what, row["id"])
        raise StaleRequestError(f"{what} {row['id']}", row["revision"] - 1, present)
    connection.execute(sa.update(table).where(table.c.id == row["id"]).values(row))


def _written(connection: sa.Connection, table: sa.Table, id_: str, what: str) -> str:
    query = sa.select(table.c.written).where(table.c.id == id_)
    # An id holds nothing else, and no database takes a NUL.
    found = connection.execute(query).scalar() if id_.isprintable() else None
    if found is None:
        raise no_request(what, id_)
    return str(found)


def _conditions(wanted: RequestFilter) -> Iterator[sa.ColumnElement[bool]]:
    for column, value in (
        (REQUESTS.c.team, wanted.team),
        (REQUESTS.c.requester, wanted.requester),
        (REQUESTS.c.route, wanted.route),
    ):
        if value:
            yield column == kept_text(value)
    if wanted.states:
        yield REQUESTS.c.state.in_(sorted(each.value for each in wanted.states))
    if wanted.within is not None:
        yield REQUESTS.c.team.in_(sorted(kept_text(each) for each in wanted.within))
    if wanted.platform:
        yield _of_platform(REQUESTS, wanted.platform)


def _of_platform(table: sa.Table, name: str) -> sa.ColumnElement[bool]:
    return table.c.platform.in_(("", kept_text(name)))
