"""Play the causes of the vocabulary on lively platforms, one after the other on one stage for each platform.

    python -m benchmarks.why.shared [ID …] [--untried | --verify]

What a situation did is undone after it. A stage of its own for each act is cleaner and takes minutes; here an act takes
seconds. An act that does not do what its scene says is recorded as not verified, and named.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.why.record import FOLDER, recorded, starts
from benchmarks.why.scenes.kept_back import KEPT_BACK
from benchmarks.why.scenes.surroundings import Platform, lively
from benchmarks.why.situation import Situation
from benchmarks.why.stage import NotReachedError, Raw, Stage, stage

Key = tuple[str, str, str]
PLACE = FOLDER / "lively"
STARTS_WITHIN, STILL_NOT_AFTER = 45.0, 12.0


class UndoingStage(Stage):
    """A stage that remembers what was made, changed and deleted since the last mark."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(*stage.access)
        self._sent: dict[Key, Raw] = {}
        self._stood: list[Raw] = []
        self.mark()

    def knows(self, platform: Platform) -> None:
        """What stood before: it is made again where a scene takes it away."""
        self._stood = platform.objects() + platform.jobs()
        for each in self._stood:
            self._sent[_key(each)] = each

    def mark(self) -> None:
        self._made: list[Raw] = []
        self._deleted: list[Raw] = []
        self._before: dict[Key, Raw] = {}

    def make(self, *objects: Raw) -> None:
        for each in objects:
            super().make(each)
            self._sent[_key(each)] = each
            self._made.append(each)

    def patch(self, target: Raw, body: Any, *, op: str = "merge", subresource: str = "") -> None:
        key = _key(target)
        if not subresource and key not in self._before and key not in map(_key, self._made):
            self._before[key] = self._found(target) or {}
        super().patch(target, body, op=op, subresource=subresource)

    def delete(self, target: Raw) -> None:
        sent = self._sent.get(_key(target))
        if sent is not None and _key(target) not in map(_key, self._made):
            self._deleted.append(sent)
        super().delete(target)

    def undo(self) -> None:
        """As it was at the mark."""
        made, deleted, before = self._made, self._deleted, self._before
        for each in reversed(made):
            super().delete(each)
        for each in before.values():
            if each:
                self._restore(each)
        for each in deleted:
            self.until(f"{_key(each)} is gone", lambda each=each: self._found(each) is None)
            super().make(each)
        self.mark()
        self.until("what stood before runs", self._all_run)

    def _all_run(self) -> bool:
        ready = {_key(each): each.get("status", {}).get("ready", 0) for each in self.get("jobs.batch")}
        return all(ready.get(_key(each)) for each in self._stood if each["kind"] == "Job")

    def _restore(self, each: Raw) -> None:
        changes = [{"op": "add", "path": "/metadata/labels", "value": each["metadata"].get("labels", {})}]
        if "spec" in each:
            changes.append({"op": "replace", "path": "/spec", "value": each["spec"]})
        super().patch(each, changes, op="json")

    def _found(self, target: Raw) -> Raw | None:
        meta = target.get("metadata", target)
        group, slash, _ = target.get("apiVersion", "v1").partition("/")
        resource = f"{target['kind'].lower()}{f'.{group}' if slash else ''}"
        found = self.get(resource, meta["name"], meta.get("namespace", ""))
        return None if found is None else dict(found)


def record_all(situations: list[Situation], live: UndoingStage, *, untried: bool) -> int:
    """Play, record and try each; how many failed."""
    failed = 0
    for situation in situations:
        began = time.monotonic()
        try:
            case = _played(situation, live, untried=untried)
            _keep(PLACE / f"{situation.id}.json.gz", case)
            acts = [*case["truth"]["remedies"], *case["truth"]["distractors"]]
            odd = [each["description"] for each in acts if not each.get("verified", each.get("verified_not_to_help"))]
            said = f"recorded; not verified: {json.dumps(odd)}" if odd else "recorded"
        except AssertionError as error:
            failed += 1
            said = f"FAILED: {str(error)[:600]}"
        print(f"{situation.id}: {said} ({time.monotonic() - began:.0f} s)", flush=True)
        live.undo()
    return failed


def _played(situation: Situation, live: UndoingStage, *, untried: bool) -> Raw:
    played = situation.play(live)
    case = recorded(situation, live, played)
    acts = [(name, at) for name in ("distractors", "remedies") for at in range(len(getattr(played, name)))]
    told: dict[str, list[Raw]] = {"distractors": [], "remedies": []}
    fresh = True
    for name, at in acts:
        wrong, good = name == "distractors", False
        if not untried:
            if not fresh:
                live.undo()
                played = situation.play(live)
            fresh = False
            act = getattr(played, name)[at]
            if act.tried:
                try:
                    act.carry_out(live)
                    good = starts(live, played.subject, STILL_NOT_AFTER if wrong else STARTS_WITHIN) is not wrong
                except NotReachedError:
                    good = False
        told[name].append(getattr(played, name)[at].recorded(verified=good, distractor=wrong))
    case["truth"].update(told)
    return case


def verify_all(situations: list[Situation], live: UndoingStage) -> int:
    """Play what is recorded again, and try its first remedy; how many do not start the subject."""
    failed = 0
    for situation in situations:
        began = time.monotonic()
        file = PLACE / f"{situation.id}.json.gz"
        case = json.loads(gzip.decompress(file.read_bytes()))
        try:
            played = situation.play(live)
            act = played.remedies[0]
            act.carry_out(live)
            good = act.tried and starts(live, played.subject, STARTS_WITHIN)
            case["truth"]["remedies"][0] = act.recorded(verified=good, distractor=False)
            _keep(file, case)
            said = f"{'starts' if good else 'DOES NOT START'}: {act.description}"
        except AssertionError as error:
            good, said = False, f"FAILED: {str(error)[:600]}"
        failed += not good
        print(f"{situation.id}: {said} ({time.monotonic() - began:.0f} s)", flush=True)
        live.undo()
    return failed


def _keep(file: Path, case: Raw) -> None:
    text = json.dumps(case, sort_keys=True, separators=(",", ":"))
    file.write_bytes(gzip.compress(text.encode(), mtime=0))


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.why.shared", description="record causes on lively platforms")
    parser.add_argument("id", nargs="*")
    parser.add_argument("--untried", action="store_true", help="do not try the acts: for a first look")
    parser.add_argument("--verify", action="store_true", help="try the first remedy of what is recorded")
    arguments = parser.parse_args()
    PLACE.mkdir(parents=True, exist_ok=True)
    failed = 0
    for name, (platform, situations) in KEPT_BACK.items():
        wanted = [each for each in situations if not arguments.id or each.id in arguments.id]
        if not wanted:
            continue
        with stage(f"kept-{name}", platform.nodes, wanted[0].kueue) as live:
            lively(live, platform)
            undoing = UndoingStage(live)
            undoing.knows(platform)
            if arguments.verify:
                failed += verify_all([each for each in wanted if (PLACE / f"{each.id}.json.gz").exists()], undoing)
            else:
                failed += record_all(wanted, undoing, untried=arguments.untried)
    return 1 if failed else 0


def _key(target: Raw) -> Key:
    meta = target.get("metadata", target)
    return target["kind"], meta.get("namespace", "") or "", meta["name"]


if __name__ == "__main__":
    sys.exit(main())
