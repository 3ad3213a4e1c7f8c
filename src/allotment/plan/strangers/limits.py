"""Limits, walls and doors beside ours, in team namespaces; and namespaces that pass for a team's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from allotment.model import labels
from allotment.model.manifest import Body, key_of
from allotment.plan.strangers.grounds import Grounds, cohort_of
from allotment.plan.strangers.stranger import Live, Stranger

_WHY: Final[Mapping[str, str]] = {
    "LimitRange": "its defaults and bounds join ours, and change what pods ask for",
    "NetworkPolicy": "network policies only add openings, so it may open the wall",
    "ResourceQuota": "it refuses work that the platform promises",
    "LocalQueue": "it is another way to quota than the team's own LocalQueue",
}


def limits(live: Live, around: Grounds) -> Iterator[Stranger]:
    """What no tenant may make, and we did not."""
    for kind, why in _WHY.items():
        for body in live.of(kind):
            key, team = key_of(body), around.team(body["metadata"]["namespace"])
            if team and key not in around.declared:
                yield Stranger(key, team, _what(body), why, "delete it")
    for body in live.of("Namespace"):
        key, marks = key_of(body), body["metadata"].get("labels") or {}
        # Namespaces of our inventory are the plan's, and those of another platform that platform's.
        if key not in around.declared and labels.PLATFORM not in marks and labels.TENANT in marks:
            what = f"passes for one of team {marks[labels.TENANT]}"
            yield Stranger(
                key, "", what, "queues and policies treat it as that", f"take the label {labels.TENANT} off it"
            )


def _what(body: Mapping[str, Any]) -> str:
    if body["kind"] == "LocalQueue":
        return f"is not ours, and leads to ClusterQueue {(body.get('spec') or {}).get('clusterQueue', '')}"
    return "is not ours"


def queues(live: Live, around: Grounds) -> Iterator[Stranger]:
    """Quota beside ours, on our devices or in our cohorts."""
    for body in live.of_kinds("ClusterQueue", "Cohort"):
        if key_of(body) in around.declared:
            continue
        cohort = _joins(body)
        flavors = sorted(_flavors(body) & around.flavors)
        if cohort in around.cohorts:
            why = "its quota can be borrowed from, and lent to, by the teams' queues"
            yield Stranger(key_of(body), "", f"is not ours, and joins cohort {cohort}", why, "delete it")
        elif flavors:
            why = "it admits work on devices that the teams were promised"
            yield Stranger(key_of(body), "", f"is not ours, and has quota of {', '.join(flavors)}", why, "delete it")


def _joins(body: Body) -> str:
    if body["kind"] == "ClusterQueue":
        return cohort_of(body)
    spec = body.get("spec") or {}
    return str(spec.get("parentName") or spec.get("parent") or "")


def _flavors(body: Body) -> frozenset[str]:
    groups = (body.get("spec") or {}).get("resourceGroups") or ()
    return frozenset(flavor["name"] for group in groups for flavor in group.get("flavors") or ())
