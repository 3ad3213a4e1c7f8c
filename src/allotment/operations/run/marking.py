"""What rules of idleness in shadow mode would have done, in words."""

from __future__ import annotations

from typing import Final

from allotment.model.jobs.job import JobType
from allotment.model.jobs.use import IdleMark
from allotment.model.moments import written
from allotment.model.policy import IdleAction, IdleWork

IDLE_EVENT: Final = "idle"
"""Kind of the event of a job that a rule has marked."""
_MS_PER_HOUR: Final = 3_600_000
_MS_PER_MINUTE: Final = 60_000
_DONE: Final = {
    IdleAction.ASK.value: "its owner would have been asked",
    IdleAction.STOP.value: "it would have been stopped",
}
_OF_ITS_OWN: Final = {JobType.NOTEBOOK: IdleWork.NOTEBOOK, JobType.SERVICE: IdleWork.SERVICE}


def work_of_type(type_: JobType) -> IdleWork:
    """Which rule is about a job of that type."""
    return _OF_ITS_OWN.get(type_, IdleWork.JOB)


def would_have_been(mark: IdleMark) -> str:
    """What would have been done, and by which rule."""
    return f"{_DONE.get(mark.action, mark.action)} by the rule {mark.rule} (shadow mode: nothing is stopped)"


def told_of_mark(mark: IdleMark) -> str:
    """The same with when, and what has been held since."""
    said = f"at {written(mark.at)} {would_have_been(mark)}; {device_time(mark.held_ms)} held since"
    return f"{said}, {device_time(mark.busy_ms)} of them busy" if mark.busy_ms else said


def device_time(ms: int) -> str:
    """Time of devices in a unit that fits it."""
    for name, unit in (("hours", _MS_PER_HOUR), ("minutes", _MS_PER_MINUTE)):
        if ms >= 2 * unit:
            return f"{ms / unit:.3g} device-{name}"
    return f"{ms / 1000:.3g} device-seconds"
