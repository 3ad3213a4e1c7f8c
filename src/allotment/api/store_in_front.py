"""What stands in front of a store, and does itself what it does otherwise."""

from __future__ import annotations

from typing import Any

from allotment.ports.store import JobsStore


class StoreInFront:
    """Has all that the store behind it has; what it has of its own goes first."""

    def __init__(self, store: JobsStore) -> None:
        """In front of a store.

        Args:
            store: that is asked.
        """
        self._store = store

    def __getattr__(self, name: str) -> Any:
        made = self._in_front(name, getattr(self._store, name))
        setattr(self, name, made)  # looked for once
        return made

    def _in_front(self, _name: str, found: Any) -> Any:
        """What stands in the place of something that the store behind has."""
        return found
