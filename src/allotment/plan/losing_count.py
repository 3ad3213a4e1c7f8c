"""Steps that would make running work drop out of Kueue's accounts: blocked, unless somebody has agreed to that."""

from __future__ import annotations

from typing import Final

from allotment.plan.changes import Blocked, Change, PlanWarning, WarningCode
from allotment.plan.uncounted import Holding, told


def counted(change: Change, lost: tuple[Holding, ...], *, allowed: bool) -> tuple[Change, list[PlanWarning]]:
    """The step, or what blocks it: running work would drop out of Kueue's accounts."""
    if not lost or isinstance(change, Blocked):
        return change, []
    what = f"{change.key} would no longer count what runs: {told(lost)}"
    if allowed:
        message = f"no longer counts what runs: {told(lost)}; the same devices can be promised again until it has ended"
        return change, [PlanWarning(WarningCode.UNCOUNTED, change.key, message)]
    return Blocked(change.key, change.action, what, _UNCOUNTED_WHY, _UNCOUNTED_FIX), []


_UNCOUNTED_WHY: Final = (
    "Kueue does not stop that work and counts it nowhere any more: nobody can reclaim it, and under another flavor the "
    "same devices would be promised again"
)
_UNCOUNTED_FIX: Final = (
    "wait until it has ended, or end it; to move nodes to another flavor, declare the new pool beside the old one, and "
    "take the old one away once nothing runs there; --allow-uncounted does it all the same"
)
