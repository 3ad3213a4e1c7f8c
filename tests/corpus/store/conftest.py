"""An empty store in a file, made once and copied."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from allotment.adapters.store.sqlite import SqlitePlace


@pytest.fixture(scope="session")
def quick_folder() -> Iterator[Path]:
    """In memory where that can be: a killed process leaves the same there, and nothing waits for a disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("empty") / "store.db"
    with SqlitePlace(path).writer("a test"):
        pass
    return path.read_bytes()


@pytest.fixture
def place(empty_store: bytes, quick_folder: Path) -> Iterator[SqlitePlace]:
    with tempfile.TemporaryDirectory(dir=quick_folder) as folder:
        (Path(folder) / "store.db").write_bytes(empty_store)
        yield SqlitePlace(Path(folder) / "store.db")
