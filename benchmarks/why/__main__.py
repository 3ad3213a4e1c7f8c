"""Score `why` on recorded broken situations, layer by layer, by the rules of why_bench's README.

    python -m benchmarks.why [CASES.jsonl.gz | FOLDER | --recorded | --lively] [--only CAUSE] [--verbose]

Right cause; right verdict; a verified remedy (same kind and target) first; a distractor recommended; confidently wrong.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from allotment.diagnose.explaining import explain
from allotment.diagnose.subjects import find_case
from allotment.model.explanation import Confidence, Explanation
from benchmarks.why.cases import snapshot_of
from benchmarks.why.scoring import Score, score

SHARED = Path(__file__).parents[3] / "shared" / "data"
RECORDED = Path(__file__).parent / "recorded"


def cases(path: Path) -> list[dict[str, Any]]:
    """Of a file, a case a line; or of a folder, a case a file."""
    if path.is_dir():
        return [json.loads(gzip.decompress(each.read_bytes())) for each in sorted(path.glob("*.json.gz"))]
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def recorded(folder: str = "") -> list[dict[str, Any]]:
    """Situations of the second bench, which `benchmarks.why.record` (or `.shared`: `lively`) played and recorded."""
    return cases(RECORDED / folder)


def answer(case: dict[str, Any]) -> Explanation:
    subject = case["subject"]
    return explain(find_case(snapshot_of(case), f"{subject['kind']}/{subject['name']}", subject.get("namespace", "")))


def told(case: dict[str, Any], found: Explanation, scored: Score) -> str:
    truth = case["truth"]
    first = found.remedies[0] if found.remedies else None
    wanted = [(each["kind"], ((each["patch"] or {}).get("target") or {}).get("kind")) for each in truth["remedies"]]
    lines = [
        f"{case['id']}: {truth['cause']} {truth['verdict']}",
        f"  said {found.cause} {found.verdict} {found.confidence}: {found.summary}",
        f"  first {first and (str(first.kind), first.target and first.target.kind, str(first.tried.starts))}",
        f"  wanted {wanted}",
        f"  contributing {[each.cause for each in found.contributing]}",
        f"  {scored}",
    ]
    if scored.distractors:
        lines.append(f"  distractors {scored.distractors}")
    return "\n".join(lines)


def _asked_for(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    if arguments.recorded or arguments.lively:
        return recorded("lively" if arguments.lively else "")
    return cases(arguments.file)


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.why", description="score why on recorded situations")
    data = Path(os.environ.get("ALLOTMENT_DATA", SHARED))
    parser.add_argument("file", nargs="?", type=Path, default=data / "why_bench" / "cases.jsonl.gz")
    parser.add_argument("--recorded", action="store_true", help="score the second bench: situations of users, recorded")
    parser.add_argument("--lively", action="store_true", help="score causes of the vocabulary on lively platforms")
    parser.add_argument("--only", default="")
    parser.add_argument("--layer", default="")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    by_layer: dict[str, Counter[str]] = defaultdict(Counter)
    began = time.perf_counter()
    for case in _asked_for(arguments):
        truth = case["truth"]
        if not case["id"].startswith(arguments.only) or arguments.layer not in {"", truth["layer"]}:
            continue
        found = answer(case)
        scored = score(case, found)
        for layer in (truth["layer"], "all"):
            by_layer[layer].update(
                cases=1,
                cause=scored.cause,
                verdict=scored.verdict,
                remedy=scored.remedy,
                distractor=bool(scored.distractors),
                wrong=not scored.cause and found.confidence is Confidence.SURE,
            )
        if arguments.verbose or not scored.right:
            print(told(case, found, scored))
    print(
        f"{'layer':<12}{'cases':>6}{'cause':>7}{'verdict':>9}{'remedy':>8}{'distractor':>12}{'confidently wrong':>19}"
    )
    for layer, counts in by_layer.items():
        print(
            f"{layer:<12}{counts['cases']:>6}{counts['cause']:>7}{counts['verdict']:>9}{counts['remedy']:>8}"
            f"{counts['distractor']:>12}{counts['wrong']:>19}"
        )
    print(f"{time.perf_counter() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
