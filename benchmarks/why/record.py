"""Play situations on a real control plane and record them, each with its acts tried for real.

    python -m benchmarks.why.record [ID …] [--untried] [--into FOLDER]

A situation is played once to be recorded, and once more for each remedy, which must start the subject. Distractors are
tried on the recorded stage, and must not. What is not so stops the recording: the answer would be wrong.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from allotment.errors import AllotmentError
from benchmarks.why.karpenter import karpenter, programs
from benchmarks.why.making import subject as reference
from benchmarks.why.scenes import SITUATIONS
from benchmarks.why.situation import Act, Played, Situation
from benchmarks.why.stage import Stage, now, stage

FOLDER = Path(__file__).parent / "recorded"
STARTS_WITHIN = 75.0
"""Seconds in which a remedy must start the subject: Kueue looks again at once, kube-scheduler within its back-off of
10 s, a CronJob every minute."""
STILL_NOT_AFTER = 20.0
"""Seconds after which a distractor is said not to help."""


def record(situation: Situation, into: Path, *, untried: bool) -> Path:
    """Play a situation, and write it down in a folder; the file."""
    with opened(situation, "why") as live:
        played = situation.play(live)
        case = recorded(situation, live, played)
        # One after the other on the stage that was recorded: each meets at least what it would meet alone.
        case["truth"]["distractors"] = [
            tried(situation, live, played, act, distractor=True, untried=untried) for act in played.distractors
        ]
    case["truth"]["remedies"] = [
        act.recorded(verified=False, distractor=False) if untried or not act.tried else afresh(situation, at)
        for at, act in enumerate(played.remedies)
    ]
    into.mkdir(parents=True, exist_ok=True)
    file = into / f"{situation.id}.json.gz"
    file.write_bytes(gzip.compress(json.dumps(case, sort_keys=True, separators=(",", ":")).encode(), mtime=0))
    return file


@contextmanager
def opened(situation: Situation, kind: str) -> Iterator[Stage]:
    name = f"{kind}-{situation.id}"
    with ExitStack() as open_till_then:
        live = open_till_then.enter_context(
            stage(name, situation.nodes, situation.kueue, situation.extensions, situation.definitions)
        )
        if situation.worker:
            live.worker = open_till_then.enter_context(stage(f"{name}-w", situation.worker, situation.kueue))
        if situation.machines:
            folder = Path(open_till_then.enter_context(TemporaryDirectory()))
            live.cloud = open_till_then.enter_context(karpenter(*programs(), live, folder, situation.machines))
        yield live


def recorded(situation: Situation, live: Stage, played: Played) -> dict[str, Any]:
    return {
        "id": situation.id,
        "cause": situation.cause,
        "source": situation.source,
        "written": situation.written,
        "now": now(),
        "subject": reference(played.subject),
        "submitted_by": played.user,
        "manifest": played.subject,
        "submit_error": {"code": 422 if "is invalid" in played.refused else 403, "message": played.refused}
        if played.refused
        else None,
        "objects": live.everything(),
        "truth": {
            "cause": situation.cause,
            "layer": situation.layer,
            "verdict": situation.verdict,
            "facts": played.facts,
        },
    }


def afresh(situation: Situation, at: int) -> dict[str, Any]:
    """A remedy, tried on a stage of its own."""
    with opened(situation, "whyt") as live:
        played = situation.play(live)
        return tried(situation, live, played, played.remedies[at], distractor=False, untried=False)


def tried(
    situation: Situation, live: Stage, played: Played, act: Act, *, distractor: bool, untried: bool
) -> dict[str, Any]:
    if untried or not act.tried:
        return act.recorded(verified=False, distractor=distractor)
    act.carry_out(live)
    started = starts(live, played.subject, STILL_NOT_AFTER if distractor else STARTS_WITHIN)
    if started is distractor:
        raise AssertionError(f"{situation.id}: {act.description!r} {'helped' if started else 'did not help'}")
    return act.recorded(verified=True, distractor=distractor)


def starts(live: Stage, subject: dict[str, Any], within: float) -> bool:
    """Whether all pods of the subject run, or have run, within a time."""
    ends = time.monotonic() + within
    while time.monotonic() < ends:
        if _runs(live, subject):
            return True
        time.sleep(0.5)
    return False


def _runs(live: Stage, subject: dict[str, Any]) -> bool:
    meta = subject["metadata"]
    found = live.get(_resource(subject), meta["name"], meta.get("namespace", ""))
    if found is None:
        return False
    status, spec = found.get("status", {}), found["spec"]
    if subject["kind"] == "Job":
        wanted = spec.get("parallelism", 1)
        return bool(wanted) and status.get("ready", 0) + status.get("succeeded", 0) >= wanted
    if subject["kind"] == "Pod":
        return status.get("phase") in {"Running", "Succeeded"}
    if subject["kind"] in {"Deployment", "StatefulSet"}:
        return (
            status.get("updatedReplicas", 0) >= spec["replicas"] and status.get("readyReplicas", 0) >= spec["replicas"]
        )
    if subject["kind"] == "JobSet":
        ready = {
            each["name"]: each.get("ready", 0) + each.get("succeeded", 0)
            for each in status.get("replicatedJobsStatus", ())
        }
        return all(ready.get(each["name"], 0) >= each.get("replicas", 1) for each in spec["replicatedJobs"])
    if subject["kind"] == "CronJob":
        return bool(status.get("lastScheduleTime"))
    return any(
        each["type"] in {"Running", "Completed", "Available", "StartupPolicyCompleted"} and each["status"] == "True"
        for each in status.get("conditions", ())
    )


def _resource(subject: dict[str, Any]) -> str:
    group, slash, _ = subject["apiVersion"].partition("/")
    return f"{subject['kind'].lower()}{f'.{group}' if slash else ''}"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="benchmarks.why.record", description="record situations on a real control plane"
    )
    parser.add_argument("id", nargs="*")
    parser.add_argument("--untried", action="store_true", help="do not try the acts: for a first look")
    parser.add_argument("--missing", action="store_true", help="only what is not recorded yet")
    parser.add_argument("--into", type=Path, default=FOLDER, help="the folder that is written into")
    arguments = parser.parse_args()
    failed = 0
    for situation in SITUATIONS:
        if arguments.id and situation.id not in arguments.id:
            continue
        if arguments.missing and (arguments.into / f"{situation.id}.json.gz").exists():
            continue
        began = time.monotonic()
        try:
            record(situation, arguments.into, untried=arguments.untried)
            said = "recorded"
        except (AssertionError, AllotmentError) as error:
            failed += 1
            said = f"FAILED: {error}"
        print(f"{situation.id}: {said} ({time.monotonic() - began:.0f} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
