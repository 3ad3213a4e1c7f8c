"""Calls that came with a key, as a store keeps them: so that the same call, asked again, is done once.

That a call was done is kept in the transaction of what it changed, by the act that is answered for; what was answered,
after it. So whoever died in between finds what it was done to.
"""

from __future__ import annotations

from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True)
class AnsweredCall:
    """What was answered to a call.

    Attributes:
        at: milliseconds since the epoch.
        answer: sealed by whoever keeps it.
    """

    call: KeyedCall
    at: int
    answer: str


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

    def keep_answers(self, answers: Sequence[AnsweredCall], *, soon: bool = False) -> None:
        """Keep what was answered to calls, which need not have changed anything.

        Args:
            answers: one of each call.
            soon: whether they may be kept a little after this returns, because the calls are kept already and whoever
                asks again can be answered anew.
        """
        ...

    def forget_calls(self, before: int) -> int:
        """Forget calls that were done before a moment; how many."""
        ...
