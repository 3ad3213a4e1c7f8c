"""What went wrong, as HTTP tells it: problem details (RFC 9457) whose `type` leads to a page that this server has.

Beside the members of the RFC stand those of our errors: the name of its type, what, why and the next step, of which the
client makes the same error again.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

import msgspec
from fastapi import Response

from allotment.api.contract import Media
from allotment.api.keyed_calls import ReusedKeyError
from allotment.api.routes import Routes
from allotment.errors import (
    AllotmentError,
    CapacityError,
    ConflictError,
    ForbiddenError,
    InputError,
    NoRoomError,
    NotFoundError,
    NotSignedInError,
    OutdatedError,
    TimedOutError,
    TooOftenError,
    UnreachableError,
    UsageError,
)
from allotment.ports.backends import JobRefusedError
from allotment.ports.job_service import travels_as

PROBLEM: Final = "application/problem+json"
MARKDOWN: Final = "text/markdown; charset=utf-8"
_PAGES: Final = "/api/v1/problems"
_UNAUTHORIZED: Final = 401


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A kind of problem.

    Attributes:
        name: in the address of its page.
        status: HTTP's.
        title: what it is, in a few words.
        means: what it says, and what to do.
    """

    name: str
    status: int
    title: str
    means: str


# fmt: off
TYPES: Final[tuple[tuple[type[AllotmentError], ProblemType], ...]] = tuple(
    (kind, ProblemType(name, status, title, means)) for kind, name, status, title, means in (
        (UsageError, "wrong-call", 400, "wrong call",
         "A parameter cannot be so, or does not go with another: correct it."),
        (NotSignedInError, "not-signed-in", 401, "not signed in",
         "The token is missing, over or revoked: `allot login`, or `allot token create`, gives another."),
        (ForbiddenError, "forbidden", 403, "forbidden",
         "Neither the token nor any group gives it: `allot whoami` says what they do."),
        (NotFoundError, "not-found", 404, "not found",
         "There is nothing of that name, or it is another team's, which is the same answer."),
        (OutdatedError, "outdated", 412, "not as it was read",
         "It has changed since it was read, which was the condition: read it again, and decide anew."),
        (ConflictError, "conflict", 409, "conflict",
         "Somebody else has changed it meanwhile, or owns it: read it again, and decide anew."),
        (JobRefusedError, "job-refused", 422, "the job is refused",
         "The back end cannot or may not run it as it is: `why` says what stands in the way."),
        (ReusedKeyError, "reused-key", 422, "a key that is used",
         "The Idempotency-Key came with another call before: send another key, or what was sent then."),
        (InputError, "wrong-input", 422, "wrong input",
         "What was sent cannot be read, or says what cannot be: correct it."),
        (CapacityError, "no-capacity", 422, "no quota or capacity",
         "Quota or capacity does not allow it: ask for less, or for more quota."),
        (TooOftenError, "too-often", 429, "too often",
         "Too many calls came from this person, or from this address: wait as long as Retry-After says."),
        (UnreachableError, "unreachable", 503, "a part does not answer",
         "A back end or the store does not answer: ask again in a while."),
        (TimedOutError, "timed-out", 504, "it did not happen in time",
         "It may still happen: look before you ask for it again."),
        (NoRoomError, "no-room", 507, "no room",
         "The server's machine lacks disk, memory or processes at present: ask again in a while."),
        (AllotmentError, "failed", 500, "it failed here",
         "It is not the caller's fault: `what` and the server's log say more. Ask again later."),
    )
)
"""By the type of the error, the first that fits."""
# fmt: on
WRONG_NAME: Final = ProblemType(
    "misdirected", 421, "another name", "The server is not called so: call it by a name that it was started with."
)
FROM_A_PAGE: Final = ProblemType(
    "from-a-page",
    403,
    "a page asks",
    "Of pages in a browser the portal's own are answered: use it, the command line, or a program.",
)
TOO_LONG: Final = ProblemType("too-long", 414, "an address that is too long", "Ask for less at once.")
NO_SUCH_CALL: Final = ProblemType(
    "no-such-call",
    404,
    "no such call",
    "There is no such address: see /api/v1/openapi.json.",
)
NO_SUCH_VERB: Final = ProblemType(
    "no-such-verb",
    405,
    "not with this verb",
    "The address is there, and not with this verb: `Allow` names those that it has.",
)
STANDING_BY: Final = ProblemType(
    "standing-by",
    503,
    "another server leads",
    "Nothing was done: ask again in a moment, and the one that leads answers.",
)
EVERY: Final = (
    *(each for _, each in TYPES),
    STANDING_BY,
    WRONG_NAME,
    FROM_A_PAGE,
    TOO_LONG,
    NO_SUCH_CALL,
    NO_SUCH_VERB,
)
"""All there are."""


def type_of(error: AllotmentError) -> ProblemType:
    """Of what kind an error is."""
    return next(found for kind, found in TYPES if isinstance(error, kind))


def problem_body(kind: ProblemType, status: int, error: AllotmentError) -> bytes:
    """As it is sent.

    Args:
        kind: of the problem.
        status: HTTP's, where another than that of its kind.
        error: what went wrong.
    """
    return msgspec.json.encode(
        {
            "type": f"{_PAGES}/{kind.name}",
            "title": kind.title,
            "status": status,
            "detail": error.line,
            "error": travels_as(error),
            "what": error.what,
            "why": error.why,
            "fix": error.fix,
        }
    )


def problem(error: AllotmentError) -> Response:
    """The answer to a request that could not be done."""
    kind = type_of(error)
    headers = {"WWW-Authenticate": "Bearer"} if kind.status == _UNAUTHORIZED else {}
    if isinstance(error, TooOftenError):
        headers["Retry-After"] = f"{max(1, ceil(error.wait))}"
    return Response(problem_body(kind, kind.status, error), kind.status, headers, PROBLEM)


def page_of_problem(kind: ProblemType) -> str:
    """What a kind of problem means, in Markdown."""
    return f"# {kind.title} (HTTP {kind.status})\n\n{kind.means}\n"


def add_problem_routes(routes: Routes) -> None:
    """The pages that types lead to."""

    @routes.known("GET", f"{_PAGES}/{{name}}", gives=Media(MARKDOWN))
    def page(name: str) -> Response:
        for each in EVERY:
            if each.name == name:
                return Response(page_of_problem(each), media_type=MARKDOWN)
        raise NotFoundError("there is no such problem", fix="docs/api.md lists them all")
