"""A store that is asked once for who is let in, and not with each of a hundred calls a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar, cast

from allotment.api.store_in_front import StoreInFront
from allotment.model.access.person import Person
from allotment.model.access.token import ApiToken
from allotment.ports.store import JobsStore

T = TypeVar("T")

_FRESH: Final = 1.0
"""Seconds for which an answer is good: a server that was led over hears of no change, and ends within a few."""
_MOST: Final = 4096
_CHANGE: Final = frozenset({"add_token", "revoke_token", "token_used", "signed_in", "shut_out", "let_in"})
"""Calls after which a token or a person is another. The server alone writes, so that it sees each of them."""


class RememberingStore(StoreInFront):
    """See the module; does what the store behind it does. Whoever is shut out is so from that very call on."""

    def __init__(self, store: JobsStore, now: Callable[[], float] = time.monotonic) -> None:
        """Nothing is known.

        Args:
            store: that is asked.
            now: seconds of a clock that nobody sets.
        """
        super().__init__(store)
        self._now = now
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], tuple[float, ApiToken | Person]] = {}
        self._changes = 0
        self._under_way = 0

    def token(self, token_id: str) -> ApiToken:
        """See the port."""
        return self._remembered("token", token_id, self._store.token)

    def person(self, person_id: str) -> Person:
        """See the port."""
        return self._remembered("person", person_id, self._store.person)

    def recalled(self, token_id: str) -> tuple[ApiToken, Person | None] | None:
        """A token with the person whose it is, where both are known; the store behind is not asked, nor waited for."""
        with self._lock:
            token = self._known_now("token", token_id)
            if token is None:
                return None
            person = self._known_now("person", token.person) if token.person else None
        return None if token.person and person is None else (token, person)

    def _known_now(self, kind: str, id_: str) -> Any:
        # Whoever is told of a change asks while it is not over for whoever makes it.
        if self._under_way:
            return None
        at, known = self._known.get((kind, id_), (None, None))
        return known if at is not None and 0 <= self._now() - at < _FRESH else None

    def _in_front(self, name: str, found: Any) -> Any:
        return self._changing(found) if name in _CHANGE else found

    def _changing(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def changing(*arguments: Any, **named: Any) -> Any:
            with self._lock:
                self._under_way += 1
            try:
                return call(*arguments, **named)
            finally:
                with self._lock:
                    self._under_way -= 1
                    self._changes += 1
                    self._known.clear()

        return changing

    def _remembered(self, kind: str, id_: str, ask: Callable[[str], T]) -> T:
        now = self._now()
        with self._lock:
            known, changes = self._known_now(kind, id_), self._changes
        if known is not None:
            return cast("T", known)
        found = ask(id_)
        with self._lock:
            # What changed while it was asked for may be missing in it.
            if changes == self._changes and not self._under_way:
                if len(self._known) >= _MOST:
                    self._known.clear()
                self._known[kind, id_] = now, cast("Any", found)
        return found


class RecallingStore(JobsStore, Protocol):
    """A store that tells what it knows of who is let in."""

    def recalled(self, token_id: str) -> tuple[ApiToken, Person | None] | None:
        """See `RememberingStore`."""
        ...


def remembering(store: JobsStore) -> RecallingStore:
    """The same store, asked less often."""
    return cast("RecallingStore", RememberingStore(store))
