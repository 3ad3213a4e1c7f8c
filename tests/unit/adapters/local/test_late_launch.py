"""A launch that nobody heard of in time never starts later, or it is known that it runs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from allotment.adapters.local import processes as module
from allotment.adapters.local.cgroup_places import CgroupPlaces
from allotment.adapters.local.processes import LocalProcesses
from allotment.adapters.local.supervisor import records
from allotment.errors import AllotmentError, TimedOutError
from allotment.ports.job_processes import JobLaunch, JobNeverStarted

LAUNCH = JobLaunch("job-1-0", ("true",), Path("/"))
MARK = {"pid": 4_000_000, "start_ticks": 1}
BEGUN: dict[str, object] = {"boot": "x", "main": MARK, "supervisor": MARK, "started_at": 1}


def claimed(folder: Path) -> bool:
    """As a supervisor does before a job's first instruction."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        return records.claim(fd, BEGUN)
    finally:
        os.close(fd)


@pytest.fixture
def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalProcesses:
    monkeypatch.setattr(LocalProcesses, "_spawn", lambda *_: 4_000_000)
    monkeypatch.setattr(module, "_word_of", lambda _: None)
    return LocalProcesses(tmp_path, places=CgroupPlaces((), "none"))


def test_what_has_not_started_in_time_never_does(tmp_path: Path, processes: LocalProcesses) -> None:
    with pytest.raises(TimedOutError) as error:
        processes.launch(LAUNCH)
    assert "nothing of it runs" in error.value.fix
    assert not claimed(tmp_path / LAUNCH.id)
    assert isinstance(processes.look(LAUNCH.id), JobNeverStarted)


def test_what_has_started_in_time_goes_on(
    tmp_path: Path, processes: LocalProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_word_of", lambda _: None if claimed(tmp_path / LAUNCH.id) else {})
    assert processes.launch(LAUNCH).supervisor.pid == MARK["pid"]


def test_what_runs_without_a_record_is_ended(
    tmp_path: Path, processes: LocalProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(module, "_word_of", lambda _: {"running": True})
    monkeypatch.setattr(module.os, "kill", lambda pid, number: told.append((pid, number)))
    processes._spawned.add(4_000_000)
    with pytest.raises(AllotmentError, match="was ended"):
        processes.launch(LAUNCH)
    assert told == [(4_000_000, module.signal.SIGTERM)]
    assert json.loads((tmp_path / LAUNCH.id / records.STOP).read_text()) == 0
