"""A platform directory as the people of some teams may read it: valid by itself, and without the others.

Job files are checked against it where a server is asked from elsewhere. Comments go, for they may name anybody, and so
does how clusters are reached.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from allotment.model.source import SourceTree, is_read
from allotment.spec import documents

_FILE: Final = "platform.yaml"
_NOT_TOLD: Final = "Approvals"
"""The kind that says who decides for whom."""
_OF_ADMINISTRATORS: Final[Mapping[str, tuple[str, ...]]] = {
    "Platform": ("adminGroups", "auditorGroups", "gitops", "accepted", "include"),
    "Cluster": ("context", "warnNamespaces", "withoutNetworkPolicies"),
    "Grant": ("takenFrom", "reason"),
}
"""Fields by kind: groups, where things are reached, namespaces of others, and of whom something was taken."""


def share_of(tree: SourceTree, teams: frozenset[str]) -> SourceTree:
    """What these teams' people may read of it, in one file.

    Args:
        tree: a valid directory.
        teams: by name.
    """
    told = [text for each in _documents(tree) if (text := _told(each, teams)) is not None]
    return SourceTree({_FILE: "---\n".join(told)})


def _documents(tree: SourceTree) -> Iterator[Mapping[str, Any]]:
    for path, text in sorted(tree.files.items()):
        if is_read(path):
            yield from (each.data for each in documents.parse(path, text).documents if isinstance(each.data, dict))


def _told(document: Mapping[str, Any], teams: frozenset[str]) -> str | None:
    kind = document.get("kind")
    if kind == _NOT_TOLD or (kind == "Team" and document.get("name") not in teams):
        return None
    if kind == "Grant" and document.get("team") not in teams:
        return None
    kept = {key: value for key, value in document.items() if key not in _OF_ADMINISTRATORS.get(str(kind), ())}
    if kind == "Cluster":
        kept = _of_cluster(kept, teams)
        if not kept["nodePools"]:
            return None
    elif kind == "SlurmCluster" and isinstance(kept.get("accounts"), dict):
        kept["accounts"] = _of_teams(kept["accounts"], teams)
    # JSON is YAML, whatever stands in its texts.
    return f"{json.dumps(kept)}\n"


def _of_cluster(cluster: dict[str, Any], teams: frozenset[str]) -> dict[str, Any]:
    kept = dict(cluster)
    for key, inner in (("overrides", "teams"), ("names", "queues")):
        found = kept.get(key)
        if isinstance(found, dict) and isinstance(found.get(inner), dict):
            kept[key] = {**found, inner: _of_teams(found[inner], teams)}
    pools = kept.get("nodePools") or []
    kept["nodePools"] = [each for each in pools if _is_theirs(each, teams)]
    if len(kept["nodePools"]) < len(pools):
        kept.pop("flavorOrder", None)  # it may name those of a pool that is gone
    return kept


def _is_theirs(pool: Any, teams: frozenset[str]) -> bool:
    owner = pool.get("dedicatedTo") if isinstance(pool, dict) else None
    return owner is None or owner in teams


def _of_teams(found: Mapping[str, Any], teams: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name in teams}
