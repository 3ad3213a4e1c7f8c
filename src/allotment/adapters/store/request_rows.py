"""Requests and grants in a database: a row each, the whole of it as JSON, and beside it what is looked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa

from allotment.adapters.store.finding import no_request, page_size, request_taken
from allotment.adapters.store.tables import GRANTS, REQUESTS
from allotment.model.jobs.written import read_value, write_value
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import GrantRequest
from allotment.ports.requests import MOST_REQUESTS, RequestFilter, StaleRequestError
from allotment.ports.stored_jobs import kept_text

_REQUEST: Final = "request"
_GRANT: Final = "grant"


def request_of(connection: sa.Connection, request_id: str) -> GrantRequest:
    """By its id.

    Raises:
        NotFoundError: there is none.
    """
    return read_value(_REQUEST, GrantRequest, _written(connection, REQUESTS, request_id, _REQUEST))


def requests_of(connection: sa.Connection, wanted: RequestFilter, limit: int) -> tuple[GrantRequest, ...]:
    """Newest first."""
    query = sa.select(REQUESTS.c.written).where(*_conditions(wanted))
    query = query.order_by(REQUESTS.c.created.desc(), REQUESTS.c.id.desc()).limit(page_size(limit, MOST_REQUESTS))
    return tuple(read_value(_REQUEST, GrantRequest, each) for each in connection.execute(query).scalars())


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


def grants_of(connection: sa.Connection, states: frozenset[GrantState]) -> tuple[TeamGrant, ...]:
    """By id."""
    query = sa.select(GRANTS.c.written).order_by(GRANTS.c.id)
    if states:
        query = query.where(GRANTS.c.state.in_(sorted(each.value for each in states)))
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
        yield REQUESTS.c.team.in_(sorted(wanted.within))
