"""Where a user's jobs live on storage that others use, too: nobody else may put anything there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from allotment.adapters.local.job_folders import LocalJobFolders
from allotment.adapters.local.own_root import made_own_root
from allotment.errors import AllotmentError, ConflictError


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder in which everybody may make one, and nobody may remove another's."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


def test_it_is_made_for_its_user_alone(shared: Path) -> None:
    for _ in range(2):
        made_own_root(shared / "ann")
    assert (shared / "ann").stat().st_mode & 0o777 == 0o700


def opened(root: Path) -> None:
    root.mkdir()
    root.chmod(0o777)


def linked(root: Path) -> None:
    (root.parent / "elsewhere").mkdir(mode=0o700)
    root.symlink_to(root.parent / "elsewhere")


def not_sticky(root: Path) -> None:
    root.parent.chmod(0o777)


def above_open(root: Path) -> None:
    root.parent.parent.chmod(0o777)


def reached_by_a_link(root: Path) -> None:
    """What it leads to can be exchanged where it lies."""
    real = root.parent.parent / "open" / "real"
    real.mkdir(parents=True)
    real.parent.chmod(0o777)
    root.parent.rmdir()
    root.parent.symlink_to(real)


def a_file(root: Path) -> None:
    root.touch()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (opened, "its mode 777 lets others write into it"),
        (linked, "your jobs would live where it leads"),
        (not_sticky, "its mode 777 lets everybody write into it"),
        (above_open, "its mode 777 lets everybody write into it"),
        (reached_by_a_link, "its mode 777 lets everybody write into it"),
    ],
)
def test_one_that_others_could_fill_or_exchange_is_refused(
    shared: Path, wrong: Callable[[Path], None], said: str
) -> None:
    root = shared / "ann"
    wrong(root)
    with pytest.raises(ConflictError) as told:
        made_own_root(root)
    assert told.value.why == said
    folders = LocalJobFolders(root, made_own_root)
    for use in (lambda: folders.claim("nlp--data"), lambda: folders.working_copy("x1", 1, "")):
        with pytest.raises(ConflictError):
            use()
    assert not any(root.glob("*"))


def test_one_that_belongs_to_somebody_else_is_refused(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_own_root(shared / "ann")
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    with pytest.raises(ConflictError, match="not kept from others"):
        made_own_root(shared / "ann")


def test_what_cannot_be_made_is_told_with_what_would_help(shared: Path) -> None:
    a_file(shared / "ann")
    with pytest.raises(AllotmentError, match="could not be made") as told:
        made_own_root(shared / "ann" / "below")
    assert "which all nodes have to see" in told.value.fix
