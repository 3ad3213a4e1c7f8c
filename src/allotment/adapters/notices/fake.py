"""`NoticeSender` and `NoticeBook` in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from allotment.model.requests.grant import TeamGrant
from allotment.model.requests.notice import Notice
from allotment.ports.notices import Delivery, NotToldError, Receiver
from allotment.requests.notices import with_told


@dataclass(slots=True)
class FakeSender:
    """Remembers what was sent.

    Attributes:
        sent: notice's id and receiver's name, in the order of the tries that went well.
        tries: the same of all.
        failing: raised for each try with a receiver, by its name.
    """

    sent: list[tuple[str, str]] = field(default_factory=list)
    tries: list[tuple[str, str]] = field(default_factory=list)
    failing: dict[str, NotToldError] = field(default_factory=dict)

    def send(self, notice: Notice, to: Receiver) -> None:
        """Note it, or fail."""
        self.tries.append((notice.id, to.name))
        if to.name in self.failing:
            raise self.failing[to.name]
        self.sent.append((notice.id, to.name))


class FakeNoticeBook:
    """Deliveries, keys and the grants that remember keys themselves."""

    def __init__(self, grants: Iterable[TeamGrant] = ()) -> None:
        """With grants, by their ids in `grants`; of others nothing is kept."""
        self.grants = {each.id: each for each in grants}
        self._kept: dict[tuple[str, str], Delivery] = {}
        self._told: dict[str, int] = {}

    def deliveries(self) -> tuple[Delivery, ...]:
        """The oldest try first."""
        return tuple(sorted(self._kept.values(), key=lambda each: each.at))

    def keep(self, delivery: Delivery) -> None:
        """In the place of what was kept."""
        self._kept[delivery.notice, delivery.receiver] = delivery

    def told(self) -> frozenset[str]:
        """Keys apart from grants."""
        return frozenset(self._told)

    def settle(self, notice: Notice, at: int) -> None:
        """With the grants, or apart."""
        self.grants = {name: with_told(each, notice) for name, each in self.grants.items()}
        self._told |= {each.key: at for each in notice.settles if not each.grant}

    def forget(self, before: int) -> None:
        """Drop what is older."""
        self._kept = {key: each for key, each in self._kept.items() if each.at >= before}
        self._told = {key: at for key, at in self._told.items() if at >= before}
