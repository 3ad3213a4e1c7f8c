"""Real repositories, made once and copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from allotment.ports.repository import CommitMode
from tests.unit.adapters.git_repository.scenes import RemoteScene, WorkingCopyScene, git, new_copy, remote_scene


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("repositories")
    (root / "remote").mkdir()
    remote_scene(root / "remote", CommitMode.DIRECT, "platform")
    new_copy(root / "copy", "platform")
    return root


def remote_of(made_once: Path, root: Path, mode: CommitMode) -> RemoteScene:
    """Somebody else's remote, with the platform directory in a folder of it."""
    shutil.copytree(made_once / "remote", root, dirs_exist_ok=True)
    git(root / "theirs", "remote", "set-url", "origin", str(root / "remote.git"))
    return RemoteScene(root, mode, "platform")


@pytest.fixture
def direct(made_once: Path, tmp_path: Path) -> RemoteScene:
    return remote_of(made_once, tmp_path, CommitMode.DIRECT)


@pytest.fixture
def proposing(made_once: Path, tmp_path: Path) -> RemoteScene:
    return remote_of(made_once, tmp_path, CommitMode.BRANCH)


@pytest.fixture
def working(made_once: Path, tmp_path: Path) -> WorkingCopyScene:
    shutil.copytree(made_once / "copy", tmp_path / "copy")
    return WorkingCopyScene(tmp_path / "copy", "platform")
