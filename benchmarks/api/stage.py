"""A server over a store of 100,000 jobs, of which 10,000 are not over, of 500 teams."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa

from allotment.adapters.server.client import RemoteServer
from allotment.adapters.server.ways import SocketWay
from allotment.adapters.store.places import place_of
from allotment.adapters.store.writing import SqlStore
from allotment.errors import AllotmentError
from allotment.model.access.permission import AFAR
from allotment.model.jobs.run import JobHistory
from allotment.ports.stored_jobs import StoredJob
from benchmarks.run.store import drawn, fill
from tests.loopback import free_port

TEAMS = 500
CLUSTER = "dev"
"""Where those are that are not over: it is away, so that what is timed is the server alone."""
_HEAD = """kind: Platform
name: bench
---
kind: Cluster
name: dev
purpose: development
region: local
nodePools:
  - {name: t4-pool, accelerator: t4, acceleratorsPerNode: 4, cpu: 32, memory: 128Gi, maxNodes: 200}
"""
_TEAM = """---
kind: Team
name: team-{number:03d}
costCenter: cc-{number:04d}
groups:
  members: [group-{number:03d}]
placements:
  dev: {{cpu: 2, memory: 4Gi}}
"""


def write_platform(folder: Path) -> Path:
    """A directory of so many teams."""
    folder.mkdir()
    text = _HEAD + "".join(_TEAM.format(number=number) for number in range(TEAMS))
    (folder / "platform.yaml").write_text(text, encoding="utf-8")
    return folder


def jobs(number: int, living: int) -> Iterator[StoredJob]:
    """So many jobs, the last of them not over."""
    rng = random.Random(12)
    for each in range(number):
        made = drawn(each, rng)
        made = replace(made, job=replace(made.job, team=f"team-{rng.randrange(TEAMS):03d}"), id=f"b{each:09d}")
        if each >= number - living:
            history = JobHistory(made.history.moves[:2])
            made = replace(made, history=history, attempts=(), version=1, backend=CLUSTER)
        yield made


def filled(store: str, number: int, living: int) -> None:
    """A store with them."""
    with place_of(store).writer("a benchmark") as opened:
        assert isinstance(opened, SqlStore)
        fill(opened, jobs(number, living))
        if opened._engine.dialect.name == "postgresql":  # noqa: SLF001 (no port of a store has it)
            # Within a minute of so many rows autovacuum does it, in the middle of what is timed.
            with opened._engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:  # noqa: SLF001
                connection.execute(sa.text("VACUUM ANALYZE"))


@dataclass
class Running:
    """A server that runs.

    Attributes:
        port: on loopback.
        home: asks it as its user does.
    """

    process: subprocess.Popen[bytes]
    port: int
    home: RemoteServer

    @property
    def memory(self) -> float:
        """MiB that it holds."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    @property
    def on_processor(self) -> float:
        """Seconds that it has worked."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """As a crash does."""
        self.process.kill()
        self.process.wait()


def start(folder: Path, platform: Path, store: str, port: int = 0, source: Path | None = None) -> Running:
    """A server, of another version where its source is named; it is there when it answers."""
    state = folder / "state"
    port = port or free_port()
    environment = {**os.environ, "XDG_STATE_HOME": str(state), "KUBECONFIG": str(folder / "no-kubeconfig")}
    environment |= {"PYTHONPATH": str(source)} if source is not None else {}
    words = ["--platform", str(platform), "--store", store, "--slots", "4", "--listen", f"127.0.0.1:{port}"]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "allotment.api", *words],
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    until = time.monotonic() + 300
    while time.monotonic() < until and process.poll() is None:
        for found in state.rglob("server.sock"):
            home = RemoteServer(SocketWay(found))
            try:
                home.status()
            except AllotmentError:
                break
            return Running(process, port, home)
        time.sleep(0.1)
    raise SystemExit(f"the server has not come up; see {folder / 'server.log'}:\n{(folder / 'server.log').read_text()}")


@contextmanager
def ended(running: list[Running]) -> Iterator[None]:
    """Whichever runs last is ended."""
    try:
        yield
    finally:
        for each in running:
            if each.process.poll() is None:
                each.process.send_signal(signal.SIGTERM)
                each.process.wait(30)


def token(running: Running, name: str = "benchmark") -> str:
    """One that opens all that is asked for here."""
    permissions = tuple(sorted(each.value for each in AFAR))
    return running.home.make_token(name, permissions, 7 * 86_400_000).text
