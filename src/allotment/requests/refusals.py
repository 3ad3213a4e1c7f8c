"""How it is said that a request cannot be moved: where it stands, what happened last, and what is left to do."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from allotment.errors import ConflictError, ForbiddenError, spelled
from allotment.model.moments import written
from allotment.model.requests.request import GrantRequest, RequestAct, RequestState

NEXT: Final[Mapping[RequestState, str]] = MappingProxyType(
    {
        RequestState.WAITING: "wait for the decision, or withdraw it",
        RequestState.OFFERED: "accept what is offered, or withdraw the request",
        RequestState.APPROVED: "extend or end its grant instead",
        RequestState.DENIED: "submit a new request",
        RequestState.WITHDRAWN: "submit a new request",
        RequestState.LAPSED: "submit a new request",
    }
)
"""What is left to do where a request stands."""
_DONE: Final[Mapping[RequestAct, str]] = MappingProxyType(
    {
        RequestAct.APPROVE: "approved",
        RequestAct.COUNTER: "offered other terms on",
        RequestAct.ACCEPT: "accepted the offer on",
        RequestAct.DENY: "denied",
        RequestAct.LAPSE: "let lapse",
    }
)
_CANNOT: Final[Mapping[RequestAct, str]] = MappingProxyType(
    {
        RequestAct.SUBMIT: "it was submitted already",
        RequestAct.APPROVE: "nothing is there to approve",
        RequestAct.COUNTER: "other terms cannot be offered",
        RequestAct.ACCEPT: "nothing is offered",
        RequestAct.DENY: "nothing is there to deny",
        RequestAct.WITHDRAW: "nothing is there to withdraw",
        RequestAct.ESCALATE: "no other route is to decide",
        RequestAct.LAPSE: "no time is running",
    }
)
"""What an act comes to that the table has not."""


def history(request: GrantRequest) -> str:
    """What happened to a request last, in words."""
    if request.state is RequestState.WITHDRAWN:
        return "it was withdrawn, or an offer on it was not accepted in time"
    if request.state is RequestState.WAITING:
        due = "" if request.due is None else f" until {written(request.due)}"
        return f"route {request.route} decides on it{due}"
    last = request.decisions[-1]
    if last.act is RequestAct.LAPSE:
        return f"nobody answered until {written(last.at)}"
    who = spelled(last.by) if last.by else f"gate {last.gate}"
    return f"{who} {_DONE[last.act]} it on {written(last.at)}"


def no_move(request: GrantRequest, act: RequestAct) -> ConflictError:
    """What to raise where the table has no such move."""
    return ConflictError(
        f"request {request.id} is {request.state.value}: {_CANNOT[act]}", why=history(request), fix=NEXT[request.state]
    )


def not_yours(request: GrantRequest, act: RequestAct, why: str, fix: str) -> ForbiddenError:
    """What to raise where the move is another's."""
    return ForbiddenError(f"request {request.id} is not yours to {act.value}", why=why, fix=fix)
