"""Secrets made unreadable for whoever lacks a key that lies elsewhere."""

from __future__ import annotations

from typing import Protocol

from allotment.errors import AllotmentError


class UnsealableError(AllotmentError):
    """What is sealed cannot be opened: it is of another key or another place, or was changed."""


class Sealing(Protocol):
    """Seals with the newest key, and opens with any that is there. Everything may raise `AllotmentError`."""

    def seal(self, plain: bytes, about: str) -> str:
        """Seal something.

        Args:
            plain: what.
            about: where it stands: it opens there alone.
        """
        ...

    def opened(self, sealed: str, about: str) -> bytes:
        """What was sealed.

        Raises:
            UnsealableError: it cannot be opened.
        """
        ...

    def is_newest(self, sealed: str) -> bool:
        """Whether it was sealed with the newest key."""
        ...

    def add_key(self) -> None:
        """Make a new key, with which is sealed from now on; older ones still open.

        Raises:
            UsageError: the keys are not this server's to change.
        """
        ...

    def drop_old_keys(self) -> None:
        """Nothing of older keys is left: they open no more."""
        ...
