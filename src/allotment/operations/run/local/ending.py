"""Processes that were told to end and do not: killed from here, and waited for where even that does not end them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from allotment.errors import NotFoundError
from allotment.operations.run.local.jobs_here import LocalJob
from allotment.ports.job_processes import JobAlive, JobGone, JobProcesses, LaunchState

_TOLD_TWICE: Final = 60_000
"""Milliseconds beyond its grace after which what was told to end is killed from here: its supervisor does not."""
_KILLED_TWICE: Final = 5_000
"""Milliseconds after which what was killed and runs on is ended with its supervisor."""
_LOOK_AT_STUCK: Final = 1_000
"""Milliseconds between two looks at processes that nothing ends: each goes through all that run here."""
_MOST_LISTED: Final = 10


def given_until(job: LocalJob, grace: int, now: int) -> None:
    """It was told to end: from when on it is killed from here; told again, the shorter time counts.

    Args:
        job: the job.
        grace: seconds.
        now: milliseconds since the epoch.
    """
    kill_at = now + grace * 1000 + _TOLD_TWICE
    job.kill_at = kill_at if job.kill_at is None else min(kill_at, job.kill_at)


def strike(processes: JobProcesses, job: LocalJob, states: Sequence[LaunchState], now: int) -> None:
    """End what was told to end long ago: its supervisor does not hear, or does not do it."""
    if job.kill_at is None or now < job.kill_at:
        return
    for state in states:
        if isinstance(state, JobAlive):
            if job.killed:
                processes.end(state.launched)
            else:
                with suppress(NotFoundError):
                    processes.kill(state.launched.id)
    job.killed, job.kill_at = True, now + _KILLED_TWICE


def end_what_is_left(processes: JobProcesses, job: LocalJob, launch: str, state: JobGone) -> tuple[int, ...]:
    """Of a launch whose end nobody saw: its records may be gone, and its processes there; who runs even then."""
    launched = job.launched.get(launch) or state.launched
    if launched is not None:
        processes.end(launched)
    with suppress(NotFoundError):
        processes.kill(launch)
    return () if launched is None else processes.left(launched)


def stuck(job: LocalJob, left: Sequence[int], now: int) -> None:
    """Say what it is that nothing ends, and when to look again."""
    listed = ", ".join(map(str, sorted(left)[:_MOST_LISTED]))
    job.stuck = f"the kernel holds processes of it that were killed ({listed}); what it holds is free once they end"
    job.look_at = now + _LOOK_AT_STUCK
