"""A job that shuts or fills its own folder neither keeps its slot nor escapes being stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from allotment.adapters.local.launch_folders import LaunchFolder
from allotment.adapters.local.supervisor import records, run
from allotment.adapters.local.supervisor.watch import LONGEST_GRACE, Watched


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


@pytest.mark.parametrize(
    ("written", "own", "grace"),
    [
        ("2.5", 30.0, 2.5),
        ("0", 30.0, 0.0),
        ("3600", 30.0, 3600.0),
        ("inf", 30.0, 30.0),
        ("nan", 30.0, 30.0),
        ("1e300", 30.0, 30.0),
        ("-1", 30.0, 30.0),
        ("never", 30.0, 30.0),
        (str(LONGEST_GRACE + 1), 30.0, 30.0),
        (str(LONGEST_GRACE + 1), LONGEST_GRACE * 2, LONGEST_GRACE + 1),
        (None, 30.0, 30.0),
        ("a pipe", 30.0, 30.0),
        ("a folder", 30.0, 30.0),
    ],
)
@pytest.mark.timeout(10)
def test_which_grace_counts(tmp_path: Path, folder: int, written: str | None, own: float, grace: float) -> None:
    path = tmp_path / records.STOP
    if written == "a pipe":
        os.mkfifo(path)
    elif written == "a folder":
        path.mkdir()
    elif written is not None:
        path.write_text(written)
    watched = Watched(None, [], folder, own)  # type: ignore[arg-type]
    assert watched._asked_grace() == grace


def test_a_result_is_written_where_a_job_has_kept_it_out(
    tmp_path: Path, folder: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: pytest.fail("there is nothing to wait for"))
    reserved = records.ReservedResult(folder)
    (tmp_path / records.RESULT / "full").mkdir(parents=True)
    tmp_path.chmod(0o500)
    run._finish(reserved, {"exit_code": 7})
    assert json.loads((tmp_path / records.RESULT).read_text()) == {"exit_code": 7}

    tmp_path.chmod(0o500)
    assert reserved.make_way()
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    assert not reserved.make_way()


def test_a_supervisor_gives_up_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)

    class Broken:
        def write(self, record: dict[str, object]) -> None:
            raise OSError

        def make_way(self) -> bool:
            return len(waited) > run._TRIES - 10

    run._finish(Broken(), {})  # type: ignore[arg-type]
    assert run._TRIES - 10 <= sum(waited) <= run._TRIES


def test_the_grace_is_written_also_where_the_folder_is_shut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = LaunchFolder.write

    def write(self: LaunchFolder, name: str, data: bytes) -> None:  # as for a user who is not root
        if not self.path.stat().st_mode & 0o200:
            raise PermissionError
        real(self, name, data)

    monkeypatch.setattr(LaunchFolder, "write", write)
    shut = LaunchFolder(tmp_path, "job-1-0")
    shut.path.mkdir(mode=0o500)
    shut.write_in_any_case(records.STOP, b"1.0")
    assert (shut.path / records.STOP).read_bytes() == b"1.0"
