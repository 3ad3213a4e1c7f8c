"""An example of each kind of problem, written as every problem is."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from allotment.api.keyed_calls import ReusedKeyError
from allotment.api.problems import (
    EVERY,
    FROM_A_PAGE,
    NO_SUCH_CALL,
    NO_SUCH_VERB,
    STANDING_BY,
    TOO_LONG,
    WRONG_NAME,
    ProblemType,
    problem_body,
    type_of,
)
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
from allotment.ports.job_service import StandingByError

_BY_TYPE: Final = (
    UsageError("there is no parameter 'stat'", why="there are limit, state, team", fix="correct it"),
    NotSignedInError("the token is worth nothing", why="its time is over", fix="sign in again"),
    ForbiddenError(
        "you may not do this: submit",
        why="POST /api/v1/jobs needs it, and none of your groups gives it",
        fix="`allot whoami` says what you may; ask an administrator of the platform",
    ),
    NotFoundError("there is no job jk3f7q2mnab", fix="`allot ps` lists those that you see"),
    OutdatedError(
        "job jk3f7q2mnab has changed since it was read",
        why="version 2 was read, and it is at 3",
        fix="read it again, and decide anew",
    ),
    ConflictError("job jk3f7q2mnab is not over", why="it is queued", fix="stop it first"),
    JobRefusedError(
        "training-eastus cannot run pretrain", why="its image is not of a registry that is trusted", fix="name another"
    ),
    ReusedKeyError(),
    InputError(
        "this submission that was sent cannot be read",
        why="the field submission is missing",
        fix="correct what is said there, and send it again",
    ),
    CapacityError("the job can never run there", why="40 a100 are asked for, and 32 are the most", fix="ask for fewer"),
    TooOftenError(why="600 calls of this person came within a minute"),
    UnreachableError("training-eastus does not answer", why="nothing was heard of it", fix="ask again in a while"),
    TimedOutError("no answer in 60 seconds", why="too much is asked at once", fix="ask for less, or later"),
    NoRoomError("the server's disk is full", fix="make room there, and send it again"),
    AllotmentError("something has failed here", why="the server's log says more", fix="ask again later"),
)
_OF_CALLS: Final[Mapping[ProblemType, AllotmentError]] = MappingProxyType(
    {
        STANDING_BY: StandingByError("another server leads", why="nothing was done", fix="ask again in a moment"),
        WRONG_NAME: UsageError("this server is not called allotment.example", fix="call it by a name of its own"),
        FROM_A_PAGE: ForbiddenError("a page of https://elsewhere.example asks", fix="use the command line"),
        TOO_LONG: UsageError("the address has 9000 characters", why="8192 are the most", fix="ask for less at once"),
        NO_SUCH_CALL: NotFoundError("there is no GET /api/v1/job", fix="see /api/v1/openapi.json"),
        NO_SUCH_VERB: NotFoundError("there is no PATCH /api/v1/jobs", fix="see /api/v1/openapi.json"),
    }
)
"""Problems that no type of error stands for alone."""


def problem_examples(status: int) -> dict[str, Any]:
    """Of each kind of problem with that status of HTTP, by its name."""
    told = {type_of(each): each for each in _BY_TYPE} | dict(_OF_CALLS)
    return {
        kind.name: {"summary": kind.title, "value": msgspec.json.decode(problem_body(kind, kind.status, told[kind]))}
        for kind in EVERY
        if kind.status == status
    }
