"""The published policy comparison (FGD, ATC'23) on every openb trace that is there: ours against the published means.

    python benchmarks/engine/openb.py [--seeds 10] [--trace default ...] [--policy fgd ...]

Data: `ALLOTMENT_DATA` (default `../shared/data` beside the checkout), folders `openb/` and `openb_fgd_expected/`.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import random
import statistics
import time
from pathlib import Path

from allotment.adapters.traces.files import text_lines
from allotment.scenarios.lines import csv_rows
from allotment.scenarios.openb import openb_nodes, openb_pods
from allotment.scheduling.placement.gpu.policies import GpuPolicy
from allotment.simulation.experiment import run

PREFIX = "openb_pod_list_"
PUBLISHED = {
    GpuPolicy.RANDOM: "01-Random",
    GpuPolicy.DOT_PRODUCT: "02-DotProd",
    GpuPolicy.CLUSTERING: "03-GpuClustering",
    GpuPolicy.PACKING: "04-GpuPacking",
    GpuPolicy.BEST_FIT: "05-BestFit",
    GpuPolicy.FGD: "06-FGD",
}
TOLERANCE = 0.3


def rows(path: Path) -> list[dict[str, str]]:
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    return list(csv.DictReader(text.splitlines()))


def main() -> None:
    data = Path(os.environ.get("ALLOTMENT_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trace", nargs="*", help="default: every trace in the data folder")
    parser.add_argument(
        "--policy", nargs="*", default=[p.value for p in GpuPolicy], choices=[p.value for p in GpuPolicy]
    )
    options = parser.parse_args()
    traces = options.trace or sorted(p.stem.removeprefix(PREFIX) for p in (data / "openb").glob(f"{PREFIX}*.csv"))
    nodes = openb_nodes(csv_rows(text_lines(data / "openb" / "openb_node_list_gpu_node.csv")))
    table = rows(data / "openb_fgd_expected" / "analysis_allo_discrete.csv.gz")
    published = {r["workload"].removeprefix(PREFIX) for r in table}
    if absent := sorted(published - {p.stem.removeprefix(PREFIX) for p in (data / "openb").glob(f"{PREFIX}*.csv")}):
        print(f"{len(published)} traces are published; not in the data folder: {', '.join(absent)}")
    print("trace        policy           ours   (sd)   published  difference   s/run")
    for trace in traces:
        pods = openb_pods(csv_rows(text_lines(data / "openb" / f"{PREFIX}{trace}.csv")))
        for policy in map(GpuPolicy, options.policy):
            begin = time.perf_counter()
            ours = [run(nodes, pods, policy, random.Random(42 + s)).allocation for s in range(options.seeds)]
            seconds = (time.perf_counter() - begin) / options.seeds
            wanted = [
                float(r["130"])
                for r in table
                if (r["workload"], r["sc_policy"]) == (f"{PREFIX}{trace}", PUBLISHED[policy])
            ]
            difference = statistics.mean(ours) - statistics.mean(wanted)
            mark = " " if abs(difference) <= TOLERANCE else "!"
            print(
                f"{trace:12s} {policy.value:15s} {statistics.mean(ours):6.2f} ({statistics.pstdev(ours):.2f})   "
                f"{statistics.mean(wanted):6.2f}     {difference:+.2f}{mark}     {seconds:6.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
