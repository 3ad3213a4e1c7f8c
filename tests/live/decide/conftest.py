"""A platform directory as teams have it: in a Git repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.live.training import declared_tree


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=Grace", "-c", "user.email=grace@acme.example")
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A platform directory in a repository of its own."""
    folder = tmp_path / "platform"
    for path, text in declared_tree().files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "as it was")
    return folder
