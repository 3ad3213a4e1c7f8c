"""A cluster as answers rest on it, read by the server for all who ask it and have no way to the cluster themselves."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from allotment.errors import NotSignedInError, UnreachableError
from allotment.model.observed.snapshot import Asker, Snapshot
from allotment.operations.ask.observing import observe
from allotment.ports.clock import Clock
from allotment.ports.kube import KubePort

_HELD: Final = 30.0
"""Seconds for which a cluster is believed to be as it was read, so that many who ask cost it no more than one."""
_CHANGED: Final = 5.0
"""The same, where the server has made or ended something there since."""
_SILENT: Final = 10.0
"""Seconds for which one that did not answer is not asked again."""


@dataclass(frozen=True, slots=True)
class _ReadCluster:
    """What came of reading a cluster.

    Attributes:
        at: when it was over.
        acts: of the server there, by its beginning.
    """

    at: dt.datetime
    acts: int
    found: Snapshot | UnreachableError | NotSignedInError


class ClusterAsSource:
    """See the module. For several threads: who comes while it is read waits for that reading."""

    def __init__(
        self,
        name: str,
        kube: KubePort,
        clock: Clock,
        require_right: Callable[[], None] = lambda: None,
        acts: Callable[[], int] = lambda: 0,
    ) -> None:
        """Nothing is read yet.

        Args:
            name: of the back end, by which its source is called.
            kube: the cluster, as the server's user reads it.
            clock: time.
            require_right: raises where that is another cluster than is meant; see `RightCluster`.
            acts: how often the server has made or ended something there.
        """
        self._name = name
        self._kube = kube
        self._clock = clock
        self._require_right = require_right
        self._acts = acts
        self._alone = threading.Lock()
        self._read: _ReadCluster | None = None

    def read(self) -> Snapshot:
        """The cluster as it was half a minute ago at most.

        Raises:
            UnreachableError: it does not answer.
            NotSignedInError: it does not accept the server's credentials.
        """
        with self._alone:
            if self._read is None or self._is_old(self._read):
                acts, found = self._acts(), self._observed()
                self._read = _ReadCluster(self._clock.now(), acts, found)
            found = self._read.found
        if isinstance(found, Snapshot):
            return found
        raise found

    def _is_old(self, read: _ReadCluster) -> bool:
        most = _SILENT
        if isinstance(read.found, Snapshot):
            most = _HELD if read.acts == self._acts() else _CHANGED
        return not 0 <= (self._clock.now() - read.at).total_seconds() <= most

    def _observed(self) -> Snapshot | UnreachableError | NotSignedInError:
        try:
            self._require_right()
            found = observe(self._kube, self._clock)
        except (UnreachableError, NotSignedInError) as error:
            return error
        # Who the server is there, and where its kubeconfig looks, says nothing of who asks.
        sources = tuple(msgspec.structs.replace(each, name=self._name) for each in found.sources)
        return msgspec.structs.replace(found, asker=Asker(), sources=sources)
