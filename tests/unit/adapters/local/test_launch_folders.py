"""What stands in the folder of a launch may have been written by the job itself: it is damaged, or believed."""

from __future__ import annotations

import inspect
import json
import os
import sys
from pathlib import Path

import pytest

from allotment.adapters.local.cgroup_places import CgroupPlaces
from allotment.adapters.local.launch_folders import KeptLaunch, LaunchFolder
from allotment.adapters.local.processes import LocalProcesses
from allotment.adapters.local.supervisor import cgroups, records
from allotment.errors import AllotmentError
from allotment.ports.job_processes import JobAlive, JobEnded, JobGone, JobLaunch, LogPart

ID = "job-1-0"
DEEP = '{"more": ' + "[" * 300_000
MARK = {"pid": 4_000_000, "start_ticks": 1}
BEGUN: dict[str, object] = {"boot": "x", "main": MARK, "supervisor": MARK, "started_at": 1}
OVER: dict[str, object] = {
    "exit_code": 0, "signal": None, "started_at": 1, "ended_at": 2, "seconds": 0.5, "peak_memory_bytes": 3,
    "cpu_seconds": 0.25, "out_of_memory": False, "stopped": False, "killed": False, "failed_step": "",
    "failed_errno": 0, "log_bytes_lost": 0, "processes_left": 0,
}  # fmt: skip


@pytest.fixture
def processes(tmp_path: Path) -> LocalProcesses:
    LaunchFolder(tmp_path, ID).prepare(JobLaunch(ID, ("true",), Path("/"), name="named"))
    return LocalProcesses(tmp_path, places=CgroupPlaces((), "none"))


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (records.RESULT, DEEP),
        (records.RUNNING, DEEP),
        *(
            (records.RESULT, json.dumps(OVER | wrong).replace('"huge"', "1e999"))
            for wrong in (
                {"failed_errno": 10**20}, {"failed_errno": -1}, {"exit_code": 1 << 40}, {"signal": -9},
                {"cpu_seconds": 1e308}, {"seconds": "huge"}, {"seconds": float("nan")}, {"ended_at": 1 << 60},
            )
        ),
        *(
            (records.RUNNING, json.dumps(BEGUN | wrong))
            for wrong in ({"supervisor": MARK | {"pid": 1 << 40}}, {"main": MARK | {"pid": -1}}, {"started_at": 1e300})
        ),
    ],
    ids=lambda text: text if len(text) < 40 else f"{len(text)} bytes",
)  # fmt: skip
def test_a_record_that_no_supervisor_wrote_is_damaged(
    tmp_path: Path, processes: LocalProcesses, record: str, text: str
) -> None:
    folder = tmp_path / ID
    (folder / records.RUNNING).write_text(json.dumps(BEGUN))
    (folder / records.RESULT).write_text(json.dumps(OVER))
    assert isinstance(processes.look(ID), JobEnded)
    if record == records.RUNNING:
        (folder / records.RESULT).unlink()
    (folder / record).write_text(text)
    (found,) = processes.found()
    assert isinstance(found.state, JobGone)
    assert "cannot be read" in found.state.why
    assert processes.kill(ID) == 0
    assert processes.usage(ID).processes == ()


def test_a_log_is_read_nowhere_but_in_its_own_folder(tmp_path: Path, processes: LocalProcesses) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "log").write_text("secret")
    (tmp_path / ID / records.LAUNCH).write_text(json.dumps({"log": str(precious / "log")}))
    assert processes.log(ID) == LogPart(0, b"")
    (tmp_path / ID / "log").symlink_to(precious / "log")
    assert processes.log(ID) == LogPart(0, b"")
    (tmp_path / ID).rename(tmp_path / "aside")
    (tmp_path / ID).symlink_to(precious)
    with pytest.raises(AllotmentError, match="cannot be read"):
        processes.log(ID)


@pytest.mark.parametrize("text", [DEEP, "{", None])
def test_what_was_to_run_is_not_known_any_more(tmp_path: Path, processes: LocalProcesses, text: str | None) -> None:
    path = tmp_path / ID / records.LAUNCH
    assert processes.found()[0].name == "named"
    path.unlink()
    path.mkdir() if text is None else path.write_text(text)
    assert LaunchFolder(tmp_path, ID).kept() == KeptLaunch()
    assert processes.found()[0].name == ""
    assert processes.log(ID) == LogPart(0, b"")


@pytest.mark.parametrize("name", [records.RESULT, records.RUNNING])
def test_a_folder_in_the_place_of_a_record_costs_no_descriptor(
    tmp_path: Path, processes: LocalProcesses, name: str
) -> None:
    (tmp_path / ID / name).mkdir()
    before = sorted(Path("/proc/self/fd").iterdir())
    for _ in range(3):
        assert isinstance(processes.look(ID), JobGone)
    assert len(sorted(Path("/proc/self/fd").iterdir())) == len(before)


def test_a_folder_that_is_no_cgroup_is_read_without_harm(tmp_path: Path, processes: LocalProcesses) -> None:
    forged = tmp_path / "allotment-x" / ID
    (forged / "below").mkdir(parents=True)
    (forged / "cgroup.procs").write_text("abc\n-1\n0\n")
    os.mkfifo(forged / "below" / "cgroup.procs")
    (forged / "/".join("d" * 60)).mkdir(parents=True)
    record = BEGUN | {"cgroups": [str(forged), f"/a\0b/allotment-x/{ID}"]}
    (tmp_path / ID / records.RUNNING).write_text(json.dumps(record))
    launched = LaunchFolder(tmp_path, ID).launched()
    assert launched is not None
    assert launched.cgroups == (str(forged),)
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(len(inspect.stack(0)) + 30)
        assert cgroups.members([str(forged)]) == []
    finally:
        sys.setrecursionlimit(limit)
    assert isinstance(processes.look(ID), JobGone)


@pytest.mark.parametrize("result", [json.dumps(OVER | {"stopped": True}), "{", None])
def test_a_job_cannot_end_itself_by_a_result(
    tmp_path: Path, processes: LocalProcesses, monkeypatch: pytest.MonkeyPatch, result: str | None
) -> None:
    path = tmp_path / ID / records.RESULT
    (tmp_path / ID / records.RUNNING).write_text(json.dumps(BEGUN))
    path.mkdir() if result is None else path.write_text(result)
    monkeypatch.setattr(LocalProcesses, "_state", lambda *_: "S")
    assert isinstance(processes.look(ID), JobAlive)
    monkeypatch.setattr(LocalProcesses, "_state", lambda *_: "")
    assert isinstance(processes.look(ID), (JobEnded, JobGone))
