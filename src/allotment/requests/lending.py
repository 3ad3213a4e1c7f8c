"""Notices to a team of whose guarantee something is taken for others: that it is, until when, and that it is back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from allotment.errors import spelled
from allotment.model.moments import written
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.notice import (
    Audience,
    AudienceKind,
    Delta,
    Measure,
    Notice,
    NoticeKind,
    NoticeSeverity,
    ToldKey,
)
from allotment.model.requests.terms import QuotaShare

_GIVEN: Final = frozenset({GrantState.GIVING, GrantState.ACTIVE})


def of_lent(grants: Iterable[TeamGrant], now: int, news_for: int) -> tuple[Notice, ...]:
    """What teams are told of devices that are theirs and are given to others.

    Args:
        grants: of all teams.
        now: milliseconds since the epoch.
        news_for: milliseconds after which that something is back is news to nobody.
    """
    return tuple(notice for each in grants for notice in _of_grant(each, now, news_for))


def _of_grant(grant: TeamGrant, now: int, news_for: int) -> Iterator[Notice]:
    until = grant.terms.until
    if until is not None and until <= grant.terms.since:
        return  # it was never given
    is_news = until is not None and until <= now <= until + news_for
    if grant.state not in _GIVEN and not (grant.state is GrantState.ENDED and is_news):
        return
    lent: dict[str, list[QuotaShare]] = {}
    for each in grant.terms.taken:
        lent.setdefault(each.team, []).append(each.share)
    for team, shares in sorted(lent.items()):
        notice = _lent(grant, team, shares)
        if not {each.key for each in notice.settles} <= set(grant.told):
            yield notice


def _lent(grant: TeamGrant, team: str, shares: list[QuotaShare]) -> Notice:
    back = grant.state is GrantState.ENDED
    until = "for good" if grant.terms.until is None else f"until {written(grant.terms.until)}"
    devices = sum(each.devices for each in shares)
    what = ", ".join(
        f"{each.devices or 'CPU and memory of'} {spelled(each.flavor)} in {spelled(each.cluster)}" for each in shares
    )
    # By what it is, and until when: told again when that changes.
    key = f"{'back' if back else 'lent'}/{team}/{what}/{grant.terms.until}"
    says = "what was taken of its guarantee is back" if back else "something is taken of its guarantee"
    line = (
        f"{what} count among your guarantee again."
        if back
        else f"{what} of your guarantee are another team's {until}. What you run on more than what is left is borrowed."
    )
    return Notice(
        key=f"grant/{grant.id}/{key}",
        kind=NoticeKind.GUARANTEE_LENT,
        severity=NoticeSeverity.INFO if back else NoticeSeverity.WARNING,
        team=team,
        to=(Audience(AudienceKind.TEAM, team),),
        subject=f"{spelled(team)}: {says}",
        lines=(line, f"Grant {grant.id}: `allot grant list` has it."),
        deltas=(Delta(Measure.DEVICES, devices),) if devices else (),
        settles=(ToldKey(grant.id, key),),
    )
