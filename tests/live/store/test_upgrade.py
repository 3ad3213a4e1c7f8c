"""A server of the version before, from the repository's own history, gives way to this one while jobs come in."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from allotment.adapters.server.client import RemoteServer
from allotment.adapters.server.ways import SocketWay
from allotment.adapters.store.schema import HEAD
from allotment.errors import AllotmentError, UnreachableError
from allotment.model.jobs.run import JobState
from allotment.ports.job_service import JobSubmission
from allotment.ports.store import JobFilter
from allotment.wiring import running
from tests.live.server.test_running import shell

pytestmark = [pytest.mark.live, pytest.mark.nightly]
ROOT: Final = Path(__file__).parents[3]
VERSIONS: Final = "src/allotment/adapters/store/migrations/versions"
CALLERS: Final = 3
LASTS: Final = 5.0
"""Seconds of load before the old server ends, and after the new one answers."""


def git(*words: str) -> bytes:
    return subprocess.run(["git", "-C", str(ROOT), *words], check=True, capture_output=True).stdout


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The newest source that keeps its store in the version before this one's."""
    try:
        commits = git("rev-list", "--first-parent", "-n", "3000", "HEAD").decode().split()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no history here")
    for each in commits:
        if HEAD not in git("ls-tree", "--name-only", each, f"{VERSIONS}/").decode():
            folder = tmp_path_factory.mktemp("before")
            with tarfile.open(fileobj=io.BytesIO(git("archive", each, "src", "examples"))) as packed:
                packed.extractall(folder, filter="data")
            return folder / "src"
    pytest.skip("the history does not go back so far")


@dataclass
class Scene:
    """One store and one folder, which servers have one after the other.

    Attributes:
        taken: ids of jobs that were acknowledged, by the key of the submission.
        wrong: what no caller may be told.
    """

    folder: Path
    store: str
    taken: dict[str, str] = field(default_factory=dict)
    wrong: list[AllotmentError] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def home(self) -> RemoteServer:
        return RemoteServer(SocketWay(running.server_folder({"XDG_STATE_HOME": str(self.folder)}) / running.SOCKET))

    @contextmanager
    def served(self, further: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("ALLOTMENT_", "PYTEST"))}
        argv = [sys.executable, "-m", "allotment.api", "--store", self.store, "--slots", "4"]
        environment = {**clean, "XDG_STATE_HOME": str(self.folder), **further}
        log = (self.folder / "log").open("ab")
        with log, subprocess.Popen(argv, env=environment, stdout=log, stderr=log, cwd="/") as server:
            try:
                yield server
            finally:
                server.terminate()

    def answered(self) -> float:
        """Seconds until somebody answers."""
        began = time.monotonic()
        while True:
            try:
                self.home.status()
            except UnreachableError:
                assert time.monotonic() - began < 60, (self.folder / "log").read_text()
                time.sleep(0.02)
            else:
                return time.monotonic() - began

    def call(self, caller: int) -> None:
        """Submit one after the other, each until it is acknowledged."""
        number = 0
        while not self.over.is_set():
            key = f"upgrade-{caller}-{number}"
            # Not one of them is to run: they wait for devices that others hold.
            order = JobSubmission(shell("true", name=key, devices=4), "local", key=key)
            try:
                self.taken[key] = self.home.submit(order).job.id
            except UnreachableError:
                time.sleep(0.05)
                continue
            except AllotmentError as error:
                self.wrong.append(error)
                return
            number += 1


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_nothing_is_lost_by_an_upgrade_while_jobs_come(
    kind: str, before: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    store = str(tmp_path / "store.db") if kind == "sqlite" else str(request.getfixturevalue("address"))
    scene = Scene(tmp_path, store)
    callers = [threading.Thread(target=scene.call, args=(each,), daemon=True) for each in range(CALLERS)]
    with scene.served({"PYTHONPATH": str(before)}):
        scene.answered()
        runs = scene.home.submit(JobSubmission(shell("exec sleep 600"), "local")).job.id
        for each in callers:
            each.start()
        time.sleep(LASTS)
        older = len(scene.taken)
    with scene.served({}):
        away = scene.answered()
        time.sleep(LASTS)
        scene.over.set()
        for each in callers:
            each.join(60)
        home = scene.home
        assert not scene.wrong
        assert len(scene.taken) > older > CALLERS
        found: dict[str, list[str]] = {}
        after = None
        while True:
            page = home.page(JobFilter(prefix="upgrade-"), after=after, limit=500)
            for row in page.rows:
                found.setdefault(row.name, []).append(row.id)
            after = page.next
            if after is None:
                break
        assert {name: [job_id] for name, job_id in scene.taken.items()}.items() <= found.items()
        assert all(len(each) == 1 for each in found.values())
        assert home.find(runs).state is JobState.RUNNING
        words = [sys.executable, "-m", "allotment", "audit", "verify", "--store", store, "-o", "json"]
        verified = subprocess.run(words, capture_output=True, text=True, check=False)
        assert verified.returncode == 0, verified.stderr
        assert json.loads(verified.stdout)["entries"] > len(scene.taken)
        home.stop(runs, grace=0)
        sys.stderr.write(f"\n{kind}: {older} and {len(scene.taken) - older} jobs, nobody answered for {away:.1f} s\n")
