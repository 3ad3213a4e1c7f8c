"""A server's machine is lost: how long until another one serves again, and what was acknowledged and is gone.

    python -m benchmarks.recovery [--jobs N] [--every SECONDS] [--seconds SECONDS]

A server takes jobs one after the other while its store is backed up again and again, as a timer would have it. Then it
is killed, and everything of it is gone but the last backup, which is put back on another machine (another folder); a
server is started there. RTO is the time from the loss to an answer that it is ready, RPO the age of what the backup
holds at the moment of the loss; jobs are counted besides.
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
from dataclasses import dataclass
from pathlib import Path

from allotment.adapters.clock import SystemClock
from allotment.adapters.server.process import ServerProcess
from allotment.adapters.store.sqlite import SqlitePlace
from allotment.model.jobs.job import Job, JobType, Program, ReplicaNeeds
from allotment.model.quantity import Bytes, MilliCpu
from allotment.operations.run.starting import bring_up
from allotment.ports.job_service import JobSubmission
from allotment.wiring import running


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
    parser.add_argument("--jobs", type=int, default=2000, help="that the store holds before anything happens")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two backups")
    parser.add_argument("--seconds", type=float, default=20.0, help="until the machine is lost")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="allotment-recovery-") as place:
        print(
            json.dumps(
                {"machine": f"{platform.platform()}, {os.cpu_count()} CPUs", **lost(Path(place), asked)}, indent=1
            )
        )


def lost(place: Path, asked: argparse.Namespace) -> dict[str, object]:
    """What was measured."""
    first, other = Machine(place / "first"), Machine(place / "other")
    process = first.process
    pid = bring_up(process, (), SystemClock()).status.pid
    service = process.service
    acknowledged: dict[str, float] = {}

    def take(most: int) -> None:
        names = [f"job-{len(acknowledged) + number}" for number in range(most)]
        service.submit_all([JobSubmission(job(name), "local", key=name) for name in names])
        acknowledged.update(dict.fromkeys(names, time.monotonic()))

    while len(acknowledged) < asked.jobs:
        take(100)
    backup, backed_up, took = place / "backup.db", 0.0, 0.0
    began = time.monotonic()
    while time.monotonic() - began < asked.seconds:
        take(1)
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
    process = other.process
    bring_up(process, (), SystemClock())
    ready = time.monotonic()
    with SqlitePlace(other.store).reader() as reader:
        kept = len(reader.kept())
    found = process.service.status()
    process.service.end()
    while process.ended() is None:
        time.sleep(0.05)
    return {
        "jobs": len(acknowledged),
        "backup_seconds": round(took, 2),
        "rpo_seconds": round(moment - backed_up, 2),
        "jobs_lost": len(acknowledged) - kept,
        "restore_seconds": round(restored - moment, 2),
        "rto_seconds": round(ready - moment, 2),
        "serves": found.platform,
    }


if __name__ == "__main__":
    main()
