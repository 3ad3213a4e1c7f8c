"""Run the benchmark and print its table: python -m benchmarks.plan [--teams N] [--clusters N] [--repeat N]."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.plan.control_plane import ControlPlane, control_plane
from benchmarks.plan.generator import write_platform

CLUSTER = "cluster-00"
POLL = 0.02
"""Seconds between two looks at a process's memory."""


@dataclass
class Row:
    """Runs of one command."""

    name: str
    seconds: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)
    note: str = ""

    def line(self) -> str:
        """A line of the Markdown table."""
        mean = statistics.mean(self.seconds)
        spread = f" ± {statistics.stdev(self.seconds):.1f}" if len(self.seconds) > 1 else ""
        return f"| {self.name} | {mean:.1f}{spread} | {max(self.megabytes):,.0f} | {self.note} |"


@dataclass(frozen=True)
class Run:
    """One finished process."""

    seconds: float
    megabytes: float
    output: str
    code: int


def run(argv: Sequence[str], env: dict[str, str] | None = None) -> Run:
    """Run a command; wall time and the peak of its own resident memory.

    The peak is read from /proc while it runs. What the kernel reports at the end (ru_maxrss) is no less than this
    program's own size at the start of the child, which would hide small ones.
    """
    with tempfile.TemporaryFile() as out:
        started = time.perf_counter()
        process = subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})})
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, _peak_megabytes(process.pid))
            time.sleep(POLL)
        seconds = time.perf_counter() - started
        out.seek(0)
        text = out.read().decode(errors="replace")
    return Run(seconds, peak, text, process.returncode)


def _peak_megabytes(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def stage(*arguments: str) -> tuple[Run, dict[str, float]]:
    """One of our stages; its own timings besides."""
    done = run([sys.executable, "-m", "benchmarks.plan.stage", *arguments])
    if done.code != 0:
        raise SystemExit(done.output[-3000:])
    return done, json.loads(done.output)


class Benchmark:
    """All rows, and the numbers they are about."""

    def __init__(self, folder: Path, repeat: int, *, beside_kubectl: bool) -> None:
        self.beside_kubectl = beside_kubectl
        self.directory = folder / "platform"
        self.objects = folder / "objects.json"
        self.namespaces = folder / "namespaces.json"
        self.repeat = repeat
        self.rows: list[Row] = []

    def ours(self, name: str, part: str, *arguments: str) -> dict[str, float]:
        """Measure one of our stages; the seconds are those of `part`, the memory that of the whole process."""
        row, facts = Row(name), {}
        for _ in range(self.repeat):
            done, facts = stage(*arguments)
            row.seconds.append(facts[part])
            row.megabytes.append(done.megabytes)
        if "changes" in facts:
            row.note = f"{facts['changes']:,.0f} changes found"
        self.rows.append(row)
        return facts

    def kubectl(self, name: str, plane: ControlPlane, *arguments: str) -> None:
        """Measure kubectl."""
        row = Row(name)
        for _ in range(self.repeat):
            done = run([str(plane.kubectl), f"--kubeconfig={plane.kubeconfig}", *arguments])
            row.seconds.append(done.seconds)
            row.megabytes.append(done.megabytes)
            # diff ends with 1 if there are differences
            failed = [line for line in done.output.splitlines() if line.startswith(("error", "Error"))]
            row.note = f"{len(failed)} errors: {failed[0][:60]}" if failed else ""
        self.rows.append(row)

    def compare(self, state: str, plane: ControlPlane) -> None:
        """Plan, kubectl apply --dry-run and kubectl diff on the server as it is now."""
        self.ours(f"allot plan, {state}", "plan", "plan", str(self.directory), CLUSTER, str(plane.kubeconfig))
        if not self.beside_kubectl:
            return
        file = str(self.objects)
        self.kubectl(
            f"kubectl apply --server-side --dry-run=server, {state}", plane,
            "apply", "--server-side", "--dry-run=server", "--field-manager=allotment", "-f", file,
        )  # fmt: skip
        self.kubectl(
            f"kubectl diff --server-side, {state}", plane,
            "diff", "--server-side", "--field-manager=allotment", "-f", file,
        )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--teams", type=int, default=1000)
    parser.add_argument("--clusters", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--without-kubectl", action="store_true", help="only Allotment's own steps")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="allotment-bench-"))
    try:
        bench = Benchmark(folder, options.repeat, beside_kubectl=not options.without_kubectl)
        write_platform(bench.directory, options.teams, options.clusters)
        bench.ours("validate, all clusters", "validate", "validate", str(bench.directory))
        rendered = bench.ours("render, all clusters", "render", "render", str(bench.directory))
        _, facts = stage("objects", str(bench.directory), CLUSTER, str(bench.objects), str(bench.namespaces))
        with control_plane(folder / "server") as plane:
            seed = ["apply", "--server-side", "--field-manager=allotment", "-f", str(bench.namespaces)]
            made = run([str(plane.kubectl), f"--kubeconfig={plane.kubeconfig}", *seed])
            assert made.code == 0, made.output[-2000:]
            bench.compare("only namespaces there", plane)
            stage("apply", str(bench.directory), CLUSTER, str(plane.kubeconfig))
            bench.compare("everything applied", plane)
            report(options, bench, plane, rendered["objects"], facts["objects"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def report(
    options: argparse.Namespace, bench: Benchmark, plane: ControlPlane, all_objects: float, objects: float
) -> None:
    """Print the table."""
    print(
        f"{options.teams:,} teams x {options.clusters} clusters: {all_objects:,.0f} objects, {objects:,.0f} in the one "
        f"that is planned. kube-apiserver {plane.version}; {os.cpu_count()} CPUs ({platform.machine()}), "
        f"Python {platform.python_version()}; mean ± standard deviation of {options.repeat} runs.\n"
    )
    print("| step | seconds | peak memory, MB | |\n|---|---:|---:|---|")
    for row in bench.rows:
        print(row.line())


if __name__ == "__main__":
    main()
