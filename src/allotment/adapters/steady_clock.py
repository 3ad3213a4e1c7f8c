"""A clock that nobody can set: it goes on as the kernel counts from boot, and draws slowly nearer to the wall's.

A server reckons with it: how long a job ran, what a device's time was for, whether a grace is over. Where the wall's is
set by an hour, none of that gains or loses one. Over restarts it goes on where it was, as long as the machine runs.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

RATE: Final = 0.02
"""Part of the time that passes by which it is faster or slower than the wall's while the two differ: an hour is made up
in two days, and until then a duration is wrong by as much."""
_WRITTEN_ANEW: Final = 1.0
"""Seconds that it has drawn nearer after which that is written down."""
_LARGEST: Final = 4096


class SteadyClock:
    """See the module; implements `Clock`. Safe to use from several threads."""

    def __init__(
        self,
        place: Path,
        *,
        keep: bool,
        wall: Callable[[], float] = time.time,
        since_boot: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        boot: str | None = None,
    ) -> None:
        """Go on from what another wrote during this boot, or begin with the wall's time.

        Args:
            place: file that it is kept in.
            keep: whether anything is under way that was reckoned by the one before; without that it begins anew.
            wall: seconds since the epoch.
            since_boot: seconds that the machine has run.
            boot: which boot this is; as the kernel says where it is None.
        """
        self._place = place
        self._wall = wall
        self._since_boot = since_boot
        self._boot = _boot() if boot is None else boot
        self._alone = threading.Lock()
        self._at = since_boot()
        before = self._kept() if keep and self._boot else None
        self._now = wall() if before is None else self._at + before
        self._written = self._now - self._at
        self._write()

    def now(self) -> dt.datetime:
        """The present moment, UTC, aware; never before one that it has told."""
        with self._alone:
            passed = max(0.0, self._since_boot() - self._at)
            behind = self._wall() - (self._now + passed)
            self._at += passed
            self._now += passed + max(-passed * RATE, min(passed * RATE, behind))
            if abs(self._now - self._at - self._written) > _WRITTEN_ANEW:
                self._written = self._now - self._at
                self._write()
            return dt.datetime.fromtimestamp(self._now, dt.UTC)

    def sleep(self, seconds: float) -> None:
        """Let real time pass."""
        time.sleep(max(0.0, seconds))

    def _kept(self) -> float | None:
        """By how many seconds the one before was ahead of those since boot.

        None where it was of another boot, or is too far from the wall's: any job can write the file, and what is kept
        for some days would be old at once.
        """
        with suppress(OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            with self._place.open("rb") as file:
                found = json.loads(file.read(_LARGEST))
            ahead = float(found["ahead"])
            if found["boot"] == self._boot and abs(self._at + ahead - self._wall()) < _FAR:
                return ahead
        return None

    def _write(self) -> None:
        """Keep it; on a full disk the next one begins with the wall's time."""
        part = self._place.with_name(f".{self._place.name}.part")
        with suppress(OSError):
            part.write_text(json.dumps({"boot": self._boot, "ahead": self._written}), encoding="ascii")
            part.replace(self._place)


_FAR: Final = 366 * 24 * 60 * 60
"""Seconds that it may differ from the wall's after a restart: a year."""


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
