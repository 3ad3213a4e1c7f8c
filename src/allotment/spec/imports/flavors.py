"""ResourceFlavors as they are → the flavors that the pools amount to, and under which names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from allotment.model import labels
from allotment.model.manifest import Body
from allotment.model.names import is_dns_label
from allotment.model.waiting import HOLD_AND_WAIT
from allotment.spec.imports.live import LiveCluster, Notes, name_of
from allotment.spec.imports.pools import Pool, nodes_with
from allotment.spec.schema.accelerator import AcceleratorSpec

PLAIN: Final = ("cpu", "memory")


@dataclass(slots=True)
class Meaning:
    """What the cluster's flavors mean in the directory.

    Attributes:
        usual: usual name of our flavor, by the live flavor's name and the resource.
        chosen: live name, by the usual one, where one live flavor is ours and has another name.
    """

    usual: dict[tuple[str, str], str] = field(default_factory=dict)
    chosen: dict[str, str] = field(default_factory=dict)

    def written(self, usual: str) -> str:
        """The name that the directory writes for a flavor."""
        return self.chosen.get(usual, usual)


def meaning_of(
    live: LiveCluster, pools: Sequence[Pool], catalogue: Mapping[str, AcceleratorSpec], notes: Notes
) -> Meaning:
    """Match live flavors with those of the pools: by their nodes, by the device, by the name."""
    bodies = {name_of(body): body for body in live.flavors}
    meaning = Meaning()
    for queue in (*live.cluster_queues, *live.cohorts):
        for flavor, resource, _ in quotas_of(queue):
            found = _usual(bodies.get(flavor, {}), flavor, resource, pools, catalogue)
            if found is None:
                notes.add(queue, f"its quota of {resource} in flavor {flavor}: no pool of these nodes offers that")
            else:
                meaning.usual[flavor, resource] = found
    _choose_names(meaning, notes)
    for queue in live.cluster_queues:
        _say_stop(queue, meaning, notes)
    return meaning


def _say_stop(queue: Body, meaning: Meaning, notes: Notes) -> None:
    """Note what a queue would no longer count under the name that it has now: while work holds it, nobody adopts it."""
    lost = {
        (flavor, resource): written
        for flavor, resource, _ in quotas_of(queue)
        if (written := meaning.written(meaning.usual.get((flavor, resource), ""))) != flavor
    }
    if not lost:
        return
    told = [
        f"{resource} in {flavor} ({f'in {name} then' if name else 'not at all then'})"
        for (flavor, resource), name in lost.items()
    ]
    held = ", ".join(f"{amount} {resource} in {flavor}" for flavor, resource, amount in _reserved(queue, lost))
    name = name_of(queue)
    now = f" (now: {held})" if held else ""
    notes.warn(
        f"ClusterQueue {name}",
        f"the directory counts otherwise what this queue counts as {', '.join(told)}. "
        f"`allot adopt clusterqueue/{name}` is held back while work holds that{now}: {HOLD_AND_WAIT.format(name)}",
    )


def _reserved(queue: Body, wanted: Mapping[tuple[str, str], str]) -> Iterator[tuple[str, str, str]]:
    for flavor in (queue.get("status") or {}).get("flavorsReservation") or ():
        for resource in flavor.get("resources") or ():
            amount = str(resource.get("total", "0"))
            if (flavor["name"], resource["name"]) in wanted and amount != "0":
                yield flavor["name"], resource["name"], amount


def quotas_of(queue: Body) -> Iterator[tuple[str, str, Body]]:
    """Flavor, resource and quota of everything that a ClusterQueue or Cohort counts."""
    for group in queue.get("spec", {}).get("resourceGroups") or ():
        for flavor in group.get("flavors") or ():
            for resource in flavor.get("resources") or ():
                yield flavor["name"], resource["name"], resource


def _usual(
    body: Body, name: str, resource: str, pools: Sequence[Pool], catalogue: Mapping[str, AcceleratorSpec]
) -> str | None:
    if resource in PLAIN:
        return labels.CPU_FLAVOR
    offering = [pool for pool in pools if _resource(pool, catalogue) == resource]
    selector: dict[str, Any] = body.get("spec", {}).get("nodeLabels") or {}
    by_node = nodes_with(selector, offering) if selector else []
    words = set(re.split(r"[^a-z0-9]+", name.lower()))
    by_name = [pool for pool in offering if set(str(pool.shape.accelerator).split("-")) <= words]
    for candidates in (by_node, by_name, offering):
        flavors = {pool.flavor for pool in candidates}
        if len(flavors) == 1:
            return flavors.pop()
    return None


def _resource(pool: Pool, catalogue: Mapping[str, AcceleratorSpec]) -> str:
    return catalogue[pool.shape.accelerator].resource_name if pool.shape.accelerator else ""


def _choose_names(meaning: Meaning, notes: Notes) -> None:
    """Keep a live flavor's name where it alone stands for one of ours. Devices come first: it chooses their nodes."""
    by_usual: dict[str, set[str]] = {}
    for (name, _), usual in meaning.usual.items():
        by_usual.setdefault(usual, set()).add(name)
    taken: set[str] = set()
    for usual in sorted(by_usual, key=lambda usual: (usual == labels.CPU_FLAVOR, usual)):
        names = by_usual[usual]
        if len(names) > 1:
            notes.say(f"ResourceFlavors {', '.join(sorted(names))}", f"one flavor in the directory: {usual}")
        (name, *more) = sorted(names)
        if not more and name not in taken and is_dns_label(name):
            taken.add(name)
            if name != usual:
                meaning.chosen[usual] = name
        elif not more and name in taken:
            notes.say(
                f"ResourceFlavor {name}", f"counts CPU and memory beside devices; the directory counts these in {usual}"
            )
