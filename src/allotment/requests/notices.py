"""Which notices are due, from what stands there now: made anew, a notice is the same until it was told.

A grant remembers itself what its people were told (`TeamGrant.told`), for everything else a set of keys is passed in.
What is overtaken before it was told, such as a request that somebody has decided on meanwhile, is due no more. When a
threshold is news, `thresholds.py` says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from allotment.accounting.quota_use import QuotaAlarm
from allotment.errors import quoted_message, spelled
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
from allotment.model.requests.request import GrantRequest
from allotment.model.requests.terms import Terms
from allotment.requests.granting import after_end
from allotment.requests.lending import of_lent
from allotment.requests.notice_words import share_words, span_words
from allotment.requests.pricing import month_of
from allotment.requests.request_notices import NEWS_FOR, NOWHERE_ELSE, NoticePlaces, of_requests
from allotment.requests.thresholds import GRANT_STEPS, QUOTA_STEPS, Crossing, crossing, percent

_DAY: Final = 24 * 3_600_000
TROUBLED_FOR: Final = 15 * 60_000
"""Milliseconds after which what keeps a grant from being given or taken back is for people to see to."""
_STANDING: Final = frozenset({GrantState.ACTIVE, GrantState.CONFLICT})
_OVER: Final = frozenset({GrantState.TAKING_BACK, GrantState.ENDED})


@dataclass(frozen=True, slots=True)
class TeamQuotaUse:
    """What a team uses of its guarantee.

    Attributes:
        used: devices.
        nominal: devices; grants included.
    """

    team: str
    cluster: str
    flavor: str
    used: int
    nominal: int


def due_notices(
    grants: Iterable[TeamGrant],
    used: Mapping[str, int],
    quotas: Iterable[TeamQuotaUse],
    requests: Iterable[GrantRequest],
    told: Collection[str],
    now: int,
    places: NoticePlaces = NOWHERE_ELSE,
) -> tuple[Notice, ...]:
    """Everything that is due at a moment.

    Args:
        grants: those that have ended within `NEWS_FOR` included.
        used: device-seconds by the id of the grant; of one that is not among them nothing is known.
        quotas: of all teams, as far as they are known.
        requests: those that were decided on within `NEWS_FOR` included.
        told: what was told apart from grants.
        now: milliseconds since the epoch.
        places: where more is to be seen.
    """
    kept = tuple(grants)
    return (
        *of_grants(kept, used, now),
        *of_endings(kept, used, now),
        *of_lent(kept, now, NEWS_FOR),
        *of_quotas(quotas, told, now),
        *of_requests(requests, told, now, places),
    )


def with_told(grant: TeamGrant, notice: Notice) -> TeamGrant:
    """The grant after a notice was told; the very same where the notice is not about it, or was told before."""
    new = [each.key for each in notice.settles if each.grant == grant.id and each.key not in grant.told]
    return replace(grant, told=(*grant.told, *new), revision=grant.revision + 1) if new else grant


# Grants


def of_grants(grants: Iterable[TeamGrant], used: Mapping[str, int], now: int) -> tuple[Notice, ...]:
    """Thresholds of each grant, its end, and whether people have to decide about it."""
    return tuple(notice for each in grants for notice in _of_grant(each, used.get(each.id), now))


def _of_grant(grant: TeamGrant, used: int | None, now: int) -> Iterator[Notice]:
    if grant.state is GrantState.CONFLICT:
        yield from _conflict(grant, now)
    if grant.state in _BEGUN_BY and grant.trouble:
        yield from _trouble(grant, now)
    if grant.state in _STANDING and used is not None:
        total = _total(grant.terms)
        found = crossing("hours", f"{total}", used, total, GRANT_STEPS, grant.told)
        if found is not None:
            yield _threshold(grant, NoticeKind.GRANT_HOURS, found, used, now)
    until = grant.terms.until
    if until is None or until <= grant.terms.since or (grant.state in _OVER and not until <= now <= until + NEWS_FOR):
        return
    if grant.state in _STANDING | _OVER:
        found = crossing("time", f"{until}", *_elapsed(grant.terms, now), GRANT_STEPS, grant.told)
        if found is not None:
            yield _threshold(grant, NoticeKind.GRANT_TIME, found, used, now)


def _threshold(grant: TeamGrant, kind: NoticeKind, found: Crossing, used: int | None, now: int) -> Notice:
    over = kind is NoticeKind.GRANT_TIME and found.step == 100
    return _about_grant(
        grant,
        kind,
        NoticeSeverity.URGENT if found.step == 100 and not over else NoticeSeverity.WARNING,
        (_TIME_OVER if over and grant.state is not GrantState.ENDED else _REACHED[kind, found.step]).format(grant.id),
        (_standing(grant, used, now), *(() if over else (after_end(grant),))),
        _deltas(grant, used, now),
        found.settles,
    )


_REACHED: Final[Mapping[tuple[NoticeKind, int], str]] = {
    (NoticeKind.GRANT_HOURS, 80): "the GPU-hours of grant {} are used to 80 %",
    (NoticeKind.GRANT_HOURS, 100): "the GPU-hours of grant {} are used up",
    (NoticeKind.GRANT_TIME, 80): "80 % of the time of grant {} has passed",
    (NoticeKind.GRANT_TIME, 100): "grant {} is over",
}
_TIME_OVER: Final = "the time of grant {} is over, and it is not taken back yet"


def _conflict(grant: TeamGrant, now: int) -> Iterator[Notice]:
    # Not by the revision: that a notice was told is a change of the grant, and would make it a new one.
    what = hashlib.sha256(f"{grant.written}\n{grant.commit}\n{grant.trouble}".encode("utf-8", "surrogatepass"))
    key = f"conflict:{what.hexdigest()[:16]}"
    if key not in grant.told:
        yield _about_grant(
            grant,
            NoticeKind.GRANT_CONFLICT,
            NoticeSeverity.URGENT,
            f"grant {grant.id} was changed by hand, and people have to decide",
            (
                f"{share_words(grant.terms)}: {quoted_message(grant.trouble)}.",
                f"An administrator decides: `allot grant keep {grant.id}`, or `allot grant restore {grant.id}`.",
            ),
            _deltas(grant, None, now),
            (key,),
            Audience(AudienceKind.PLATFORM),
        )


def _trouble(grant: TeamGrant, now: int) -> Iterator[Notice]:
    """Told once: what the trouble is changes with each try."""
    key, begun = f"trouble:{grant.state.value}", _BEGUN_BY[grant.state](grant.terms)
    if key in grant.told or begun is None or now < begun + TROUBLED_FOR:
        return
    yield Notice(
        key=f"grant/{grant.id}/{key}",
        kind=NoticeKind.GRANT_TROUBLE,
        severity=NoticeSeverity.URGENT,
        team=grant.team,
        to=(Audience(AudienceKind.PLATFORM),),
        subject=f"{spelled(grant.team)}: grant {grant.id} cannot be {_DONE[grant.state]}",
        lines=(f"{share_words(grant.terms)}: {quoted_message(grant.trouble)}.", "It is tried again and again."),
        deltas=_deltas(grant, None, now),
        settles=(ToldKey(grant.id, key),),
    )


_BEGUN_BY: Final[Mapping[GrantState, Callable[[Terms], int | None]]] = {
    GrantState.GIVING: lambda terms: terms.since,
    GrantState.TAKING_BACK: lambda terms: terms.until,
}
"""When what is to be done should have been."""
_DONE: Final = {GrantState.GIVING: "given", GrantState.TAKING_BACK: "taken back"}


def _about_grant(
    grant: TeamGrant,
    kind: NoticeKind,
    severity: NoticeSeverity,
    says: str,
    lines: tuple[str, ...],
    deltas: tuple[Delta, ...],
    keys: tuple[str, ...],
    *others: Audience,
) -> Notice:
    return Notice(
        key=f"grant/{grant.id}/{keys[-1]}",
        kind=kind,
        severity=severity,
        team=grant.team,
        to=(Audience(AudienceKind.TEAM, grant.team), *others),
        subject=f"{spelled(grant.team)}: {says}",
        lines=lines,
        deltas=deltas,
        settles=tuple(ToldKey(grant.id, key) for key in keys),
    )


def of_endings(grants: Iterable[TeamGrant], used: Mapping[str, int], now: int) -> tuple[Notice, ...]:
    """A digest for each team of which a grant ends within a day; it takes along what ends the day after.

    A grant for a day or less calls for none: its people have just been told when it ends.
    """
    soon: dict[str, list[tuple[int, TeamGrant]]] = {}
    for each in grants:
        until = 0 if each.terms.until is None or each.state is not GrantState.ACTIVE else each.terms.until
        if now < until <= now + 2 * _DAY and f"ending/{until}" not in each.told:
            soon.setdefault(each.team, []).append((until, each))
    return tuple(
        _ending(team, sorted(found, key=lambda each: (each[0], each[1].id)), used, now)
        for team, found in sorted(soon.items())
        if any(until <= now + _DAY and until - each.terms.since > _DAY for until, each in found)
    )


def _ending(team: str, found: Sequence[tuple[int, TeamGrant]], used: Mapping[str, int], now: int) -> Notice:
    what = f"grant {found[0][1].id} ends" if len(found) == 1 else f"{len(found)} grants end"
    return Notice(
        # Of which grants it is belongs to it: with one more it is another notice, and nobody misses that one.
        key=f"ending/{team}/{','.join(f'{each.id}@{until}' for until, each in found)}",
        kind=NoticeKind.GRANTS_ENDING,
        severity=NoticeSeverity.WARNING,
        team=team,
        to=(Audience(AudienceKind.TEAM, team),),
        subject=f"{spelled(team)}: {what} within {span_words(found[-1][0] - now)}",
        lines=tuple(
            f"Grant {each.id}: {_standing(each, used.get(each.id), now)} {after_end(each)}" for _, each in found
        ),
        deltas=(Delta(Measure.DEVICES, sum(each.terms.devices for _, each in found)),),
        settles=tuple(ToldKey(each.id, f"ending/{until}") for until, each in found),
    )


def _standing(grant: TeamGrant, used: int | None, now: int) -> str:
    """Such as ``12 a100 in dev-eastus, 80 % of its GPU-hours: 461 of 576; ends in 9 h``."""
    parts, total, until = [share_words(grant.terms, grant.subject)], _total(grant.terms), grant.terms.until
    if total and used is not None:
        parts.append(f"{percent(used, total)} % of its GPU-hours: {used // 3600} of {total // 3600}")
    end = ""
    if until is not None:
        was = "ended" if grant.state is GrantState.ENDED else "its time ended"
        end = f"; ends in {span_words(until - now)}" if now < until else f"; {was} {written(until)}"
    return f"{', '.join(parts)}{end}."


def _deltas(grant: TeamGrant, used: int | None, now: int) -> tuple[Delta, ...]:
    found = [Delta(Measure.DEVICES, grant.terms.devices)] if grant.terms.devices else []
    if used is not None and (total := _total(grant.terms)):
        found.append(Delta(Measure.DEVICE_SECONDS, used, total))
    if grant.terms.until is not None:
        passed, whole = _elapsed(grant.terms, now)
        found.append(Delta(Measure.SECONDS, passed // 1000, whole // 1000))
    return tuple(found)


def _total(terms: Terms) -> int:
    """Device-seconds that terms amount to; 0 where they have no end, or give no devices."""
    return 0 if terms.lasts is None else terms.devices * terms.lasts // 1000


def _elapsed(terms: Terms, now: int) -> tuple[int, int]:
    """Milliseconds that have passed of terms with an end, and their whole."""
    whole = terms.lasts or 0
    return min(max(0, now - terms.since), whole), whole


# Quotas


def of_quotas(uses: Iterable[TeamQuotaUse], told: Collection[str], now: int) -> tuple[Notice, ...]:
    """Thresholds of guarantees; of one of nothing there are none."""
    return tuple(notice for each in uses for notice in _of_quota(each, told, month_of(now).start))


def _of_quota(use: TeamQuotaUse, told: Collection[str], month: int) -> Iterator[Notice]:
    name = f"quota/{use.cluster}/{use.flavor}/{use.team}"
    found = crossing(name, f"{use.nominal}@{written(month)[:7]}", use.used, use.nominal, QUOTA_STEPS, told)
    if found is None:
        return
    where, share = f"{spelled(use.flavor)} in {spelled(use.cluster)}", percent(use.used, use.nominal)
    left = QuotaAlarm(found.step).words if use.used < use.nominal else "nothing of it is left"
    beyond = f"; {use.used - use.nominal} are borrowed" if use.used > use.nominal else ""
    yield Notice(
        key=found.settles[-1],
        kind=NoticeKind.QUOTA,
        severity=_QUOTA_SEVERITY[found.step],
        team=use.team,
        to=(Audience(AudienceKind.TEAM, use.team),),
        subject=f"{spelled(use.team)}: {found.step} % of its {where} are used",
        lines=(f"{use.used} of {use.nominal} {where}, {share} % of the guarantee: {left}{beyond}.",),
        deltas=(Delta(Measure.DEVICES, use.used, use.nominal),),
        settles=tuple(ToldKey("", key) for key in found.settles),
    )


_QUOTA_SEVERITY: Final = dict(zip(QUOTA_STEPS, NoticeSeverity, strict=True))
