"""Servers of the version before, from the repository's own history, give way to this one while jobs come in."""

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
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
import yaml

from allotment.adapters.server.client import RemoteServer
from allotment.adapters.server.ways import NetworkWay, SocketWay
from allotment.adapters.store.postgres import PostgresPlace
from allotment.adapters.store.schema import HEAD
from allotment.errors import AllotmentError, UnreachableError
from allotment.model.jobs.run import JobState
from allotment.operations.account.trail import verified
from allotment.ports.job_service import JobSubmission
from allotment.ports.store import JobFilter
from allotment.wiring import running
from tests.live.replicas.servers import Pair, Replica, front_of
from tests.live.replicas.test_two_servers import job, pages, token
from tests.live.server.test_running import shell
from tests.live.training import Training

pytestmark = [pytest.mark.live, pytest.mark.nightly]
ROOT: Final = Path(__file__).parents[3]
VERSIONS: Final = "src/allotment/adapters/store/migrations/versions"
CALLERS: Final = 3
WAITED_AT_MOST: Final = 30.0
"""Seconds: as long as a client asks again by itself."""
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


@dataclass
class Callers:
    """Who submit through a door before the servers, each until he is acknowledged.

    Attributes:
        port: of the door.
        taken: ids of jobs that were acknowledged, by their names.
        wrong: what no caller may be told.
        longest: seconds that one had to wait.
    """

    port: int
    shown: str
    cluster: str
    taken: dict[str, str] = field(default_factory=dict)
    wrong: list[AllotmentError] = field(default_factory=list)
    longest: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)

    def call(self, caller: int) -> None:
        number, began = 0, time.monotonic()
        while not self.over.is_set():
            name = f"upgrade-{caller}-{number}"
            try:
                service = RemoteServer(NetworkWay(f"http://127.0.0.1:{self.port}", self.shown))
                self.taken[name] = service.submit(JobSubmission(job(name), self.cluster, key=name)).job.id
            except UnreachableError:
                time.sleep(0.05)
                continue
            except AllotmentError as error:
                self.wrong.append(error)
                return
            self.longest = max(self.longest, time.monotonic() - began)
            number += 1
            self.over.wait(0.3)
            began = time.monotonic()


def test_two_servers_are_brought_to_the_next_version_one_after_the_other(
    before: Path, tmp_path: Path, address: str, training: Training
) -> None:
    """As a rolling update does it: each time the new one stands by before an old one ends."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ALLOTMENT_", "PYTEST"))}
    kubeconfig = yaml.safe_load(training.sandbox.kubeconfig.read_text())
    kubeconfig["contexts"][0]["name"] = training.cluster.context
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    clean["KUBECONFIG"] = str(tmp_path / "kubeconfig")
    older = Pair(tmp_path, address, {**clean, "PYTHONPATH": str(before)})
    newer = Pair(tmp_path, address, clean, older.all)
    opened = ExitStack()
    try:
        leads = older.start()
        older.led_by(leads, 120)
        stands_by = older.start()
        older.stands_by(stands_by)
        port = opened.enter_context(front_of(older))
        callers = Callers(port, token(leads), training.cluster.name)
        threads = [threading.Thread(target=callers.call, args=(each,), daemon=True) for each in range(CALLERS)]
        for each in threads:
            each.start()
        time.sleep(LASTS)
        for old in (leads, stands_by):
            new = newer.start()
            newer.stands_by(new)
            assert callers.taken, callers.wrong
            old.process.terminate()
            # One of the old version that stands by may end by itself, since the store is a newer one by then.
            assert old.process.wait(60) is not None
            newer.led_by(_leading(older.all), 60)
            time.sleep(LASTS)
        assert [each.process.poll() for each in older.all[2:]] == [None, None], "the new ones live"
        callers.over.set()
        for each in threads:
            each.join(60)
        assert callers.wrong == []
        assert callers.longest < WAITED_AT_MOST
        home = newer.leader.at_home
        rows = [each for each in pages(home) if each.name.startswith("upgrade-")]
        assert {each.name: each.id for each in rows} == callers.taken
        assert len(rows) == len(callers.taken), "each is there once"
        for each in rows:
            if not each.state.over:
                home.stop(each.id, grace=0)
        sys.stderr.write(f"\n{len(rows)} jobs; whoever waited longest had waited for {callers.longest:.1f} s\n")
    finally:
        opened.close()
        for each in older.all:
            each.end()
    assert verified(PostgresPlace(address)).sound


def _leading(every: list[Replica]) -> Replica:
    """Whoever leads once somebody does."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        for each in every:
            if each.process.poll() is None and each.role == "leader":
                return each
        time.sleep(0.05)
    raise AssertionError("nobody leads")
