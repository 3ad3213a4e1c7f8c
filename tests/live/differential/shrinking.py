"""Makes a scenario that shows a difference small. Pure: playing is the caller's business."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

Scenario = dict[str, Any]
Found = TypeVar("Found")

DROP = object()
_NAMES = ("name", "flavor", "key")
_NEVER_EMPTY = ("workloads", "clusterQueues", "flavors", "podSets", "nodes", "pods")


@dataclass(frozen=True, slots=True)
class Change:
    """One simplification: the value at `path` is left out, or becomes `value`.

    In lists, elements are found by what names them, so that changes can be put together in any order.
    """

    path: tuple[Any, ...]
    value: Any = DROP


def changed(scenario: Scenario, changes: Sequence[Change]) -> Scenario:
    """A copy with all changes; one whose place is already gone does nothing."""
    result = copy.deepcopy(scenario)
    for change in changes:
        _apply(result, change)
    if "steps" in result:
        names = {each["name"] for each in result["workloads"]}
        result["steps"] = [step for step in result["steps"] if step[1] in names]
    return result


def _apply(scenario: Scenario, change: Change) -> None:
    holder: Any = scenario
    try:
        for key in change.path[:-1]:
            holder = holder[_position(holder, key)]
        last = _position(holder, change.path[-1])
        if change.value is not DROP:
            holder[last] = change.value
        elif not isinstance(holder, list) or len(holder) > 1 or change.path[-2] not in _NEVER_EMPTY:
            del holder[last]
    except LookupError:
        return


def _position(holder: Any, key: Any) -> Any:
    if isinstance(holder, dict):
        return key
    for position, element in enumerate(holder):
        if element == key or (isinstance(element, dict) and key in _names(element)):
            return position
    raise LookupError(key)


def _names(element: dict[str, Any]) -> list[Any]:
    """What tells an element from its neighbours; a resource group is told by the first resource it covers."""
    return [*(element.get(name) for name in _NAMES), *element.get("coveredResources", ())[:1]]


def effective(scenario: Scenario, changes: Iterable[Change]) -> Iterator[Change]:
    """The changes that do change something: the last workload, for one, is never left out."""
    return (each for each in changes if changed(scenario, [each]) != scenario)


def shrink(
    scenario: Scenario,
    found: Found,
    simplifications: Callable[[Scenario], Iterator[Change]],
    play: Callable[[Sequence[Scenario]], Sequence[Found | None]],
    *,
    side_by_side: int,
    most_plays: int,
) -> tuple[Scenario, Found]:
    """A smaller scenario that still differs, and how.

    Each round tries all simplifications for themselves, then as many as possible of those that keep a difference at
    once. It ends where none does, or when `most_plays` is used up.

    Args:
        scenario: one that differs.
        found: its difference.
        simplifications: what can be tried, the boldest first.
        play: plays scenarios; the difference of each, or None.
        side_by_side: how many scenarios are given to `play` at once.
        most_plays: how often `play` is called at most.
    """
    plays = 0
    while plays < most_plays:
        left = effective(scenario, simplifications(scenario))
        useful: list[Change] = []
        while not useful and plays < most_plays and (tries := list(islice(left, side_by_side))):
            plays += 1
            answers = play([changed(scenario, [each]) for each in tries])
            useful = [each for each, answer in zip(tries, answers, strict=True) if answer is not None]
            alone = next((answer for answer in answers if answer is not None), None)
        if not useful or alone is None:
            break
        together = [useful[:count] for count in _halves(len(useful))]
        candidates = [changed(scenario, each) for each in together]
        answers = play(candidates) if candidates else []
        plays += bool(candidates)
        best = next((pair for pair in zip(candidates, answers, strict=True) if pair[1] is not None), None)
        scenario, found = (changed(scenario, useful[:1]), alone) if best is None else (best[0], best[1] or found)
    return scenario, found


def _halves(count: int) -> list[int]:
    """`count`, half of it and so on, down to two."""
    result = []
    while count >= 2:
        result.append(count)
        count = (count + 1) // 2 if count > 2 else 1
    return result
