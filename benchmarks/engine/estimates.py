"""How often do start-time estimates hold? Measured on Philly's jobs and on runs of real schedulers on 64 GPUs.

    python -m benchmarks.engine.estimates [--only philly|runs] [--quick] [--verbose]
        [--questions 120] [--repeats 20] [--seed 1]

Every question is asked at a moment of the trace with what was known then: who runs and since when, who waits, run times
of jobs that had ended, submissions so far. Asked are jobs that had to wait; a job that starts at once asks nothing.
Beside our intervals stand those of a peer that needs no simulation: the same quantiles of the queue's recent waits,
corrected in the same way. docs/estimates.md says what the columns mean.

Data: the folder that `ALLOTMENT_DATA` names (default `../shared/data` beside the checkout); what it lacks is said. None
of it is part of this repository; docs/estimates.md says where it comes from.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from benchmarks.engine import estimates_philly, estimates_runs

DATA = Path(os.environ.get("ALLOTMENT_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
NEEDED = {
    "philly": (("philly/philly.csv.gz",), "petuum/adaptdl, derived from msr-fiddle/philly-traces"),
    "runs": (
        ("muri/cluster_trace.csv.gz", *(f"muri/physical_{run}_job.csv.gz" for run in estimates_runs.RUNS)),
        "Rivendile/Muri",
    ),
}
"""Files of each part, and the GitHub repositories that they come from."""

QUICK_CLUSTERS = 4
QUICK_QUESTIONS = 60
QUICK_REPEATS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--questions", type=int, default=120, help="in each virtual cluster, half of them to learn from"
    )
    parser.add_argument("--repeats", type=int, default=20, help="simulations for each question")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=["philly", "runs"])
    parser.add_argument(
        "--quick", action="store_true", help="the four smallest virtual clusters, few questions, few simulations"
    )
    parser.add_argument("--verbose", action="store_true", help="the table after every virtual cluster")
    options = parser.parse_args()
    for part, (files, source) in NEEDED.items():
        missing = [file for file in files if not (DATA / file).is_file()]
        if missing and options.only in (None, part):
            parser.error(
                f"{DATA} lacks {', '.join(missing)} (from {source} on GitHub; see docs/estimates.md): "
                "put it there, or name another folder with ALLOTMENT_DATA"
            )
    print(f"data from {DATA}")
    questions, repeats = (QUICK_QUESTIONS, QUICK_REPEATS) if options.quick else (options.questions, options.repeats)
    print(
        f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f} at the start, seed {options.seed}, "
        f"{repeats} simulations each"
    )
    if options.only != "runs":
        estimates_philly.measure(
            DATA,
            questions=questions,
            repeats=repeats,
            seed=options.seed,
            smallest=QUICK_CLUSTERS if options.quick else None,
            verbose=options.verbose,
        )
    if options.only != "philly":
        estimates_runs.measure(DATA, repeats=repeats, seed=options.seed)


if __name__ == "__main__":
    main()
