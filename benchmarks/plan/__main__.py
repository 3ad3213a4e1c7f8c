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
    """Run a command; wall time and the peak of its resident memory (its own, not its children's)."""
    with tempfile.TemporaryFile() as out:
        started = time.perf_counter()
        process = subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})})
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read().decode(errors="replace")
    return Run(seconds, usage.ru_maxrss / 1024, text, process.returncode)


def stage(*arguments: str) -> tuple[Run, dict[str, float]]:
    """One of our stages; its own timings besides."""
    done = run([sys.executable, "-m", "benchmarks.plan.stage", *arguments])
    if done.code != 0:
        raise SystemExit(done.output[-3000:])
    return done, json.loads(done.output)


class Benchmark:
    """All rows, and the numbers they are about."""

    def __init__(self, folder: Path, repeat: int) -> None:
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
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="allotment-bench-"))
    try:
        bench = Benchmark(folder, options.repeat)
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
