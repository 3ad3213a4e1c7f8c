"""A log in files of bounded size: what is read of it is what was written there, and its newest bytes are kept."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.adapters.local.logs import read_log
from allotment.adapters.local.supervisor.log_files import RotatedLog, older
from allotment.ports.job_processes import LogPart

SIZE, FILES = 50, 3


@given(
    st.lists(st.integers(1, SIZE), max_size=12),
    st.none() | st.integers(-5, 700),
    st.integers(1, 200),
)
def test_what_is_read_was_written(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], start: int | None, most: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    log, written = RotatedLog(str(path), SIZE, FILES), bytearray()
    for number, size in enumerate(sizes):
        data = (b"%d " % number * size)[:size]
        log.write(data)
        written += data
    kept = sum(each.stat().st_size for each in path.parent.iterdir())
    assert all(each.stat().st_size <= SIZE for each in path.parent.iterdir())
    assert len(list(path.parent.iterdir())) <= FILES
    assert log.lost == 0

    part = read_log(path, start, most)
    first = len(written) - kept
    wanted = max(len(written) - most, first) if start is None else min(max(start, first), len(written))
    assert part == LogPart(wanted, bytes(written[wanted : wanted + most]))
    os.close(log._fd)
    os.close(log._folder)


def test_a_later_writer_goes_on_where_the_first_was(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for text in (b"a" * 40, b"b" * 40, b"c" * 40):
        RotatedLog(str(path), SIZE, 2).write(text)
    assert read_log(path, 0, 1000) == LogPart(40, b"b" * 40 + b"c" * 40)


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("log", False),
        ("log.00000000000000000050", True),
        ("log.50", False),
        ("log.0000000000000000005x", False),
        ("log." + "\u0660" * 20, False),
        ("blog.00000000000000000050", False),
    ],
)
def test_which_files_are_older(name: str, counts: bool) -> None:
    assert bool(older([name], "log")) is counts


def _open_files() -> set[int]:
    return {int(each.name) for each in Path("/proc/self/fd").iterdir() if each.exists()}


def _limit(free: int) -> int:
    """The limit that leaves so many files to open, as the numbers of files that are open leave gaps."""
    held = _open_files()
    return next(limit for limit in range(10_000) if limit - len([each for each in held if each < limit]) == free)


def test_names_that_a_job_has_made_hold_no_file_open(tmp_path: Path) -> None:
    for number in range(1, 200):
        (tmp_path / f"log.{number:020d}").touch()
    (tmp_path / "log").write_bytes(b"newest")
    before = _open_files()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_limit(60), limits[1]))
    try:
        assert read_log(tmp_path / "log", None, 10).data == b"newest"
        # What was opened before the one that cannot be opened is closed too.
        resource.setrlimit(resource.RLIMIT_NOFILE, (_limit(10), limits[1]))
        with pytest.raises(OSError, match="Too many open files"):
            read_log(tmp_path / "log", None, 10)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert _open_files() == before


def test_what_is_no_log_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "link").symlink_to("secret")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", "nothing"):
        assert read_log(tmp_path / name, None, 100) == LogPart(0, b"")
        if name != "nothing":
            with pytest.raises(OSError, match=r"symbolic|no file|No such device"):
                RotatedLog(str(tmp_path / name), SIZE, FILES)


def test_where_the_disk_was_full_a_line_of_its_own_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, room, real = tmp_path / "log", [6], os.write

    def write(fd: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = real(fd, data[: room[0]])
        room[0] -= written
        return written

    log = RotatedLog(str(path), 1 << 20, FILES)
    monkeypatch.setattr(os, "write", write)
    for free, data in ((6, b"step 5\nstep 6\n"), (3, b"step 7\n"), (1000, b"late 15\n"), (0, b"x\n"), (1000, b"end\n")):
        room[0] = free
        log.write(data)
    monkeypatch.undo()
    assert log.lost == 17
    assert path.read_text().splitlines() == [
        "step 5",
        "[allotment: 15 bytes of output missing here: No space left on device]",
        "late 15",
        "[allotment: 2 bytes of output missing here: No space left on device]",
        "end",
    ]
    os.close(log._fd)
    os.close(log._folder)
