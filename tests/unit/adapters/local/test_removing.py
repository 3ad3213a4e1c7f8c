"""What a job leaves behind is removed, whatever it is."""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path

import pytest

from allotment.adapters.local.removing import remove_all


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def deep(root: Path, depth: int) -> None:
    """Folders within folders."""
    root.mkdir()
    fd = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)


def test_what_a_job_leaves_is_removed(tmp_path: Path) -> None:
    root, outside = tmp_path / "job", tmp_path / "outside"
    deep(root, 100)
    outside.mkdir(mode=0o755)
    (outside / "kept").touch()
    (root / "link").symlink_to(outside)
    (root / "shut").mkdir()
    (root / "shut" / os.fsdecode(b"\xff\n")).touch()
    (root / "shut" / "below").mkdir(mode=0)
    (root / "shut").chmod(0)
    os.mkfifo(root / "pipe")
    root.chmod(0o500)
    before = open_files()

    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(len(inspect.stack(0)) + 30)
        remove_all(root)
    finally:
        sys.setrecursionlimit(limit)

    assert [each.name for each in tmp_path.iterdir()] == ["outside"]
    assert ([each.name for each in outside.iterdir()], outside.stat().st_mode & 0o777) == (["kept"], 0o755)
    assert open_files() == before


@pytest.mark.parametrize("kind", ["nothing", "link", "file"])
def test_what_stands_in_the_place_of_a_folder(tmp_path: Path, kind: str) -> None:
    (tmp_path / "other").mkdir(mode=0o755)
    (tmp_path / "other" / "kept").touch()
    path = tmp_path / "job"
    if kind == "link":
        path.symlink_to("other")
    elif kind == "file":
        path.touch()
    remove_all(path)
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["kept", "other"]
    assert (tmp_path / "other").stat().st_mode & 0o777 == 0o755
