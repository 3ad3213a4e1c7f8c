"""The processes in memory keep the contract."""

from __future__ import annotations

import datetime as dt

import pytest

from allotment.adapters.clock import FixedClock
from allotment.adapters.local.fake import FakeJobProcesses
from allotment.ports.job_processes import JobLaunch
from tests.unit.adapters.local.contract import PROGRAMS, JobProcessesContract


class FakeBench:
    def __init__(self) -> None:
        self.clock = FixedClock(dt.datetime(2026, 11, 28, tzinfo=dt.UTC))
        self.processes = FakeJobProcesses(self.clock, PROGRAMS)

    def argv(self, program: str) -> tuple[str, ...]:
        return (program,)

    def hand_over(self, launch: JobLaunch) -> None:
        self.processes.hand_over(launch)

    def lose(self, launch_id: str) -> None:
        self.processes.lose(launch_id)

    def step(self) -> None:
        self.clock.sleep(0.01)


@pytest.fixture
def bench() -> FakeBench:
    return FakeBench()


class TestFakeJobProcesses(JobProcessesContract):
    pass
