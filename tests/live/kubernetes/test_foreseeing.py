"""What is foreseen of a job on a real control plane, and what real Kueue then does with it."""

from __future__ import annotations

import pytest

from allotment.adapters.clock import SystemClock
from allotment.model.jobs.job import Job
from allotment.model.jobs.run import JobState
from allotment.operations.run.kubernetes.foreseeing import ForeseenThere
from allotment.ports.backends import ForeseenStart, JobToStart
from tests.live.kubernetes.driving import FOREVER, Driver, devices, job

pytestmark = pytest.mark.live


def foreseen(driver: Driver, asked: Job) -> ForeseenStart:
    """Read anew each time, as somebody who may read everything."""
    backend = driver.backend
    there = ForeseenThere(driver.live.kube, SystemClock(), backend.rendered, backend.ours)
    return there.foreseen(JobToStart("j0", asked, "member", 1))


def test_who_starts_who_waits_and_who_is_displaced_are_those_of_kueue(driver: Driver) -> None:
    asked = job(name="small", needs=devices(8))
    assert foreseen(driver, asked) == ForeseenStart(now=True)
    held = [driver.start(job(name=f"holder-{number}", needs=devices(8)), FOREVER) for number in range(2)]
    for each in held:
        driver.wait(each, JobState.RUNNING)
    waits = foreseen(driver, asked)
    assert (waits.now, waits.displaces, waits.untold) == (False, (), "")
    assert "nvidia.com/gpu" in waits.waits_for
    low = driver.start(asked)
    driver.wait(low, JobState.QUEUED)
    urgent = job(name="urgent", needs=devices(8), priority="scheduled-training")
    found = foreseen(driver, urgent)
    assert (found.now, found.others, len(found.displaces)) == (True, (), 1)
    high = driver.start(urgent, FOREVER)
    driver.wait(high, JobState.RUNNING)
    (loser,) = found.displaces
    (other,) = set(held) - {loser}
    driver.wait(loser, JobState.QUEUED)
    assert driver.wait(other, JobState.RUNNING).state is JobState.RUNNING
