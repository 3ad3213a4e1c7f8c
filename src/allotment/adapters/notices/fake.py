"""`NoticeSender` in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from allotment.model.requests.notice import Notice
from allotment.ports.notices import NotToldError, Receiver


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
