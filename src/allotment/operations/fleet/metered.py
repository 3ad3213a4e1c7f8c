"""What metrics say of a followed cluster's devices: asked beside its looks, so that none waits long for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

import msgspec

from allotment.errors import AllotmentError
from allotment.model.observed.snapshot import METRICS, NOT_MEASURED, DeviceUse, Gap, Snapshot
from allotment.operations.ask.measuring import MetricsRequest, measured
from allotment.ports.metrics import MetricsPort

EVERY: Final = 20.0
"""Seconds for which what was measured counts as new: a use is a mean of minutes."""
AGAIN: Final = 5.0
"""The same of its failure."""
PATIENCE: Final = 2.0
"""Seconds that a look waits for an answer; one that comes later counts with the next look."""
_FAILED: Final = "failed"


@dataclass(frozen=True, slots=True)
class _Measurement:
    """What was told; `at` on the machine's steady clock."""

    at: float = float("-inf")
    uses: tuple[DeviceUse, ...] = ()
    gaps: tuple[Gap, ...] = ()


class MeteredCluster:
    """See the module. Its looks are one thread's."""

    def __init__(
        self,
        opened: Callable[[], AbstractContextManager[MetricsPort]],
        asked: Callable[[], MetricsRequest],
        tell: Callable[[str], None],
        every: float = EVERY,
        patience: float = PATIENCE,
    ) -> None:
        """Nothing is asked yet.

        Args:
            opened: opens what measures; it raises where there is no way to it.
            asked: which series, and from which share of use on a device is at work.
            tell: is told why nothing was measured, each time that this becomes another; it may name addresses.
            every: see `EVERY`.
            patience: see `PATIENCE`.
        """
        self._opened = opened
        self._asked = asked
        self._tell = tell
        self._failed = ""
        self._every = every
        self._patience = patience
        self._told = _Measurement()
        self._under_way: threading.Thread | None = None

    def added(self, snapshot: Snapshot) -> Snapshot:
        """A look at one cluster, with what is known of its devices' use: measured now, or not long ago."""
        asking = self._under_way is not None and self._under_way.is_alive()
        if not asking and time.monotonic() - self._told.at >= self._lasts:
            self._under_way = threading.Thread(target=self._measure, args=(snapshot,), name="measures", daemon=True)
            self._under_way.start()
            self._under_way.join(self._patience)
        told, (source,) = self._told, snapshot.sources
        if not told.uses and not told.gaps:
            return snapshot
        there = {each.name for each in source.objects.nodes}
        uses = tuple(each for each in told.uses if each.node in there)
        source = msgspec.structs.replace(source, device_use=uses, gaps=(*source.gaps, *told.gaps))
        with_uses: Snapshot = msgspec.structs.replace(snapshot, sources=(source,))
        return with_uses

    @property
    def _lasts(self) -> float:
        return min(self._every, AGAIN) if self._failed else self._every

    def _measure(self, snapshot: Snapshot) -> None:
        bare = msgspec.structs.replace(snapshot, sources=(msgspec.structs.replace(snapshot.sources[0], gaps=()),))
        try:
            with self._opened() as metrics:
                (source,) = measured(bare, metrics, self._asked()).sources
            uses, gaps = source.device_use, source.gaps
        except AllotmentError as error:
            uses, gaps = (), (_failure(error.line),)
        except Exception as error:  # noqa: BLE001 (a defect in what metrics answer must not end the cluster's looks)
            uses, gaps = (), (_failure(f"what came cannot be taken ({type(error).__name__})"),)
        why = next((each.detail for each in gaps if each.reason == _FAILED), "")
        if why != self._failed:
            self._failed = why
            self._tell(why or "answers again")
        # Why it was is said to whoever keeps the server: others are told no addresses.
        shown_gaps = tuple(_failure(NOT_MEASURED) if each.reason == _FAILED else each for each in gaps)
        self._told = _Measurement(time.monotonic(), uses, shown_gaps)


def _failure(why: str) -> Gap:
    return Gap(what=METRICS, reason=_FAILED, detail=why)
