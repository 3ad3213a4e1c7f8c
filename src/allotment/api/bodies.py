"""What comes and goes as JSON in one value: bodies within bounds, and answers."""

from __future__ import annotations

from typing import Final

from anyio import move_on_after
from fastapi import Request, Response

from allotment.api.entity_tags import ETAG, tag_of
from allotment.api.keyed_calls import note_body
from allotment.errors import InputError, UsageError
from allotment.model.jobs.written import write_value

JSON: Final = "application/json"
BODY_IN: Final = 60.0
"""Seconds that a body may take to come."""
STRANGERS_BODY_IN: Final = 5.0
"""The same of somebody whom nobody knows: a place is taken by it meanwhile."""


async def text_within(request: Request, what: str, most: int, fix: str, within: float = BODY_IN) -> str:
    """The body of a request.

    Args:
        request: whose.
        what: it is, for errors, such as ``submission``.
        most: bytes that it may have.
        fix: what to do where it has more.
        within: seconds that it may take to come.

    Raises:
        InputError: it has more, or is no text.
        UsageError: it does not come.
    """
    data = b""
    with move_on_after(within) as patience:
        async for chunk in request.stream():
            data += chunk
            if len(data) > most:
                raise InputError(f"a {what} of more than {most} bytes", fix=fix)
    if patience.cancelled_caught:
        raise UsageError(f"the {what} has not come within {within:g} seconds", fix="send it again")
    note_body(request, data)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"the {what} is no text", why=str(error), fix="send JSON in UTF-8") from None


def value_answer(kind: str, value: object) -> Response:
    """An answer that is one value, as `model.jobs.written` writes it, however long: what is kept was bounded before."""
    body = write_value(kind, value, most=None).encode()
    return Response(body, headers={ETAG: tag_of(body, value)}, media_type=JSON)
