"""Causes of this layer in their order: of several that hold, the first is the dominant one."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.finding import CauseEntry

CAUSES: Final[tuple[CauseEntry, ...]] = ()
