"""An empty store in a file, made once and copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from allotment.adapters.store.sqlite import SqlitePlace


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("empty") / "store.db"
    with SqlitePlace(path).writer("a test"):
        pass
    return path.read_bytes()


@pytest.fixture
def place(empty_store: bytes, tmp_path: Path) -> SqlitePlace:
    (tmp_path / "store.db").write_bytes(empty_store)
    return SqlitePlace(tmp_path / "store.db")
