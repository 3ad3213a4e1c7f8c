"""Run the benchmark and print its table: python -m benchmarks.answers [--nodes N] [--pods N] [--workloads N].

A bare kube-apiserver and etcd hold the fleet of `fleet.py`. Measured in processes of their own: `allot snapshot save`,
`kubectl get -o json` of the same kinds in the same run, and `allot snapshot show`, which loads the file.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from allotment.adapters.kube.client import connect
from benchmarks.answers import fleet
from benchmarks.answers.fleet import Size
from benchmarks.answers.offline import measure
from benchmarks.plan.__main__ import Row, run
from benchmarks.plan.control_plane import ControlPlane, control_plane

WRITERS = 8


def fill(plane: ControlPlane, size: Size) -> None:
    """Create the fleet."""
    with connect(plane.kubeconfig) as kube, ThreadPoolExecutor(WRITERS) as pool:

        def create(bodies: Iterable[dict[str, Any]]) -> None:
            for _ in pool.map(kube.create, bodies):
                pass

        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        create(fleet.namespaces())
        # No controller makes them here, and a pod needs one.
        create(
            {**account, "metadata": {"name": "default", "namespace": each["metadata"]["name"]}}
            for each in fleet.namespaces()
        )
        for bodies in (fleet.queues(), fleet.nodes(size), fleet.pods(size), fleet.workloads(size)):
            create(bodies)


def measured(plane: ControlPlane, folder: Path, repeat: int) -> list[Row]:
    """The rows."""
    file = folder / "fleet.json.gz"
    allot = [sys.executable, "-m", "allotment"]
    to_cluster = [f"--kubeconfig={plane.kubeconfig}"]
    kinds = ["nodes", "pods", "workloads.kueue.x-k8s.io"]
    commands = {
        "**allot snapshot save**": [*allot, "snapshot", "save", str(file), *to_cluster],
        "kubectl get -o json, three kinds": [
            str(plane.kubectl),
            *to_cluster,
            "get",
            ",".join(kinds),
            "-A",
            "-o",
            "json",
        ],
        "**allot snapshot show**, which loads it": [*allot, "snapshot", "show", str(file), "-o", "json"],
    }
    rows = []
    for name, command in commands.items():
        row = Row(name)
        for _ in range(repeat):
            done = run(command)
            if done.code != 0:
                raise SystemExit(done.output[-3000:])
            row.seconds.append(done.seconds)
            row.megabytes.append(done.megabytes)
        rows.append(row)
    rows[0].note = f"{file.stat().st_size / 1e6:.1f} MB"
    return rows


def main() -> None:
    """Parse, fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=5_000)
    parser.add_argument("--pods", type=int, default=20_000)
    parser.add_argument("--workloads", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--offline", action="store_true", help="no API server: how fast a saved snapshot answers")
    parser.add_argument("--only", default="", help="with --offline: questions that have this in their name")
    parser.add_argument("--profile", default="", help="with --offline: where the time of these goes")
    asked = parser.parse_args()
    size = Size(asked.nodes, asked.pods, asked.workloads)
    if asked.offline:
        measure(size, asked.only, asked.profile)
        return
    with tempfile.TemporaryDirectory() as name, control_plane(Path(name)) as plane:
        began = time.perf_counter()
        fill(plane, size)
        print(f"filled in {time.perf_counter() - began:.0f} s: {size}", file=sys.stderr)
        rows = measured(plane, Path(name), asked.repeat)
    print("| step | seconds | peak memory, MB | |\n|---|---:|---:|---|")
    for row in rows:
        print(row.line())


if __name__ == "__main__":
    main()
