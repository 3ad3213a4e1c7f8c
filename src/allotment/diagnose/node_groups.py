"""What an autoscaler says of its groups of nodes: the cluster-autoscaler's status in both its forms, and its events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import yaml

from allotment.diagnose.case import Case
from allotment.diagnose.machines import pool_of
from allotment.model.moments import seconds
from allotment.model.observed.base import Reference
from allotment.model.observed.index import Index
from allotment.model.observed.namespaced import Event
from allotment.model.observed.nodes import Node
from allotment.model.yaml_text import read_yaml

STATUS: Final = "kube-system/cluster-autoscaler-status"
_MOST_TEXT: Final = 1 << 20
"""Characters of a status that are read: a cluster of a thousand groups writes fewer."""
_OLD_HEALTH: Final = re.compile(
    r"\bregistered=(\d+).*?cloudProviderTarget=(\d+)(?:.*?minSize=(\d+))?(?:.*?maxSize=(\d+))?"
)
_PLAN: Final = re.compile(r"\{(\S+) (\d+)->(\d+) \(max: (\d+)\)\}")
_SPLIT: Final = re.compile(r"[/\-_.]")


@dataclass(frozen=True, slots=True)
class NodeGroup:
    """A group of nodes that an autoscaler sizes.

    Attributes:
        size: nodes that are registered.
        target: nodes it has asked the cloud for.
        scaling: ``InProgress``, ``Backoff``, ``NoActivity`` or another word of the autoscaler's.
        trouble: what the cloud answered to the last attempt; empty if it did not fail.
        since: RFC 3339, for how long it scales so; empty where that is not told.
    """

    name: str
    size: int
    target: int
    least: int
    most: int
    scaling: str = ""
    trouble: str = ""
    since: str = ""

    @property
    def reference(self) -> Reference:
        """How it is named as the target of an act: it is no object of the cluster."""
        return Reference(kind="NodeGroup", name=self.name)


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """What the cluster-autoscaler's status says; `seen` is false where there is none."""

    seen: bool
    groups: tuple[NodeGroup, ...] = ()


def autoscaler_of(index: Index) -> Autoscaler:
    """The autoscaler of a source, read once."""
    found = index.beside.get(Autoscaler)
    if not isinstance(found, Autoscaler):
        status = index.config_maps.get(STATUS)
        text = status.data.get("status", "")[:_MOST_TEXT] if status is not None else ""
        found = Autoscaler(bool(text), tuple(read_groups(text)))
        index.beside[Autoscaler] = found
    return found


def read_groups(text: str) -> Iterator[NodeGroup]:
    """The groups of a status text, in YAML (since 1.30) or in the older form for reading by eye."""
    if "nodeGroups:" not in text:
        yield from _old(text)
        return
    try:
        whole = read_yaml(text)
    except (yaml.YAMLError, UnicodeDecodeError):
        return
    listed = whole.get("nodeGroups") if isinstance(whole, dict) else None
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and isinstance(each.get("name"), str):
            yield _group(each)


def _group(raw: dict[str, Any]) -> NodeGroup:
    health, up = _map(raw.get("health")), _map(raw.get("scaleUp"))
    registered = _map(_map(health.get("nodeCounts")).get("registered"))
    backoff = _map(up.get("backoffInfo"))
    trouble = " ".join(str(backoff[key]) for key in ("errorCode", "errorMessage") if backoff.get(key))
    return NodeGroup(
        raw["name"],
        _int(registered.get("total")),
        _int(health.get("cloudProviderTarget")),
        _int(health.get("minSize")),
        _int(health.get("maxSize")),
        str(up.get("status", "")),
        trouble,
        _time(up.get("lastTransitionTime")),
    )


def _map(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0


def _time(value: object) -> str:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    return value if isinstance(value, str) else ""


def _old(text: str) -> Iterator[NodeGroup]:
    name, health, groups = "", "", text.partition("NodeGroups:")[2]
    for line in groups.splitlines():
        key, _, rest = line.strip().partition(":")
        if key == "Name":
            name = rest.strip()
        elif key == "Health":
            health = rest
        elif key == "ScaleUp" and name:
            numbers = _OLD_HEALTH.search(health)
            counted = [int(each or 0) for each in numbers.groups()] if numbers else [0, 0, 0, 0]
            word = rest.strip().partition(" ")[0]
            size, target, least, most = counted
            yield NodeGroup(name, size, target, least, most, word)
            name, health = "", ""


def group_of(node: Node, groups: Iterable[NodeGroup]) -> NodeGroup | None:
    """The group that a node belongs to, by its pool's name or its own; None if that cannot be told."""
    pool = pool_of(node)
    best: tuple[int, NodeGroup] | None = None
    for each in groups:
        last = each.name.rstrip("/").rpartition("/")[2]
        base = last.removesuffix("-grp")
        named = bool(pool) and (last == pool or f"-{pool}-" in f"-{base}-" or _within(pool, base))
        length = len(base) if node.name.startswith(base) else len(pool) if named else 0
        if length and (best is None or length > best[0]):
            best = length, each
    return None if best is None else best[1]


def _within(pool: str, name: str) -> bool:
    """Whether the words of a pool's name stand in another in that order, one after the other."""
    wanted, there = _SPLIT.split(pool), _SPLIT.split(name)
    return any(there[at : at + len(wanted)] == wanted for at in range(len(there)))


def groups_of_nodes(case: Case, nodes: Iterable[Node]) -> list[NodeGroup]:
    """The groups of some nodes, each once."""
    groups = autoscaler_of(case.index).groups
    if not groups:
        return []
    found = [group for node in nodes if (group := group_of(node, groups)) is not None]
    return list(dict.fromkeys(found))


def events_of_pods(case: Case, *reasons: str) -> list[Event]:
    """Events of the pods that wait, of these reasons; the newest first, none older than its pod."""
    found = [
        event
        for pod in case.waiting_pods
        for event in case.events(pod)
        if event.reason in reasons and seconds(event.at) >= seconds(pod.metadata.creation_timestamp)
    ]
    return sorted(found, key=lambda each: each.at, reverse=True)


def could_make_others(case: Case) -> list[NodeGroup]:
    """Groups at zero, of which nobody knows what their nodes are; none once the autoscaler has refused the pods."""
    if any(True for _ in events_of_pods(case, "NotTriggerScaleUp")):
        return []
    return [each for each in autoscaler_of(case.index).groups if not each.size and each.most]


def planned(event: Event) -> list[tuple[str, int, int, int]]:
    """Groups that a TriggeredScaleUp event names: name, size before and after, maximum."""
    return [(name, int(a), int(b), int(most)) for name, a, b, most in _PLAN.findall(event.message)]


def by_name(groups: Iterable[NodeGroup]) -> Mapping[str, NodeGroup]:
    """Groups by name."""
    return {each.name: each for each in groups}
