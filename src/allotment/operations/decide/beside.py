"""What is done to clusters, one beside the other: one that does not answer holds up no other, nor whoever asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

_PATIENCE: Final = 10.0
"""Seconds that a cluster is waited for."""
_HUNG: Final = 1.0
"""The same where what was begun last took longer and came to nothing: whether it answers is seen the next time."""
_LONGER: Final = 3.0
"""So many times as long as the last act took, where that came to something: a large cluster takes long."""


@dataclass(slots=True)
class _ClusterAct:
    """What is done to one cluster.

    Attributes:
        patience: seconds that it is waited for.
        began: by a clock that nobody sets.
        took: seconds; 0 until it has ended.
        ended: with what is not as it should be; empty for nothing.
    """

    patience: float
    began: float = field(default_factory=time.monotonic)
    took: float = 0.0
    ended: Future[str] = field(default_factory=Future)

    def patience_next(self) -> float:
        """Seconds that the next one is waited for."""
        if self.ended.exception() is None and not self.ended.result():
            return max(_PATIENCE, _LONGER * self.took)
        return _HUNG if self.took > self.patience else _PATIENCE


class ClusterActs:
    """Acts on clusters, at most one of each at a time; of use to several threads at once.

    An act that takes longer than it is waited for goes on by itself. Until it has ended nothing else is begun there, so
    that nothing older ever comes after something newer.
    """

    def __init__(self) -> None:
        """Nothing is done yet."""
        self._acts: dict[str, _ClusterAct] = {}
        self._alone = threading.Lock()

    def trouble(self, names: Sequence[str], act: Callable[[str], str]) -> dict[str, str]:
        """Act on clusters; why some are not as they should be, by name.

        Args:
            names: of the clusters.
            act: on one, in a thread of its own; what is not as it should be there, in a sentence, or nothing.
        """
        began = {name: self._begun(name, act) for name in names}
        found: dict[str, str] = {}
        for name, (this, own) in began.items():
            if not own:
                found[name] = f"what was begun there {time.monotonic() - this.began:.0f} s ago has not ended"
                continue
            if not this.ended.done() and not _ends(this):
                found[name] = f"it has not come to an end in {this.patience:.0f} s, and goes on"
            elif why := this.ended.result():
                found[name] = why
        return found

    def _begun(self, name: str, act: Callable[[str], str]) -> tuple[_ClusterAct, bool]:
        """The act on a cluster that goes on, and whether it is this one."""
        with self._alone:
            last = self._acts.get(name)
            if last is not None and not last.ended.done():
                return last, False
            this = self._acts[name] = _ClusterAct(_PATIENCE if last is None else last.patience_next())
        threading.Thread(target=_acted, args=(this, name, act), name=f"applies {name}", daemon=True).start()
        return this, True


def _ends(this: _ClusterAct) -> bool:
    """Whether it ends while it is waited for; where it fails, whoever asks for what came of it is told."""
    try:
        this.ended.exception(max(0.0, this.began + this.patience - time.monotonic()))
    except TimeoutError:
        return False
    return True


def _acted(this: _ClusterAct, name: str, act: Callable[[str], str]) -> None:
    try:
        why = act(name)
    except BaseException as error:  # noqa: BLE001 (whoever waits is told)
        this.took = time.monotonic() - this.began
        this.ended.set_exception(error)
    else:
        this.took = time.monotonic() - this.began
        this.ended.set_result(why)
