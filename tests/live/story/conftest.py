"""What the stories share.

Fixtures:
    provider: a real identity provider.
    stage: two real control planes.
    tellers: tells the story, each time with a server, a store and a repository of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from allotment.adapters.sandbox.store import SandboxStore
from tests.live.store.server import Server as Database
from tests.live.store.server import installed, running
from tests.live.story.house import kept
from tests.live.story.stage import Stage, staged
from tests.live.story.telling import Story, told
from tests.live.story.wall_clock import built
from tools.oidc_provider import RunningProvider, missing, up


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProvider]:
    if lacking := missing():
        pytest.skip(f"no {lacking}")
    with up(tmp_path_factory.mktemp("oidc") / "provider") as found:
        yield found


@pytest.fixture(scope="session")
def database() -> Iterator[Database]:
    folder = installed()
    if folder is None:
        pytest.skip("no PostgreSQL here, and it cannot be installed: apt-get install postgresql")
    with running(folder) as found:
        yield found


@pytest.fixture(scope="session")
def stage(sandbox_store: SandboxStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(sandbox_store, tmp_path_factory.mktemp("stage")) as found:
        yield found


class Tellers:
    """Tells the story anew."""

    def __init__(self, stage: Stage, provider: RunningProvider, database: Database, library: Path, folder: Path):
        self._stage, self._provider, self._database = stage, provider, database
        self._library, self._folder, self._number = library, folder, 0

    @contextmanager
    def begun(self) -> Iterator[Story]:
        self._number += 1
        folder = self._folder / str(self._number)
        folder.mkdir()
        store = self._database.make(f"story_{uuid4().hex}")
        with kept(folder, self._stage, self._provider, store, self._library) as house:
            yield told(self._stage, house, folder)


@pytest.fixture(scope="session")
def tellers(
    stage: Stage, provider: RunningProvider, database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Tellers:
    library = built(tmp_path_factory.mktemp("clock"))
    if library is None:
        pytest.skip("no C compiler here, and it cannot be installed: apt-get install gcc libc6-dev")
    return Tellers(stage, provider, database, library, tmp_path_factory.mktemp("story"))
