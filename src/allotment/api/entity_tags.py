"""Tags of answers (ETag): what is read again and has not changed is not sent, and what has changed is not overwritten.

A tag is a digest of the answer, byte for byte. Before it stands, where the subject counts its changes, the number that
it is at: `If-Match` looks at that alone, for what is told beside a request, such as its effects, changes by itself.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request, Response
from fastapi.routing import APIRoute

from allotment.errors import UsageError
from allotment.model.requests.grant import TeamGrant
from allotment.model.requests.request import GrantRequest
from allotment.ports.access_service import ToldPerson, ToldToken, state_of
from allotment.ports.job_service import JobReceipt
from allotment.ports.request_service import ToldRequest
from allotment.ports.stored_jobs import StoredJob

IF_MATCH: Final = "If-Match"
IF_NONE_MATCH: Final = "If-None-Match"
ETAG: Final = "ETag"
_ANY: Final = "*"
_TAG: Final = re.compile(r'[ \t]*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,|$)')
_NO_NUMBER: Final = -1
"""Where a tag names none that anything could be at."""
_OK: Final = 200
_UNCHANGED: Final = 304


def tag_of(body: bytes, value: object = None) -> str:
    """The tag of an answer.

    Args:
        body: as it is sent.
        value: that it tells.
    """
    digest = hashlib.sha256(body).hexdigest()[:24]
    state = _state(value)
    return f'"{state}.{digest}"' if state else f'"{digest}"'


def _state(value: object) -> str:
    """What stands for how a subject is; empty where nothing can be done on the condition that it is so."""
    match value:
        case ToldRequest(request=request):
            return str(request.revision)
        case GrantRequest() | TeamGrant():
            return str(value.revision)
        case JobReceipt(job=job):
            return str(job.version)
        case StoredJob():
            return str(value.version)
        case ToldToken() | ToldPerson():
            return state_of(value)
        case _:
            return ""


@dataclass(frozen=True, slots=True)
class IfMatch:
    """On which condition something is to be done.

    Attributes:
        states: of the subject, one of which it must be in; None for whichever it is in.
    """

    states: tuple[str, ...] | None = None

    def number(self, look: Callable[[], object]) -> int | None:
        """The number that the subject has to be at when it is changed; None for whichever.

        Args:
            look: reads it; called only where several would do.
        """
        state = self.state(look)
        if not state:
            return None
        return int(state) if state.isascii() and state.isdigit() and len(state) < 16 else _NO_NUMBER

    def state(self, look: Callable[[], object]) -> str:
        """How the subject has to be when it is changed; empty for however it is.

        Args:
            look: reads it; called only where several would do.
        """
        if self.states is None:
            return ""
        if len(self.states) == 1:
            return self.states[0]
        present = _state(look())
        return present if present in self.states else (self.states or (str(_NO_NUMBER),))[0]


UNCONDITIONAL: Final = IfMatch()


def condition_of(request: Request) -> IfMatch:
    """The condition that comes with a call.

    Raises:
        UsageError: it is none.
    """
    found = _tags(request, IF_MATCH)
    if found is None or _ANY in found:
        return UNCONDITIONAL
    # A weak tag says that an answer is as good as another, not that nothing has changed.
    strong = (each.strip('"').partition(".")[0] for each in found if not each.startswith("W/"))
    return IfMatch(tuple(each or str(_NO_NUMBER) for each in strong))


def _tags(request: Request, name: str) -> list[str] | None:
    """What a header lists; None where there is none."""
    lines = request.headers.getlist(name)
    if not lines:
        return None
    text = ",".join(lines)
    if text.strip() == _ANY:
        return [_ANY]
    found, at = [], 0
    while at < len(text):
        one = _TAG.match(text, at)
        if one is None:
            raise UsageError(f"{name} is no list of tags", fix='send what ETag said, such as "3.9f86d081884c"')
        found.append(one[1])
        at = one.end()
    return found


def check_unconditional(request: Request, what: str) -> None:
    """Refuse a condition where none is looked at.

    Raises:
        UsageError: it comes with one.
    """
    if IF_MATCH in request.headers:
        raise UsageError(
            f"{IF_MATCH} is not looked at here",
            why=f"{what} changes nothing that has been read before",
            fix="leave it out",
        )


class TaggedRoute(APIRoute):
    """A route whose answers have tags."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """The same, and where the caller has the answer already, that he has."""
        handle = super().get_route_handler()

        async def tagged(request: Request) -> Response:
            answer: Response = await handle(request)
            body = getattr(answer, "body", None)
            if request.method != "GET" or answer.status_code != _OK or not isinstance(body, bytes):
                return answer
            tag = answer.headers.setdefault(ETAG, tag_of(body))
            if not _has(_tags(request, IF_NONE_MATCH) or (), tag):
                return answer
            return Response(status_code=_UNCHANGED, headers={ETAG: tag})

        return tagged


def _has(tags: Iterable[str], tag: str) -> bool:
    return any(each == _ANY or each.removeprefix("W/") == tag for each in tags)
