"""A store that keeps what calls were answered a little later, many in one transaction.

That a call was done is kept with what it has changed. Its answer is there for whoever asks again: he gets the one that
waits to be kept. Who asks again after a crash gets it made anew, as where the server died before it could be kept, so
that it need not be on the disk before the first one is sent.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Final, cast

from allotment.api.store_in_front import StoreInFront
from allotment.errors import AllotmentError
from allotment.ports.keyed_calls import AnsweredCall, KeptCall
from allotment.ports.store import JobsStore

_LATER: Final = 0.25
"""Seconds."""
_MOST: Final = 4 << 20
"""Characters of answers that wait at once; further ones are kept as they come."""


class LaterAnswers(StoreInFront):
    """See the module; for several threads."""

    def __init__(self, store: JobsStore) -> None:
        """None waits.

        Args:
            store: that keeps them.
        """
        super().__init__(store)
        self._lock = threading.Lock()
        self._waiting: dict[str, AnsweredCall] = {}
        self._came, self._ended = threading.Event(), threading.Event()

    def keep_answers(self, answers: Sequence[AnsweredCall], *, soon: bool = False) -> None:
        """See the port."""
        with self._lock:
            waits = soon and sum(len(each.answer) for each in (*self._waiting.values(), *answers)) <= _MOST
            if waits:
                self._waiting |= {each.call.id: each for each in answers}
        if waits:
            self._came.set()
        else:
            self._store.keep_answers(answers)

    def kept_call(self, call_id: str) -> KeptCall | None:
        """See the port."""
        with self._lock:
            later = self._waiting.get(call_id)
        kept = self._store.kept_call(call_id)
        if later is None or kept is None or kept.call != later.call:
            return kept
        return replace(kept, at=later.at, answer=later.answer)

    def keep(self) -> None:
        """Keep what waits; where that cannot be done, it waits on.

        Raises:
            AllotmentError: it cannot.
        """
        with self._lock:
            some = tuple(self._waiting.values())
        if some:
            self._store.keep_answers(some)
        with self._lock:
            for each in some:
                # The same call may have been answered once more meanwhile.
                if self._waiting.get(each.call.id) is each:
                    del self._waiting[each.call.id]

    def keep_on(self) -> None:
        """Keep what comes until told to end."""
        while self._came.wait() and not self._ended.wait(_LATER):
            self._came.clear()
            try:
                self.keep()
            except AllotmentError:  # whoever changes anything is told so
                self._came.set()
            except Exception:  # noqa: BLE001 (a defect must not have answers wait for good, nor hide)
                traceback.print_exc()
                self._came.set()

    def end(self) -> None:
        """Have `keep_on` end."""
        self._ended.set()
        self._came.set()


@contextmanager
def later_answers(store: JobsStore) -> Iterator[JobsStore]:
    """The same store, which keeps answers later, and the last ones when the block ends."""
    later = LaterAnswers(store)
    worker = threading.Thread(target=later.keep_on, name="keeps answers", daemon=True)
    worker.start()
    try:
        yield cast("JobsStore", later)
    finally:
        later.end()
        worker.join()
        with suppress(AllotmentError):
            later.keep()
