"""Calls that came with a key, as a store keeps them: so that the same call, asked again, is done once.

That a call was done is kept in the transaction of what it changed, by the act that is answered for; what was answered,
right after it. So whoever died in between finds what it was done to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from allotment.model.access.caller import KeyedCall

KEPT_HOURS: Final = 24
"""Hours for which a key stands for its call, at least."""


@dataclass(frozen=True, slots=True)
class KeptCall:
    """A call that was done.

    Attributes:
        call: which.
        at: milliseconds since the epoch.
        subject: what it was done to, as the audit trail has it; empty where it changed nothing.
        answer: what was answered, sealed by whoever keeps it; empty where nobody knows any more.
    """

    call: KeyedCall
    at: int
    subject: str = ""
    answer: str = ""


class CallsReader(Protocol):
    """What can be asked. Everything may raise `StoreError` and `UnreachableError`."""

    def kept_calls(self, whose: str, since: int) -> int:
        """How many calls of somebody are kept that were done since a moment."""
        ...

    def kept_call(self, call_id: str) -> KeptCall | None:
        """The call that came with a key; None where none did."""
        ...


class CallsStore(CallsReader, Protocol):
    """What the one process that writes may do besides; acts that bear a call keep it with what they have changed."""

    def keep_answer(self, call: KeyedCall, at: int, answer: str) -> None:
        """Keep what was answered to a call, which need not have changed anything.

        Args:
            call: which.
            at: milliseconds since the epoch.
            answer: sealed by whoever keeps it.
        """
        ...

    def forget_calls(self, before: int) -> int:
        """Forget calls that were done before a moment; how many."""
        ...
