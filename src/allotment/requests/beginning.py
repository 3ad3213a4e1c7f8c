"""When what is given begins: nobody is given time that has passed, and nobody pays for it.

Who names no beginning has as much time as he asked for, from the moment of its approval on. Who names one has what is
left of it by then.
"""

from __future__ import annotations

from dataclasses import replace

from allotment.model.moments import written
from allotment.model.requests.request import GrantRequest
from allotment.model.requests.terms import RequestKind, Terms
from allotment.requests.pricing import part_between


def given_at(terms: Terms, at: int, *, begins_then: bool) -> Terms:
    """Terms as they are given at a moment, with the price of the time that is given.

    Args:
        terms: that are approved; where their time is over, they stay as they are.
        at: milliseconds since the epoch.
        begins_then: whether nobody has named a beginning.
    """
    if begins_then:
        return replace(terms, since=at, until=None if terms.lasts is None else at + terms.lasts)
    if at <= terms.since or (terms.until is not None and terms.until <= at):
        return terms
    return replace(terms, since=at, price=None if terms.until is None else part_between(terms, at, terms.until))


def passed_of(request: GrantRequest, now: int) -> int:
    """Milliseconds of the time that a request names that have passed while nobody gave it; 0 where none is named.

    Of a team that leaves the last day of its data is named, and no beginning.
    """
    if request.begins_when_given or request.wish.kind is RequestKind.LEAVE:
        return 0
    given = request.terms.since if request.state.over else now
    until = given if request.asked.until is None else request.asked.until
    return max(0, min(given, until) - request.asked.since)


def warning_of(request: GrantRequest, now: int) -> str:
    """What whoever decides, and whoever asks, has to know of that; empty for nothing."""
    if request.state.over or not passed_of(request, now):
        return ""
    ends = "" if request.terms.until is None else f", and it ends {written(request.terms.until)} all the same"
    return f"it was to begin {written(request.asked.since)}: what has passed since then is not given any more{ends}"
