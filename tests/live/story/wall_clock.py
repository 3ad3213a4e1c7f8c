"""A wall's clock that tests set, for one process and those that it starts."""

from __future__ import annotations

import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.live.debian import install

_SOURCE: Final = Path(__file__).with_suffix(".c")


def built(folder: Path) -> Path | None:
    """The library that turns a process's clock; None where there is no compiler, and none may be installed."""
    if shutil.which("cc") is None:
        install("gcc", "libc6-dev")
    if shutil.which("cc") is None:
        return None
    library = folder / "wall_clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(_SOURCE)], check=True, timeout=60)
    return library


@dataclass(frozen=True)
class WallClock:
    """How a process's clock stands to the machine's.

    Attributes:
        library: see `built`.
        told: file with the seconds that it is ahead.
    """

    library: Path
    told: Path

    def set_ahead(self, seconds: int) -> None:
        """From now on, also of processes that run."""
        with self.told.open("r+b" if self.told.exists() else "wb") as file:
            file.write(struct.pack("@q", seconds))

    @property
    def environment(self) -> dict[str, str]:
        """Variables of whoever is to go by it."""
        return {"LD_PRELOAD": str(self.library), "STORY_CLOCK": str(self.told)}
