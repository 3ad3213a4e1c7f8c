"""What time does with requests: the next route decides, nobody is left to, an offer is over.

Decided from what stands there now, so that doing it twice, or late, does no more than doing it once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from allotment.model.requests.gates import Approvals
from allotment.model.requests.request import GrantRequest, RequestAct, RequestState
from allotment.requests.transitions import next_route


@dataclass(frozen=True, slots=True)
class DueAct:
    """Something that time is to do with a request, by `transitions.moved` with nobody's name.

    Attributes:
        id: of the request.
    """

    id: str
    act: RequestAct


def due_acts(requests: Iterable[GrantRequest], approvals: Approvals, now: int) -> tuple[DueAct, ...]:
    """All that is due, in the order of the requests' ids.

    Args:
        requests: all that are not over; others are passed over.
        approvals: which route comes after which.
        now: milliseconds since the epoch.
    """
    due = [each for each in requests if not each.state.over and each.due is not None and each.due <= now]
    return tuple(DueAct(each.id, _act(each, approvals)) for each in sorted(due, key=lambda each: each.id))


def _act(request: GrantRequest, approvals: Approvals) -> RequestAct:
    if request.state is RequestState.OFFERED:
        return RequestAct.WITHDRAW
    return RequestAct.ESCALATE if next_route(request, approvals) else RequestAct.LAPSE
