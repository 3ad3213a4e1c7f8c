"""Which commit a folder is at."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from allotment.adapters.git import revision


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")
    return subprocess.run(["git", *who, "-C", str(folder), *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def platform(tmp_path: Path) -> Path:
    git(tmp_path, "init")
    folder = tmp_path / "platform"
    folder.mkdir()
    (folder / "a.yaml").write_text("a: 1\n", encoding="utf-8")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "one")
    return folder


def test_a_commit_and_what_differs_below_the_folder_only(platform: Path) -> None:
    commit = git(platform, "rev-parse", "HEAD").strip()
    assert revision(platform) == (commit, False)
    (platform.parent / "elsewhere").write_text("x", encoding="utf-8")
    assert revision(platform) == (commit, False)
    (platform / "b.yaml").write_text("b: 1\n", encoding="utf-8")
    assert revision(platform) == (commit, True)


def test_no_repository_no_commit_and_no_folder(tmp_path: Path) -> None:
    assert revision(tmp_path) == ("", False)
    git(tmp_path, "init")
    assert revision(tmp_path) == ("", False)
    assert revision(tmp_path / "missing") == ("", False)


def test_no_program_of_the_repository_is_run(platform: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    git(platform, "config", "core.fsmonitor", f"touch {mark}; false")
    revision(platform)
    assert not mark.exists()
