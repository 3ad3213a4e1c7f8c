"""What terms have to be before anybody decides on them, and when some give no more than others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from allotment.errors import UsageError, spelled
from allotment.model.moments import LATEST, written
from allotment.model.requests.terms import QuotaShare, RequestKind, Terms, Wish

DAY: Final = 86_400_000
"""In milliseconds."""
LEAST: Final = 1000
"""Milliseconds that something is given for at least: the shortest that can be written as a time."""


def check_terms(wish: Wish, terms: Terms, longest: int | None, now: int) -> None:
    """Nothing.

    Args:
        wish: what is wished for.
        terms: on which.
        longest: days that guaranteed quota is given at most; None for no bound. What is no quota may be for good.
        now: milliseconds since the epoch.

    Raises:
        UsageError: they say what cannot be, or give nothing.
    """
    _check_kind(wish, terms)
    _check_shares(terms)
    if terms.shares and not terms.devices:
        raise UsageError("no devices are asked for", why="CPU and memory alone are none", fix="say how many")
    _check_times(terms, now)
    if longest is not None and terms.shares:
        check_length(terms, terms.since, longest)
    if terms.price is not None and terms.price < 0:
        raise UsageError("a price below nothing cannot be", fix="leave it out where it is not known")


def check_length(terms: Terms, beginning: int, longest: int) -> None:
    """Quota is given for no longer than allowed.

    Args:
        terms: that give it.
        beginning: from when on it is given, milliseconds since the epoch.
        longest: days.

    Raises:
        UsageError: it is given for longer, or for good.
    """
    if terms.until is None or terms.until - beginning > longest * DAY:
        raise UsageError(
            f"quota is given for at most {longest} days",
            why="for good"
            if terms.until is None
            else f"from {written(beginning)} until {written(terms.until)} is longer",
            fix=f"ask for an end by {written(beginning + longest * DAY)}; it can be extended no further",
        )


def gives_no_more(terms: Terms, than: Terms) -> bool:
    """Whether these give nothing that the others do not give, and take from nobody what the others do not take."""
    taken = {(each.team, each.share.cluster, each.share.flavor): each.share for each in than.taken}
    for each in terms.taken:
        most = taken.get((each.team, each.share.cluster, each.share.flavor))
        if most is None or not _no_larger(each.share, most):
            return False
    return terms.within(than)


def _no_larger(share: QuotaShare, than: QuotaShare) -> bool:
    return share.devices <= than.devices and share.cpu <= than.cpu and share.memory <= than.memory


def _check_kind(wish: Wish, terms: Terms) -> None:
    """Devices are decided on as devices: on the route of another kind they would be anybody's to give."""
    if wish.kind is RequestKind.GPUS and not terms.shares:
        raise UsageError("no devices are asked for", fix="say how many, and of which class")
    if wish.kind is not RequestKind.GPUS and (terms.shares or terms.taken):
        raise UsageError(
            f"a request for a {wish.kind.value} gives no devices",
            why="devices are asked for and decided on by themselves",
            fix="`allot request gpus N --accelerator CLASS` asks for devices",
        )


def _check_shares(terms: Terms) -> None:
    for each in (*terms.shares, *(taken.share for taken in terms.taken)):
        amounts = (each.devices, each.cpu, each.memory)
        if min(amounts) < 0 or not any(amounts):
            raise UsageError(f"a share of {_place(each)} gives nothing, or less", fix="leave it out, or ask for more")
    given = {(each.cluster, each.flavor): each for each in terms.shares}
    takers = [(each.team, each.share.cluster, each.share.flavor) for each in terms.taken]
    if len(given) < len(terms.shares) or len(set(takers)) < len(takers):
        raise UsageError("a cluster and flavor stands there twice", fix="put the two into one share")
    for place, (devices, cpu, memory) in _sums(each.share for each in terms.taken).items():
        most = given.get(place)
        if most is None or devices > most.devices or cpu > most.cpu or memory > most.memory:
            raise UsageError(
                f"more is taken in {spelled(place[0])} than is given there",
                why=f"nobody would have the rest of {spelled(place[1])}",
                fix="take no more than is asked for",
            )


def _sums(shares: Iterable[QuotaShare]) -> dict[tuple[str, str], tuple[int, int, int]]:
    devices: Counter[tuple[str, str]] = Counter()
    cpu: Counter[tuple[str, str]] = Counter()
    memory: Counter[tuple[str, str]] = Counter()
    for each in shares:
        place = (each.cluster, each.flavor)
        devices[place] += each.devices
        cpu[place] += each.cpu
        memory[place] += each.memory
    return {place: (devices[place], cpu[place], memory[place]) for place in devices}


def _check_times(terms: Terms, now: int) -> None:
    if not 0 <= terms.since <= LATEST or (terms.until is not None and terms.until > LATEST):
        raise UsageError("a time lies beyond all calendars", fix="name an earlier one")
    if terms.until is None:
        return
    if terms.until <= terms.since:
        raise UsageError(
            "it would end before it begins",
            why=f"it begins {written(terms.since)}, and ends {written(terms.until)}",
            fix="name a later end",
        )
    if terms.until - terms.since < LEAST:
        raise UsageError(
            "it would end within the second in which it begins",
            fix="ask for a second or longer; over HTTP times are milliseconds",
        )
    if terms.until <= now:
        raise UsageError(
            "its time is over",
            why=f"it would have ended {written(terms.until)}",
            fix="ask for a time that is still to come",
        )


def _place(share: QuotaShare) -> str:
    return f"{spelled(share.flavor)} in {spelled(share.cluster)}"
