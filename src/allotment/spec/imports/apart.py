"""Namespaces that share a ClusterQueue and are not one team's: a team is who may read each other's Secrets and data.

A team's groups are bound in all its namespaces. So namespaces are one team's only where that lets nobody into one in
which he is not now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from allotment.model import labels
from allotment.model.manifest import Body
from allotment.spec.imports.live import LiveCluster, in_spaces, marks_of, name_of

ROLES: Final[Mapping[str, str]] = {"admin": "owners", "edit": "members", "view": "viewers"}
"""Kubernetes' own ClusterRoles → what the groups that they are bound to are declared as."""

_TEAM_LABELS: Final = (labels.TENANT, "team", "tenant")


def bound_groups(binding: Body) -> Iterator[tuple[str, str]]:
    """Role in the directory, and group, of everybody in a binding whom a directory can name."""
    ref = binding.get("roleRef", {})
    role = ROLES.get(ref.get("name", "")) if ref.get("kind") == "ClusterRole" else None
    for subject in binding.get("subjects") or ():
        name = subject.get("name", "")
        if role is not None and subject.get("kind") == "Group" and not name.startswith("system:"):
            yield role, name


def parted(live: LiveCluster, spaces: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Namespaces by whose they are: those with the same label of a team, and the same groups in the same roles."""
    marks = {name_of(body): marks_of(body) for body in live.namespaces}
    parts: dict[object, list[str]] = {}
    for space in spaces:
        label = tuple(marks.get(space, {}).get(key, "") for key in _TEAM_LABELS)
        groups = frozenset(one for binding in in_spaces(live.bindings, (space,)) for one in bound_groups(binding))
        parts.setdefault((label, groups), []).append(space)
    return tuple(map(tuple, parts.values()))


def owner_first(live: LiveCluster, queue: str, parts: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    """The same, whoever keeps the queue first: who has its name, else whose the most pods are."""
    marks = {name_of(body): marks_of(body) for body in live.namespaces}

    def rank(part: tuple[str, ...]) -> tuple[bool, int]:
        named = queue in part or any(marks.get(space, {}).get(key) == queue for space in part for key in _TEAM_LABELS)
        pods = sum(facts.pods for space, facts in live.pods.items() if space in part)
        return not named, -pods

    return tuple(sorted(parts, key=rank))


def why_apart(live: LiveCluster, one: tuple[str, ...], other: tuple[str, ...]) -> str:
    """What tells two parts apart, in words."""
    marks = {name_of(body): marks_of(body) for body in live.namespaces}
    for key in _TEAM_LABELS:
        mine, theirs = (marks.get(part[0], {}).get(key, "") for part in (one, other))
        if mine != theirs:
            return f"the label {key} differs ({mine or 'none'}, {theirs or 'none'})"
    return f"their people differ ({_people(live, one[0])}; {_people(live, other[0])})"


def _people(live: LiveCluster, space: str) -> str:
    found = sorted({group for binding in in_spaces(live.bindings, (space,)) for _, group in bound_groups(binding)})
    return f"{', '.join(found) or 'no group'} bound in {space}"
