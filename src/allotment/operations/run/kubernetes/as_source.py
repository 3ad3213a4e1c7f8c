"""A cluster as answers rest on it, seen by the server for all who ask it and have no way to the cluster themselves."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Final

from allotment.model.observed.snapshot import Snapshot
from allotment.ports.clock import Clock

_HELD: Final = 30.0
"""Seconds for which a cluster is believed to be as it was seen, so that many who ask cost it no more than one."""
_CHANGED: Final = 5.0
"""The same, where the server has made or ended something there since."""


class ClusterAsSource:
    """See the module. For several threads."""

    def __init__(self, seen: Callable[[float], Snapshot], clock: Clock, acts: Callable[[], int] = lambda: 0) -> None:
        """Nothing is read yet.

        Args:
            seen: the cluster as it was seen last, so many seconds ago at most where it answers; it may raise
                `UnreachableError` and `NotSignedInError`.
            clock: time.
            acts: how often the server has made or ended something there.
        """
        self._seen = seen
        self._clock = clock
        self._acts = acts
        self._alone = threading.Lock()
        self._acted = (0, dt.datetime.min.replace(tzinfo=dt.UTC))

    def read(self) -> Snapshot:
        """The cluster as it was half a minute ago at most; one that is away as it was when it was seen last.

        Raises:
            UnreachableError: it does not answer, and never has.
            NotSignedInError: it does not accept the server's credentials, and never has.
        """
        with self._alone:
            acts, now = self._acts(), self._clock.now()
            if acts != self._acted[0]:
                self._acted = (acts, now)
            lately = 0 <= (now - self._acted[1]).total_seconds() <= _HELD
        return self._seen(_CHANGED if lately else _HELD)
