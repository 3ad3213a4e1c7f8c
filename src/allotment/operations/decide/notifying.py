"""Use case: what is due to be told is found, and told, pass after pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from allotment.model.platform import Platform
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import GrantRequest, RequestState
from allotment.operations.decide.receivers import ConfiguredNotices, receivers_of, unknown_names
from allotment.operations.decide.room import DecisionRoom
from allotment.operations.decide.taking import DevicesHeld, devices_held
from allotment.operations.decide.telling import TellingStatus, tell
from allotment.ports.notices import NoticeBook, NoticeSender
from allotment.ports.requests import RequestFilter, RequestMark
from allotment.requests.notices import TeamQuotaUse, due_notices
from allotment.requests.request_notices import NoticePlaces

_LOOK_AGAIN: Final = 300_000
"""Milliseconds after which what is used, of quotas and of grants, is looked at again: that reads clusters."""
_LIVING: Final = frozenset({GrantState.ACTIVE, GrantState.TAKING_BACK, GrantState.CONFLICT})
_DECIDED: Final = frozenset(each for each in RequestState if each.over)
_OPEN: Final = frozenset(RequestState) - _DECIDED
_MOST_TOLD: Final = 5
"""Sentences of one kind for whoever looks at the server."""
UsedOfGrants = Callable[[Platform, Sequence[TeamGrant]], Mapping[str, int]]
"""Device-seconds that were used of grants, by id; of one that is not in it nothing is known."""


@dataclass(frozen=True, slots=True)
class _Looked:
    at: int
    quotas: tuple[TeamQuotaUse, ...]
    used: Mapping[str, int]


@dataclass(slots=True)
class Notifier:
    """Tells people what they should know; one pass at a time.

    Attributes:
        room: what is decided, and by what it is known.
        book: what was told.
        sender: the ways to receivers.
        configured: who they are.
        used: of grants.
        portal: address of the portal, as others call it; empty where nobody knows.
    """

    room: DecisionRoom
    book: NoticeBook
    sender: NoticeSender
    configured: ConfiguredNotices
    used: UsedOfGrants
    portal: str = ""
    _looked: _Looked | None = field(default=None, init=False)
    _status: TellingStatus = field(default=TellingStatus(0, (), (), ()), init=False)

    def tell_due(self) -> TellingStatus:
        """One pass.

        Raises:
            StoreError: the store cannot be read or written; the next pass goes on.
        """
        room, now = self.room, self.room.now()
        platform, people = room.platform(), room.store.people()
        grants = room.store.grants()
        looked = self._look(platform, grants, now)
        requests = tuple(_requests(room))
        due = due_notices(
            grants,
            looked.used,
            looked.quotas,
            requests,
            self.book.told(),
            now,
            NoticePlaces(platform.currency, self.portal),
        )
        self._status = tell(
            due,
            lambda notice: receivers_of(notice, self.configured, platform, people, now),
            self.sender,
            self.book,
            now,
        )
        return self._status

    def told(self) -> tuple[str, ...]:
        """What the server's user should know and see to, in sentences."""
        status = self._status
        gave_up = [f"notice {each.subject!r} was given up with {each.receiver}" for each in status.gave_up]
        waiting = [f"{each.receiver}: {each.trouble}" for each in status.waiting if each.trouble]
        return (
            *unknown_names(self.configured, self.room.platform()),
            *_some(list(dict.fromkeys(waiting)), "more receivers of notices are down"),
            *_some(list(reversed(gave_up)), "more notices were given up within a month"),
        )

    def _look(self, platform: Platform, grants: Sequence[TeamGrant], now: int) -> _Looked:
        if self._looked is None or not 0 <= now - self._looked.at < _LOOK_AGAIN:
            clusters = [each.name for each in platform.clusters]
            held = devices_held(platform, self.room.snapshots(clusters))
            living = [each for each in grants if each.state in _LIVING]
            self._looked = _Looked(now, tuple(_quotas(platform, held)), self.used(platform, living))
        return self._looked


def _requests(room: DecisionRoom) -> Iterator[GrantRequest]:
    """All that wait, however many, and the newest of the others: what is decided on is news for a while alone."""
    yield from room.store.requests(RequestFilter(states=_DECIDED))
    mark: RequestMark | None = None
    while some := room.store.requests(RequestFilter(states=_OPEN), after=mark):
        yield from some
        mark = RequestMark(some[-1].created, some[-1].id)


def _quotas(platform: Platform, held: DevicesHeld) -> Iterator[TeamQuotaUse]:
    for team in platform.teams:
        for placement in team.placements:
            for each in placement.accelerators if placement.cluster in held else ():
                used = held[placement.cluster].get((team.name, each.flavor), 0)
                yield TeamQuotaUse(team.name, placement.cluster, each.flavor, used, each.devices.nominal)


def _some(sentences: Sequence[str], more: str) -> Iterator[str]:
    yield from sentences[:_MOST_TOLD]
    if len(sentences) > _MOST_TOLD:
        yield f"{len(sentences) - _MOST_TOLD} {more}"
