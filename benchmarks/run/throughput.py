"""Many short jobs on eight slots: how soon a slot that is free is in use again, beside Slurm on the same machine.

    python -m benchmarks.run.throughput [--jobs 2000] [--seconds 1] [--teams 20] [--slurm]

A server of its own runs the jobs of several teams, one in ten of a higher rung that displaces others. Every job writes
down when it begins and ends, so both are measured alike and nobody's own word is taken: the latency of a start is the
time from when its slot was free and it was there. With ``--slurm`` the same jobs go to a real Slurm with eight GPUs
(`tools.slurm`).
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from allotment.adapters.clock import SystemClock
from allotment.adapters.server.process import ServerProcess
from allotment.model.jobs.job import AcceleratorWish, CheckpointPolicy, Job, JobType, Program, ReplicaNeeds
from allotment.model.quantity import Bytes, MilliCpu
from allotment.operations.run.starting import bring_down, bring_up
from allotment.ports.job_service import JobSubmission
from allotment.wiring import running
from tools import slurm as real_slurm

SLOTS = 8


@dataclass(frozen=True)
class Measured:
    """What a run gave.

    Attributes:
        latencies: milliseconds, of each start.
        memory: MB, the most that the daemon had in use.
    """

    name: str
    jobs: int
    seconds: float
    latencies: list[float]
    memory: float

    def line(self) -> str:
        """A row of the table."""
        ordered = sorted(self.latencies)
        p99 = ordered[int(len(ordered) * 0.99)]
        figures = f"{self.jobs / self.seconds:.2f} | {statistics.median(ordered):.0f} | {p99:.0f} | {self.memory:.0f}"
        return f"| {self.name} | {self.jobs} | {figures} |"


def script(marks: Path, number: int, seconds: float) -> str:
    """Says when it begins and ends, in nanoseconds."""
    return f"date +b%s%N >>{marks}/{number}; sleep {seconds}; date +e%s%N >>{marks}/{number}"


def latencies(marks: Path, handed_in: dict[int, float]) -> list[float]:
    """Milliseconds from when a slot was free, and the job there, to its beginning; in the order of the beginnings."""
    begins: list[tuple[float, int]] = []
    ends: list[float] = []
    for file in marks.iterdir():
        for word in file.read_text().split():
            at = int(word[1:]) / 1e9
            if word[0] == "b":
                begins.append((at, int(file.name)))
            else:
                ends.append(at)
    begins.sort()
    ends.sort()
    found = []
    for place, (at, number) in enumerate(begins):
        free = ends[place - SLOTS] if SLOTS <= place < len(ends) + SLOTS else 0.0
        found.append(max(0.0, at - max(free, handed_in[number])) * 1000)
    return found


def peak(pid: int) -> float:
    """Most memory that a process had, MB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def until(done: Callable[[], bool]) -> None:
    """Look twice a second."""
    while not done():
        time.sleep(0.5)


def ours(folder: Path, jobs: int, seconds: float, teams: int) -> Measured:
    """The jobs on this machine's server."""
    marks, platform = folder / "marks", folder / "platform"
    marks.mkdir()
    platform.mkdir()
    names = [f"team-{number:02}" for number in range(teams)]
    (platform / "platform.yaml").write_text(
        "kind: Platform\nname: many\n---\nkind: Cluster\nname: dev\npurpose: development\nregion: local\nnodePools:\n"
        "  - {name: t4, accelerator: t4, acceleratorsPerNode: 8, cpu: 64, memory: 256Gi, maxNodes: 8}\n"
        "---\nkind: Priority\nname: high\nvalue: 100000\npreempts: true\n"
        "---\nkind: Priority\nname: low\nvalue: 1000\ndefault: true\n"
        + "".join(
            f"---\nkind: Team\nname: {name}\ncostCenter: cc-1000\ngroups: {{members: [{name}]}}\n"
            "priorities: [low, high]\nplacements: {dev: {cpu: 8, memory: 32Gi, accelerators: {t4: 2}}}\n"
            for name in names
        )
    )
    environment = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    server = ServerProcess(running.server_folder(environment), running.SOCKET, environment)
    pid = bring_up(server, ["--platform", str(platform), "--slots", str(SLOTS)], SystemClock()).status.pid
    service = server.service
    handed_in: dict[int, float] = {}
    began = time.time()
    for number in range(jobs):
        wanted = Job(
            name="short",
            team=names[number % teams],
            type=JobType.TRAINING,
            program=Program(("sh", "-c", script(marks, number, seconds))),
            needs=ReplicaNeeds(MilliCpu(10), Bytes(16 << 20), AcceleratorWish(1, ("t4",))),
            priority="high" if number % 10 == 0 else "low",
            checkpoint=CheckpointPolicy("c", 1, 5),
        )
        handed_in[number] = time.time()
        service.submit(JobSubmission(wanted, "local"))
    until(lambda: not service.status().jobs)
    took, memory = time.time() - began, peak(pid)
    bring_down(server, SystemClock(), stop_jobs=True)
    until(lambda: server.ended() is not None)
    return Measured("**allot up**", jobs, took, latencies(marks, handed_in), memory)


def theirs(folder: Path, jobs: int, seconds: float) -> Measured:
    """The jobs on a real Slurm with eight GPUs."""
    marks = folder / "slurm-marks"
    marks.mkdir()
    marks.chmod(0o777)
    found = real_slurm.up(folder / "slurm")
    try:
        handed_in: dict[int, float] = {}
        began = time.time()
        for number in range(jobs):
            handed_in[number] = time.time()
            found.run(
                "sbatch", "--account=nlp", "--gres=gpu:a100:1", "--cpus-per-task=1", "--mem=16M", "--time=10",
                "--output=/dev/null", f"--wrap={script(marks, number, seconds)}",
            )  # fmt: skip
        until(lambda: not found.run("squeue", "-h", "-o", "%i").split())
        took = time.time() - began
        pid = next(int(each.name) for each in Path("/proc").iterdir() if _is(each, "slurmctld", found.conf))
        return Measured("Slurm", jobs, took, latencies(marks, handed_in), peak(pid))
    finally:
        real_slurm.down(folder / "slurm")


def _is(process: Path, name: str, conf: Path) -> bool:
    if not process.name.isdigit():
        return False
    try:
        told = (process / "comm").read_text().strip() == name
        return (
            told and str(conf) in (process / "environ").read_text(errors="replace") + (process / "cmdline").read_text()
        )
    except OSError:
        return False


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--teams", type=int, default=20)
    parser.add_argument("--slurm", action="store_true", help="beside a real Slurm")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        rows = [ours(folder, asked.jobs, asked.seconds, asked.teams)]
        if asked.slurm:
            rows.append(theirs(folder, asked.jobs, asked.seconds))
    print("| | jobs | jobs a second | start latency p50, ms | p99, ms | daemon, MB |\n|---|---:|---:|---:|---:|---:|")
    for row in rows:
        print(row.line())
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs", file=sys.stderr)


if __name__ == "__main__":
    main()
