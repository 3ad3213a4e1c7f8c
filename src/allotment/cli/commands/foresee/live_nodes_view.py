"""What a change of nodes does, in words: to each node, to what has to leave it, and to what waits for nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from allotment.errors import shown
from allotment.model.grammar import count
from allotment.operations.foresee.live.node_effects import MovedWork, NodeEffects, PlacedWork
from allotment.operations.foresee.live.pod_fates import MovedPod, PodFate
from allotment.simulation.live.nodes import ActedNode, DrainBudget, NodeAct

_MOST_NODES: Final = 3
"""Nodes that a cell names."""
_MOST_REASONS: Final = 8
_STATES: Final[Mapping[PodFate, str]] = {
    PodFate.PLACED: "runs",
    PodFate.WAITS: "waits",
    PodFate.LOST: "lost",
    PodFate.JOB_FAILS: "fails",
    PodFate.QUEUES: "queues",
    PodFate.AWAITS_NODE: "waits",
    PodFate.HELD: "stays",
    PodFate.STAYS: "stays",
    PodFate.UNKNOWN: "?",
}


def devices_text(devices: Mapping[str, int]) -> str:
    """``8 nvidia.com/gpu``, ``1 amd.com/gpu and 2 nvidia.com/gpu``; empty where there are none."""
    return " and ".join(f"{number:,} {name}" for name, number in sorted(devices.items()))


def _short(message: str) -> str:
    """A message of the scheduler's without what it says of preemption."""
    return message.partition(". ")[0].removesuffix(".")


# Cells


def state_after(row: MovedWork) -> str:
    """How work that has to leave stands then: ``runs``, ``waits``, ``2 of 3 run``; its pods elsewhere are counted."""
    states = Counter(_STATES[each.fate] for each in row.pods)
    fails = _STATES[PodFate.JOB_FAILS]
    if fails in states and len(states) == 1:
        return fails
    states["runs"] += row.elsewhere
    here = +states
    if len(here) == 1:
        return next(iter(here))
    running = here["runs"] + here["stays"]
    return f"{running:,} of {len(row.pods) + row.elsewhere:,} run" if running else "waits"


def moved_text(row: MovedWork) -> str:
    """What becomes of the pods of work on changed nodes, in short."""
    fates = dict.fromkeys(each.fate for each in row.pods)
    return "; ".join(_fated(fate, [each for each in row.pods if each.fate is fate]) for fate in fates)


def _fated(fate: PodFate, pods: Sequence[MovedPod]) -> str:
    told = count(len(pods), "pod")
    if fate is PodFate.PLACED:
        return f"{told} to {_some([each.to for each in pods])}"
    one, many = _SAID[fate]
    return f"{told} {one if len(pods) == 1 else many}"


_SAID: Final[Mapping[PodFate, tuple[str, str]]] = {
    PodFate.WAITS: ("finds no node", "find no node"),
    PodFate.LOST: ("is lost", "are lost"),
    PodFate.JOB_FAILS: ("ends, and the Job fails", "end, and the Job fails"),
    PodFate.QUEUES: ("queues anew", "queue anew"),
    PodFate.AWAITS_NODE: ("waits for the node", "wait for the node"),
    PodFate.HELD: ("held by a budget", "held by a budget"),
    PodFate.STAYS: ("stays", "stay"),
    PodFate.UNKNOWN: ("may find a node", "may find nodes"),
}
"""Of one pod, and of several."""


def _some(names: Sequence[str]) -> str:
    found = list(dict.fromkeys(names))
    if len(found) > _MOST_NODES:
        return f"{', '.join(found[:_MOST_NODES])} and {len(found) - _MOST_NODES:,} more"
    return ", ".join(found)


def found_text(row: PlacedWork, number: int) -> str:
    """How many pods of what waits find nodes: ``waits``, ``starts``, ``2 of 4 start``."""
    if number in {0, row.pods}:
        return "starts" if number else "waits"
    return f"{number:,} of {row.pods:,} start"


def placed_text(row: PlacedWork) -> str:
    """What changes for work that waits for nodes, in short."""
    more = row.after - row.before
    told, one = count(abs(more), "pod"), abs(more) == 1
    if more > 0:
        return f"{told} find{'s' * one} {'a node' if one else 'nodes'}"
    return f"{told} no longer find{'s' * one} {'a node' if one else 'nodes'}"


def reasons_of(rows: Sequence[MovedWork | PlacedWork]) -> Iterator[str]:
    """Why what does not go on does not, and whose place the others take: a line for all of whom the same is said."""
    said: dict[str, list[str]] = {}
    for row in rows:
        for reason in _reasons(row):
            said.setdefault(reason, []).append(f"{row.subject.kind.lower()}/{row.subject.name}")
    for reason, names in list(said.items())[:_MOST_REASONS]:
        yield f"{shown(_some(names))}: {shown(reason)}"
    if len(said) > _MOST_REASONS:
        yield f"and {len(said) - _MOST_REASONS:,} more like these: see -o json"


def _reasons(row: MovedWork | PlacedWork) -> Iterator[str]:
    if isinstance(row, PlacedWork):
        victims = row.victims
        if row.message:
            yield f"without a node, {count(row.pods - row.after, 'pod')}: {_short(row.message)}"
        if row.unmodelled:
            yield f"not looked at: {'; '.join(row.unmodelled)}"
    else:
        victims = tuple(victim for each in row.pods for victim in each.victims)
        yield from dict.fromkeys(_short(each.message) for each in row.pods if each.message)
    if victims:
        yield f"in the place of {_some(victims)}"


# Sentences


def acted_lines(found: NodeEffects) -> Iterator[str]:
    """Of each change, what it does to its node; then the budgets in the way."""
    yield from (f"{act.act} {shown(act.node)}: {_acted(act)}" for act in found.acted)
    yield from (_budget(each) for each in found.budgets)


def _acted(act: ActedNode) -> str:
    if act.act is NodeAct.ADD:
        return f"like {shown(act.before.name)}" + (f", with {_daemons(act)} like those there" if act.daemons else "")
    if act.act is NodeAct.CORDON:
        told = "no new pods go there"
        return f"{told}; the {count(len(act.kept), 'pod')} on it stay{'s' * (len(act.kept) == 1)}" if act.kept else told
    parts = [f"{count(len(act.leaving), 'pod')} {'has' if len(act.leaving) == 1 else 'have'} to leave"]
    if act.kept:
        parts.append(f"{len(act.kept):,} stay{'s' * (len(act.kept) == 1)}")
    if act.daemons:
        one = len(act.daemons) == 1
        parts.append(f"{_daemons(act)} {'goes' if one else 'go'} with it" if act.act is NodeAct.DROP else _staying(act))
    return "; ".join(parts)


def _staying(act: ActedNode) -> str:
    return f"{_daemons(act)} stay{'s' * (len(act.daemons) == 1)}"


def _daemons(act: ActedNode) -> str:
    """Pods that belong to the node, by who makes them."""
    sets = sum((owner := each.metadata.controller) is not None and owner.kind == "DaemonSet" for each in act.daemons)
    own = len(act.daemons) - sets
    told = [f"{count(sets, 'pod')} of DaemonSets"] if sets else []
    return " and ".join([*told, f"{count(own, 'pod')} of the kubelet"] if own else told)


def _budget(each: DrainBudget) -> str:
    named = f"PodDisruptionBudget {shown(each.budget.name)} in {shown(each.budget.namespace)}"
    pods = f"{len(each.pods):,} of its pods are there" if len(each.pods) > 1 else "one of its pods is there"
    if not each.allowed:
        return f"{named} lets no pod go ({pods}): the drain waits"
    return f"{named} lets {each.allowed:,} go at once ({pods}): the drain waits until others have taken their place"


def summed_lines(found: NodeEffects) -> Iterator[str]:
    """What becomes of all pods together, and what quota says to it."""
    fates = Counter(each.fate for work in found.moved for each in work.pods)
    if fates:
        told = (f"{words}: {fates[fate]:,}" for fate, words in _SUMMED.items() if fates[fate])
        yield f"pods of these nodes that {'; '.join(told)}"
    if found.others.pods:
        devices = devices_text(found.others.devices)
        told_of = f"{count(found.others.pods, 'pod')}{f' with {devices}' if devices else ''}"
        yield f"other namespaces: {told_of} {'has' if found.others.pods == 1 else 'have'} to leave, too"
    if found.waiting:
        more = sum(max(0, each.after - each.before) for each in found.placed)
        fewer = sum(max(0, each.before - each.after) for each in found.placed)
        waiting = f"{count(found.waiting, 'pod')} that wait{'s' * (found.waiting == 1)} for a node"
        yield f"of {waiting}, {more:,} more find one, and {fewer:,} no longer"
    yield from (shown(each) for each in found.books)


_SUMMED: Final[Mapping[PodFate, str]] = {
    PodFate.PLACED: "find another node",
    PodFate.WAITS: "find none",
    PodFate.LOST: "are lost",
    PodFate.JOB_FAILS: "end with their Job",
    PodFate.QUEUES: "queue anew",
    PodFate.AWAITS_NODE: "wait for the node itself",
    PodFate.HELD: "are held by a budget",
    PodFate.STAYS: "stay",
    PodFate.UNKNOWN: "may find a node",
}
