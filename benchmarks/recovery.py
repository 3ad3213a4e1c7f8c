"""A server's machine is lost: how long until another one serves again, and what was acknowledged and is gone.

    python -m benchmarks.recovery [--store sqlite|postgres] [--jobs N] [--every SECONDS] [--seconds SECONDS]

A server takes jobs one after the other while its store is backed up again and again, as a timer would have it. Then it
is killed, and everything of it is gone but the last backup, which is put back on another machine (another folder); a
server is started there. RTO is the time from the loss to an answer that it is ready, RPO the age of what the backup
holds at the moment of the loss; jobs are counted besides.

With ``--store postgres`` the store is a PostgreSQL with a replica that confirms each commit. It is lost together with
the server; the replica is promoted, and the server that is started anew has its store there. RPO is then the time from
the last job that the replica has to the last one that was acknowledged.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from allotment.adapters.clock import SystemClock
from allotment.adapters.server.process import ServerProcess
from allotment.adapters.store.postgres import PostgresPlace
from allotment.adapters.store.sqlite import SqlitePlace
from allotment.model.jobs.job import Job, JobType, Program, ReplicaNeeds
from allotment.model.quantity import Bytes, MilliCpu
from allotment.operations.run.starting import bring_up
from allotment.ports.job_service import JobService, JobSubmission
from allotment.wiring import running
from tests.live.store.server import installed
from tests.live.store.server import running as postgres_server


@dataclass(frozen=True)
class Machine:
    """A folder in which a server keeps all that it has."""

    folder: Path

    @property
    def store(self) -> Path:
        return self.folder / "allotment" / "store" / "store.db"

    @property
    def process(self) -> ServerProcess:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ALLOTMENT_")}
        environment |= {"XDG_STATE_HOME": str(self.folder)}
        return ServerProcess(running.server_folder(environment), running.SOCKET, environment)


def job(name: str) -> Job:
    return Job(
        name=name,
        team="nlp",
        type=JobType.TRAINING,
        program=Program(("true",)),
        needs=ReplicaNeeds(MilliCpu(100), Bytes(16 << 20), None),
        priority="exploratory",
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recovery", description=__doc__)
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--jobs", type=int, default=2000, help="that the store holds before anything happens")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two backups")
    parser.add_argument("--seconds", type=float, default=20.0, help="until the machine is lost")
    asked = parser.parse_args()
    measure = lost if asked.store == "sqlite" else lost_with_its_database
    with tempfile.TemporaryDirectory(prefix="allotment-recovery-") as place:
        measured = {"machine": f"{platform.platform()}, {os.cpu_count()} CPUs", **measure(Path(place), asked)}
        print(json.dumps(measured, indent=1))


@dataclass
class Taking:
    """Jobs that a server has acknowledged, by id, with the moment: seconds, from whenever on."""

    service: JobService
    acknowledged: dict[str, float] = field(default_factory=dict)

    def take(self, most: int) -> None:
        names = [f"job-{len(self.acknowledged) + number}" for number in range(most)]
        taken = self.service.submit_all([JobSubmission(job(name), "local", key=name) for name in names])
        self.acknowledged.update(
            dict.fromkeys((each.receipt.job.id for each in taken if each.receipt), time.monotonic())
        )

    def fill(self, jobs: int) -> None:
        while len(self.acknowledged) < jobs:
            self.take(100)


def served_again(process: ServerProcess, words: tuple[str, ...] = ()) -> tuple[float, str]:
    """When another server was ready, and what it serves; it is ended."""
    bring_up(process, words, SystemClock())
    ready = time.monotonic()
    found = process.service.status()
    process.service.end()
    while process.ended() is None:
        time.sleep(0.05)
    return ready, found.platform


def lost(place: Path, asked: argparse.Namespace) -> dict[str, object]:
    """What was measured where a file is backed up."""
    first, other = Machine(place / "first"), Machine(place / "other")
    process = first.process
    pid = bring_up(process, (), SystemClock()).status.pid
    taking = Taking(process.service)
    taking.fill(asked.jobs)
    backup, backed_up, took = place / "backup.db", 0.0, 0.0
    began = time.monotonic()
    while time.monotonic() - began < asked.seconds:
        taking.take(1)
        if time.monotonic() - backed_up > asked.every:
            fresh = place / "fresh.db"
            backed_up = time.monotonic()
            SqlitePlace(first.store).backup(fresh)
            took = time.monotonic() - backed_up
            fresh.replace(backup)
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    shutil.rmtree(first.folder, ignore_errors=True)
    moment = time.monotonic()
    restore = [sys.executable, "-m", "allotment", "store", "restore", str(backup), "--store", str(other.store)]
    subprocess.run(restore, check=True, capture_output=True)
    restored = time.monotonic()
    with SqlitePlace(other.store).reader() as reader:
        kept = len(reader.kept())
    ready, serves = served_again(other.process)
    return {
        "jobs": len(taking.acknowledged),
        "backup_seconds": round(took, 2),
        "rpo_seconds": round(moment - backed_up, 2),
        "jobs_lost": len(taking.acknowledged) - kept,
        "restore_seconds": round(restored - moment, 2),
        "rto_seconds": round(ready - moment, 2),
        "serves": serves,
    }


_CONFIRMED = "-c wal_level=replica -c synchronous_commit=on"


def lost_with_its_database(place: Path, asked: argparse.Namespace) -> dict[str, object]:
    """What was measured where a replica confirms each commit."""
    folder = installed()
    if folder is None:
        sys.exit("no PostgreSQL here, and it cannot be installed: apt-get install postgresql")
    with postgres_server(folder, _CONFIRMED) as database:
        address = database.make("store")
        replica = database.replicated()
        try:
            process = Machine(place / "first").process
            pid = bring_up(process, ("--store", address), SystemClock()).status.pid
            taking = Taking(process.service)
            taking.fill(asked.jobs)
            assert database.query("SELECT sync_state FROM pg_stat_replication") == "sync"
            ends = time.monotonic() + asked.seconds
            while time.monotonic() < ends:
                taking.take(1)
            os.kill(pid, signal.SIGKILL)
            database.control("-m", "immediate", "stop")
            shutil.rmtree(database.data)
            moment = time.monotonic()
            replica.control("promote")
            promoted = time.monotonic()
            elsewhere = replica.address("store")
            with PostgresPlace(elsewhere).reader() as reader:
                kept = {each.id for each in reader.kept()}
            last = max(at for job_id, at in taking.acknowledged.items() if job_id in kept)
            ready, serves = served_again(Machine(place / "other").process, ("--store", elsewhere))
        finally:
            replica.stop()
    return {
        "jobs": len(taking.acknowledged),
        "rpo_seconds": round(max(taking.acknowledged.values()) - last, 2),
        "jobs_lost": len(taking.acknowledged.keys() - kept),
        "promotion_seconds": round(promoted - moment, 2),
        "rto_seconds": round(ready - moment, 2),
        "serves": serves,
    }


if __name__ == "__main__":
    main()
