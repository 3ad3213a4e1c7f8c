"""Causes of this layer in their order: of several that hold, the first is the dominant one."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.finding import CauseEntry
from allotment.diagnose.rules.server import members, single
from allotment.model.explanation import Layer

_LAYER: Final = Layer.SERVER

CAUSES: Final[tuple[CauseEntry, ...]] = (
    CauseEntry("ALT-2001", "job-ended-badly", _LAYER, "it failed, or was refused", single.ended_badly),
    CauseEntry("ALT-2002", "job-not-handed-over", _LAYER, "its back end does not have it yet", single.not_handed_over),
    CauseEntry("ALT-2003", "job-dependency", _LAYER, "another job has to be over first", single.dependency),
    CauseEntry("ALT-2004", "job-data-place", _LAYER, "data of other jobs are fetched first", single.place_to_fetch),
    CauseEntry("ALT-2005", "job-data-fetched", _LAYER, "its data are being fetched", single.data),
    CauseEntry("ALT-2006", "sweep-at-once", _LAYER, "as many trials as may be are under way", members.at_once),
    CauseEntry("ALT-2007", "schedule-no-overlap", _LAYER, "the run before is under way", members.no_overlap),
    CauseEntry("ALT-2008", "schedule-not-due", _LAYER, "its next time has not come", members.not_due),
)
