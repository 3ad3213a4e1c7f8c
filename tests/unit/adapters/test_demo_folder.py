"""The folder of a demo: made anew each time, never where a link leads, and with a repository of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from allotment.adapters.git_repository.beginning import begin_repository
from allotment.adapters.server.own_folder import made_afresh
from allotment.errors import ConflictError


def test_what_an_earlier_one_has_left_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    (made_afresh(folder) / "jobs.db").touch()
    assert list(made_afresh(folder).iterdir()) == []


def test_what_a_link_leads_to_is_not_removed(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir(mode=0o700)
    (mine / "work").touch()
    (tmp_path / "demo").symlink_to(mine)
    with pytest.raises(ConflictError, match="is a link"):
        made_afresh(tmp_path / "demo")
    assert (mine / "work").exists()


def test_all_that_lies_there_is_committed(tmp_path: Path) -> None:
    (tmp_path / "platform.yaml").write_text("kind: Platform\n", encoding="utf-8")
    begin_repository(tmp_path, "As it begins")
    log = subprocess.run(
        ["git", "-C", str(tmp_path), "log", "--format=%s %an", "--name-only"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert log.stdout.split("\n")[0] == "As it begins Allotment"
    assert "platform.yaml" in log.stdout
