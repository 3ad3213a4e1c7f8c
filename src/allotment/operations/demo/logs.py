"""What programs of a made-up cluster write: made of when they began, whenever somebody reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from allotment.model.manifest import ObjectKey
from allotment.model.moments import milliseconds, written
from allotment.ports.clock import Clock, epoch_ms
from allotment.ports.kube import KubePort, PodLogLine
from allotment.simulation.demo.fates import DemoPace

_EVERY: Final = 60.0
"""Seconds of the fleet between two lines."""
_MOST: Final = 2000


class DemoLogs(Mapping[tuple[ObjectKey, str], tuple[PodLogLine, ...]]):
    """See the module: by pod and container; those of pods that run or have run."""

    def __init__(self, clock: Clock, pace: DemoPace) -> None:
        """Of a cluster that is given later.

        Args:
            clock: time.
            pace: how fast programs go.
        """
        self._clock = clock
        self._pace = pace
        self.kube: KubePort | None = None

    def __getitem__(self, key: tuple[ObjectKey, str]) -> tuple[PodLogLine, ...]:
        """The lines so far."""
        pod, container = key
        began, ended, code = self._times(pod, container)
        until = ended or epoch_ms(self._clock)
        every = self._pace.real(_EVERY)
        steps = (until - began) // every + 1
        lines = [
            PodLogLine(written(began + at * every), _line(at).encode()) for at in range(max(0, steps - _MOST), steps)
        ]
        if ended:
            said = "done" if code == 0 else f"Traceback (most recent call last): exit code {code}"
            lines.append(PodLogLine(written(ended), said.encode()))
        return tuple(lines)

    def __iter__(self) -> Iterator[tuple[ObjectKey, str]]:
        """Nobody lists them."""
        return iter(())

    def __len__(self) -> int:
        """Nobody counts them."""
        return 0

    def _times(self, pod: ObjectKey, container: str) -> tuple[int, int, int]:
        """When a container began and ended, and how; 0 where it has not.

        Raises:
            KeyError: it has not begun.
        """
        body = None if self.kube is None else self.kube.get("v1", pod)
        every = [] if body is None else (body.get("status") or {}).get("containerStatuses") or []
        state: Mapping[str, Any] = next((each["state"] for each in every if each["name"] == container), {})
        over = state.get("terminated") or {}
        began = (state.get("running") or over).get("startedAt", "")
        if not began:
            raise KeyError(container)
        return milliseconds(began), milliseconds(over.get("finishedAt", "")), over.get("exitCode", 0)


def _line(at: int) -> str:
    return f"step {at * 20} loss={3.0 / (1 + at / 25):.4f} tokens/s={11800 + at * 37 % 900}"
