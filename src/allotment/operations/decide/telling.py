"""Use case: people are told what is due, pass after pass.

Nothing is waited for: what fails is tried again in a later pass, after longer and longer, `MOST_TRIES` times at most.
What was told is kept at once. Where an answer or a record was lost, it is told again under the same id: at least once,
and never twice knowingly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from allotment.model.requests.notice import Notice
from allotment.ports.notices import (
    Delivery,
    DeliveryState,
    NoticeBook,
    NoticeRefusedError,
    NoticeSender,
    NotToldError,
    Receiver,
)

ReceiversOf = Callable[[Notice], Iterable[Receiver]]
"""Whom a notice goes to, by its audiences and its team."""

_MINUTE: Final = 60_000
_WAITS: Final = tuple(minutes * _MINUTE for minutes in (1, 5, 15, 60, 180, 360, 720))
"""Milliseconds after each try that failed: a day together, so that a receiver may be down overnight."""
MOST_TRIES: Final = len(_WAITS) + 1
_REST: Final = _MINUTE
"""Milliseconds for which a receiver that was down is not asked at all, whatever else waits for it."""
FORGOTTEN_AFTER: Final = 32 * 24 * 60 * _MINUTE
"""Milliseconds for which is kept what was told: longer than a month, for which a quota's thresholds are told once."""


@dataclass(frozen=True, slots=True)
class TellingStatus:
    """How it stands after a pass.

    Attributes:
        told: how many were told in this pass, each receiver counted.
        waiting: those that are due and will be tried again, or have not had their turn with a receiver that is down.
        gave_up: those that failed for good, of the last month, the oldest first.
        unheard: those that nobody is named for; they count as told.
    """

    told: int
    waiting: tuple[Delivery, ...]
    gave_up: tuple[Delivery, ...]
    unheard: tuple[Notice, ...]


def tell(
    due: Iterable[Notice], receivers: ReceiversOf, sender: NoticeSender, book: NoticeBook, now: int
) -> TellingStatus:
    """One pass. Receivers that are in no trouble come first, and the others in their turn: none holds up another.

    Args:
        due: all notices that are due; those that are not among them any more are not sent.
        receivers: of each.
        sender: tells one receiver.
        book: remembers.
        now: milliseconds since the epoch.

    Raises:
        StoreError: what was told cannot be kept; the next pass goes on.
    """
    book.forget(now - FORGOTTEN_AFTER)
    todo = tuple({each.id: each for each in due}.values())
    named = {each.id: tuple({to.name: to for to in receivers(each)}.values()) for each in todo}
    this = _Pass(todo, named, {(each.notice, each.receiver): each for each in book.deliveries()}, sender, now)
    told = 0
    for to in this.receivers_in_turn():
        for done in this.turn_of(to):
            book.keep(done)
            told += done.state is DeliveryState.TOLD
    for each in todo:
        if this.is_settled(each):
            book.settle(each, now)
    return TellingStatus(
        told=told,
        waiting=tuple(this.waiting()),
        gave_up=tuple(each for each in book.deliveries() if each.state is DeliveryState.GAVE_UP),
        unheard=tuple(each for each in todo if not named[each.id]),
    )


@dataclass(frozen=True, slots=True)
class _Pass:
    """What is to be told, to whom, and how far it has come.

    Attributes:
        named: receivers by a notice's id.
        kept: by a notice's id and a receiver's name.
    """

    due: tuple[Notice, ...]
    named: Mapping[str, tuple[Receiver, ...]]
    kept: dict[tuple[str, str], Delivery]
    sender: NoticeSender
    now: int

    def receivers_in_turn(self) -> list[Receiver]:
        """Every receiver that something is left for; those in trouble last."""
        found = {to.name: to for notice in self.due for to in self.named[notice.id] if not self._is_over(notice, to)}
        troubled = {each.receiver for each in self.kept.values() if each.state is DeliveryState.WAITING}
        return sorted(found.values(), key=lambda each: each.name in troubled)

    def turn_of(self, to: Receiver) -> Iterator[Delivery]:
        """Tries with one receiver; the first at which it is down ends its turn."""
        if self._rests(to):
            return
        left = [each for each in self.due if to in self.named[each.id] and not self._is_over(each, to)]
        # What was tried less goes first, so that one that a receiver cannot bear holds up no other.
        for notice in sorted(left, key=lambda each: self._tries(each, to)):
            before = self.kept.get((notice.id, to.name))
            if before is not None and self.now < before.at + _WAITS[before.tries - 1]:
                continue
            done = _tried(notice, to, self._tries(notice, to) + 1, self.sender, self.now)
            self.kept[notice.id, to.name] = done
            yield done
            if done.state is DeliveryState.WAITING:
                return

    def is_settled(self, notice: Notice) -> bool:
        """Whether nobody is left to tell it, or nobody was named."""
        return all(self._is_over(notice, to) for to in self.named[notice.id])

    def waiting(self) -> Iterator[Delivery]:
        """What is left."""
        for notice in self.due:
            for to in self.named[notice.id]:
                if not self._is_over(notice, to):
                    never = Delivery(notice.id, to.name, notice.subject, DeliveryState.WAITING, 0, 0, "")
                    yield self.kept.get((notice.id, to.name), never)

    def _is_over(self, notice: Notice, to: Receiver) -> bool:
        found = self.kept.get((notice.id, to.name))
        return found is not None and found.state is not DeliveryState.WAITING

    def _tries(self, notice: Notice, to: Receiver) -> int:
        found = self.kept.get((notice.id, to.name))
        return 0 if found is None else found.tries

    def _rests(self, to: Receiver) -> bool:
        failed = [
            each.at for each in self.kept.values() if each.receiver == to.name and each.state is DeliveryState.WAITING
        ]
        return bool(failed) and max(failed) <= self.now < max(failed) + _REST


def _tried(notice: Notice, to: Receiver, tries: int, sender: NoticeSender, now: int) -> Delivery:
    try:
        sender.send(notice, to)
    except NotToldError as error:
        over = isinstance(error, NoticeRefusedError) or tries >= MOST_TRIES
        state = DeliveryState.GAVE_UP if over else DeliveryState.WAITING
        return Delivery(notice.id, to.name, notice.subject, state, tries, now, error.line)
    return Delivery(notice.id, to.name, notice.subject, DeliveryState.TOLD, tries, now, "")
