"""How an explanation is scored against the truth of a recorded situation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from allotment.model.explanation import Explanation, PatchOp, Remedy

Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class Score:
    """Each part of the score; `distractors` are the recommended ones."""

    cause: bool
    verdict: bool
    remedy: bool
    distractors: tuple[str, ...]

    @property
    def right(self) -> bool:
        return self.cause and self.verdict and self.remedy and not self.distractors


def score(case: dict[str, Any], found: Explanation) -> Score:
    truth = case["truth"]
    verified = {key for each in truth["remedies"] if each["verified"] for key in keys(each)}
    first = found.remedies[0] if found.remedies else None
    good = first is not None and bool(remedy_keys(first) & verified)
    wrong = [
        each["description"] for each in truth["distractors"] if any(_same(each, remedy) for remedy in found.remedies)
    ]
    return Score(found.cause == truth["cause"], found.verdict == truth["verdict"], good, tuple(wrong))


def keys(remedy: dict[str, Any]) -> set[Key]:
    """Kind and target of a recorded remedy; one of several steps has as many targets, one without a target any."""
    patch = remedy["patch"] or {}
    body = patch.get("body")
    targets = [patch["target"]] if patch.get("target") else []
    if isinstance(body, dict) and "steps" in body:
        targets += [step["target"] for step in body["steps"] if step.get("target")]
    if not targets and isinstance(body, dict) and "kind" in body:
        # The name of an object that is made is free.
        targets = [{"kind": body["kind"], "namespace": body.get("metadata", {}).get("namespace", ""), "name": ""}]
    return {
        (remedy["kind"], each.get("kind", ""), each.get("namespace", "") or "", each.get("name", ""))
        for each in targets
    } or {(remedy["kind"], "", "", "")}


def remedy_keys(remedy: Remedy) -> set[Key]:
    target = remedy.target
    bare: Key = (str(remedy.kind), "", "", "")
    if target is None:
        return {bare}
    made = remedy.patch is not None and remedy.patch.op is PatchOp.CREATE
    unnamed: Key = (str(remedy.kind), target.kind, target.namespace, "")
    return {(str(remedy.kind), target.kind, target.namespace, target.name), bare} | ({unnamed} if made else set())


def _same(distractor: dict[str, Any], remedy: Remedy) -> bool:
    if not remedy_keys(remedy) & keys(distractor):
        return False
    body = (distractor["patch"] or {}).get("body")
    if remedy.patch is not None and remedy.patch.op is PatchOp.RESUBMIT and not remedy.patch.body:
        return False  # submitted again as it was: whatever a distractor changes, this does not
    return remedy.patch is None or body is None or _within(remedy.patch.body, body) or _within(body, remedy.patch.body)


def _within(part: Any, whole: Any) -> bool:
    """Whether everything that a patch changes another changes in the same way."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and _within(value, whole[key]) for key, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(_within(a, b) for a, b in zip(part, whole, strict=True))
    return part == whole
