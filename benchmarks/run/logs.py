"""A log of 100,000 lines through a real server, beside `cat` of the same file.

    python -m benchmarks.run.logs [--lines 100000] [--times 3] [--folder FOLDER]

A job writes the lines; then `allot logs` reads them into a pipe that is drained, and what arrives is held against the
file. Seconds are those of the clock; CPU seconds are told for both sides, the reader's start included.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from allotment.adapters.clock import SystemClock
from allotment.adapters.server.process import ServerProcess
from allotment.model.jobs.job import Job, JobType, Program, ReplicaNeeds
from allotment.model.quantity import Bytes, MilliCpu
from allotment.operations.run.starting import bring_down, bring_up
from allotment.ports.job_service import JobSubmission
from allotment.wiring import running

PLATFORM = (
    "kind: Platform\nname: logs\n---\nkind: Cluster\nname: dev\npurpose: development\nregion: local\nnodePools:\n"
    "  - {name: t4, accelerator: t4, acceleratorsPerNode: 1, cpu: 8, memory: 16Gi, maxNodes: 1}\n---\n"
    "kind: Priority\nname: normal\nvalue: 1000\ndefault: true\n---\nkind: Team\nname: nlp\ncostCenter: cc-1000\n"
    "groups: {members: [nlp]}\npriorities: [normal]\nplacements: {dev: {cpu: 2, memory: 4Gi, accelerators: {t4: 1}}}\n"
)
_TICK = os.sysconf("SC_CLK_TCK")


def cpu_of(pid: int) -> float:
    """CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def read(command: list[str], environment: Mapping[str, str], expected: bytes) -> tuple[float, float]:
    """Seconds, and CPU seconds of the reader."""
    before, began = os.times(), time.perf_counter()
    found = subprocess.run(command, env=dict(environment), stdout=subprocess.PIPE, check=True).stdout
    took, after = time.perf_counter() - began, os.times()
    if found != expected:
        sys.exit(f"{command[0]} gave {len(found)} bytes that are not those of the log ({len(expected)})")
    return took, after.children_user + after.children_system - before.children_user - before.children_system


def row(what: str, pid: int, times: int, act: Callable[[], tuple[float, float]]) -> str:
    """Medians of some readings."""
    taken = []
    for _ in range(times):
        before = cpu_of(pid)
        taken.append((*act(), cpu_of(pid) - before))
    took, reader, server = (statistics.median(each) for each in zip(*taken, strict=True))
    return f"| {what} | {took:.2f} | {reader:.2f} | {server:.2f} |"


def measure(folder: Path, lines: int, times: int) -> None:
    """Write the log, read it, say what it took."""
    source = folder / "platform"
    source.mkdir()
    (source / "platform.yaml").write_text(PLATFORM)
    environment = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    text = b"".join(b"step %07d loss 0.1234567 and so on to fifty-five chars\n" % number for number in range(lines))
    written = folder / "log"
    written.write_bytes(text)
    server = ServerProcess(running.server_folder(environment), running.SOCKET, environment)
    pid = bring_up(server, ["--platform", str(source)], SystemClock()).status.pid
    try:
        needs = ReplicaNeeds(MilliCpu(100), Bytes(64 << 20), None)
        job = Job(
            name="loud", team="nlp", type=JobType.TRAINING, program=Program(("cat", str(written))), needs=needs,
            priority="normal",
        )  # fmt: skip
        found = server.service.submit(JobSubmission(job, "local")).job
        while not server.service.find(found.id).state.over:
            time.sleep(0.1)
        allot = [sys.executable, "-m", "allotment", "logs", found.id]
        load, version = os.getloadavg()[0], platform.python_version()
        rows = (
            row("`cat` of the file", pid, times, lambda: read(["cat", str(written)], environment, text)),
            row("**allot logs**", pid, times, lambda: read(allot, environment, text)),
            row("allot logs --tail 0", pid, times, lambda: read([*allot, "--tail", "0"], environment, b"")),
            row("allot version", pid, times, lambda: read([*allot[:3], "version"], environment, version_of(allot[:3]))),
        )
        head = f"{lines} lines, {len(text) / 1e6:.1f} MB | seconds | CPU s, reader | CPU s, server"
        told = f"{platform.platform()}, {os.cpu_count()} CPUs, load {load:.1f}, Python {version}"
        sys.stdout.write("\n".join((told, "", f"| {head} |", "|---|---:|---:|---:|", *rows, "")))
    finally:
        bring_down(server, SystemClock(), stop_jobs=True)


def version_of(allot: list[str]) -> bytes:
    """What `allot version` says."""
    return subprocess.run([*allot, "version"], stdout=subprocess.PIPE, check=True).stdout


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--folder", default=None, help="where the server's folder is made, and removed")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        measure(Path(folder), asked.lines, asked.times)


if __name__ == "__main__":
    main()
