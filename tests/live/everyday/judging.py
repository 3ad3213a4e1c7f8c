"""Is an outcome what a scientist may expect? Pure; each complaint says what is missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from tests.live.books.following import End, Outcome
from tests.live.everyday.oddities import Manifest, Nature, is_fault, without


def complaint(manifest: Manifest, outcome: Outcome, *, mutating: bool) -> str:
    """What is wrong with it, or nothing."""
    faults = [each for each in manifest.planted if is_fault(each, mutating=mutating)]
    if outcome.end is End.HANGS:
        return f"admitted and hanging: {outcome.words}"
    if outcome.miscounted:
        return f"(charged, requested) differ: {outcome.miscounted}"
    if outcome.end is not End.REFUSED:
        return f"{outcome.end.value} in spite of {', '.join(each.name for each in faults)}" if faults else ""
    missing = {
        each.name: word for each in faults for word in each.says(manifest.draft) if not _said(word, outcome.words)
    }
    if missing:
        return f"the refusal does not say {missing}: {outcome.words}"
    open_ = [each for each in manifest.planted if each.nature is Nature.OPEN]
    if not faults and not any(_said(word, outcome.words) for each in open_ for word in each.says(manifest.draft)):
        return f"refused without a fault: {outcome.words}"
    return ""


def _said(word: str, message: str) -> bool:
    """One of the alternatives stands in the message."""
    return any(each in message for each in word.split("|"))


Play = Callable[[Sequence[Manifest]], Sequence[str]]
"""Submits manifests, and tells the complaint about each."""


def smallest(manifest: Manifest, words: str, play: Play, *, mutating: bool) -> tuple[Manifest, str]:
    """The manifest with as few oddities as still give a complaint, and that complaint."""
    while manifest.planted:
        fewer = [without(manifest, position, mutating=mutating) for position in range(len(manifest.planted))]
        answers = play(fewer)
        found = next(((each, answer) for each, answer in zip(fewer, answers, strict=True) if answer), None)
        if found is None:
            break
        manifest, words = found
    return manifest, words


def told(manifest: Manifest, words: str) -> str:
    """For the one who has to mend it."""
    bodies = "\n".join(json.dumps(body) for body in manifest.draft.submission().objects)
    return f"{manifest}\n  {words}\n  {bodies}"
