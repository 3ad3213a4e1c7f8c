"""What a provider says of itself, remembered for a while and read anew in time; of use to several threads at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from allotment.errors import AllotmentError, UnreachableError
from allotment.model.moments import written

T = TypeVar("T")

FRESH: Final = 10 * 60_000
"""Milliseconds for which nothing is asked again."""
OLDEST: Final = 60 * 60_000
"""Milliseconds for which it counts where the provider cannot be asked meanwhile."""
BETWEEN: Final = 10_000
"""Milliseconds that lie, at least, between two readings that a caller gives cause for: strangers can, with a key that
nobody has, and the provider is asked six times a minute at most, however many of them there are."""
AFTER_FAILURE: Final = 5_000
"""Milliseconds after a reading that failed, in which none is tried."""
_OUT_OF_ORDER: Final = 60_000
"""Milliseconds that a caller's clock may be behind a reading: who of two looked first may ask last."""


@dataclass(frozen=True, slots=True)
class _Reading(Generic[T]):
    at: int
    value: T


class Remembered(Generic[T]):
    """A value that costs a question."""

    def __init__(self, read: Callable[[int], T], failed: Callable[[AllotmentError], None] = lambda _: None) -> None:
        """Nothing is read yet.

        Args:
            read: asks, at a time.
            failed: is told of each reading that fails, whether an older value stands in for it or not.
        """
        self._read = read
        self._failed = failed
        self._lock = threading.Lock()
        self._found: _Reading[T] | None = None
        self._asked: int | None = None
        self._failure: AllotmentError | None = None

    def value(self, now: int) -> T:
        """The value.

        Raises:
            AllotmentError: it cannot be read, and was not within the last hour.
        """
        found = self._found
        if found is not None and _within(found.at, now, FRESH):
            return found.value
        with self._lock:
            found = self._found
            if found is not None and _within(found.at, now, FRESH):
                return found.value
            return self._read_anew(now)

    def anew(self, now: int) -> T:
        """The value, read once more if it was not within `BETWEEN`: a caller knows of what is not in it.

        Raises:
            AllotmentError: it cannot be read, and was not within the last hour.
        """
        with self._lock:
            found = self._found
            if found is not None and self._asked is not None and _within(self._asked, now, BETWEEN):
                return found.value
            return self._read_anew(now)

    @property
    def age(self) -> str:
        """From when the value is, and why it is not from later where a reading has failed since."""
        with self._lock:
            found, failure, asked = self._found, self._failure, self._asked
        parts = [] if found is None else [f"read at {written(found.at)}"]
        if failure is not None and asked is not None:
            parts.append(f"reading them anew at {written(asked)} failed: {failure.line}")
        return "; ".join(parts)

    def _read_anew(self, now: int) -> T:
        old = self._found if self._found is not None and _within(self._found.at, now, OLDEST) else None
        failure = self._failure
        if failure is None or self._asked is None or not _within(self._asked, now, AFTER_FAILURE):
            self._asked = now
            try:
                self._found = _Reading(now, self._read(now))
            except AllotmentError as error:
                self._failure = failure = error
                self._failed(error)
            else:
                self._failure = None
                return self._found.value
        # A provider that cannot be reached has not taken anything back; one that talks nonsense may have.
        if old is not None and isinstance(failure, UnreachableError):
            return old.value
        raise type(failure)(failure.what, why=failure.why, fix=failure.fix)


def _within(at: int, now: int, span: int) -> bool:
    return -_OUT_OF_ORDER <= now - at < span
