"""`NoticeBook` in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from allotment.model.requests.grant import TeamGrant
from allotment.model.requests.notice import Notice
from allotment.ports.notices import Delivery, kept_delivery
from allotment.requests.notices import with_told


class MemoryNoticeBook:
    """Deliveries, and keys apart from those that grants remember."""

    def __init__(
        self, grants: dict[str, TeamGrant], note: Callable[[Sequence[TeamGrant]], None] = lambda _: None
    ) -> None:
        """Nothing was told yet.

        Args:
            grants: by their ids, as they are; they are changed in there.
            note: has the journal tell of those that have changed.
        """
        self._note = note
        self._grants = grants
        self._kept: dict[tuple[str, str], Delivery] = {}
        self._told: dict[str, int] = {}

    def deliveries(self) -> tuple[Delivery, ...]:
        """The oldest try first."""
        return tuple(sorted(self._kept.values(), key=lambda each: (each.at, each.notice, each.receiver)))

    def keep(self, delivery: Delivery) -> None:
        """In the place of what was kept."""
        self._kept[delivery.notice, delivery.receiver] = kept_delivery(delivery)

    def told(self) -> frozenset[str]:
        """Keys apart from grants."""
        return frozenset(self._told)

    def settle(self, notice: Notice, at: int) -> None:
        """With the grants, or apart."""
        named = dict.fromkeys(each.grant for each in notice.settles if each.grant)
        after = {name: with_told(self._grants[name], notice) for name in named if name in self._grants}
        news = [each for name, each in after.items() if each != self._grants[name]]
        self._grants |= after
        self._note(news)
        self._told |= {each.key: at for each in notice.settles if not each.grant}

    def forget(self, before: int) -> None:
        """Drop what is older."""
        self._kept = {key: each for key, each in self._kept.items() if each.at >= before}
        self._told = {key: at for key, at in self._told.items() if at >= before}
