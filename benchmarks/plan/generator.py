"""A platform directory of any size, always the same for the same numbers."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import yaml

SEED = 20261122
GPUS_PER_TEAM = 4


def write_platform(directory: Path, teams: int, clusters: int) -> None:
    """A platform whose every team has a place in every cluster.

    Args:
        directory: made, or written into.
        teams: how many teams; a file each.
        clusters: how many clusters; a file each, with pools large enough for all teams' quotas.
    """
    chance = random.Random(SEED)
    (directory / "clusters").mkdir(parents=True, exist_ok=True)
    (directory / "teams").mkdir(exist_ok=True)
    _write(directory / "platform.yaml", {"kind": "Platform", "name": "bench", "adminGroups": ["bench-engineers"]})
    names = [f"cluster-{number:02d}" for number in range(clusters)]
    for name in names:
        _write(directory / "clusters" / f"{name}.yaml", _cluster(name, teams))
    for number in range(teams):
        _write(directory / "teams" / f"team-{number:04d}.yaml", _team(f"team-{number:04d}", names, chance))


def _cluster(name: str, teams: int) -> dict[str, Any]:
    nodes = max(1, -(-teams * GPUS_PER_TEAM // 8))
    return {
        "kind": "Cluster",
        "name": name,
        "purpose": "training",
        "region": "eastus",
        "versions": {"kubernetes": "1.36.3", "kueue": "0.19.2"},
        "cohorts": [{"name": "all"}],
        "nodePools": [
            {"name": "system", "cpu": 64, "memory": "256Gi", "maxNodes": nodes},
            {
                "name": "a100",
                "accelerator": "a100",
                "acceleratorsPerNode": 8,
                "cpu": 96,
                "memory": "1800Gi",
                "maxNodes": nodes,
            },
        ],
    }


def _team(name: str, clusters: list[str], chance: random.Random) -> dict[str, Any]:
    placement = {"cpu": 32, "memory": "128Gi", "accelerators": {"a100": {"nominal": chance.randint(1, GPUS_PER_TEAM)}}}
    return {
        "kind": "Team",
        "name": name,
        "costCenter": f"cc-{chance.randint(1000, 9999)}",
        "groups": {"owners": [f"{name}-leads"], "members": [f"{name}-members"], "exec": [f"{name}-oncall"]},
        "projects": [f"{name}-research", f"{name}-product"],
        "storage": {"total": "2Ti", "claims": [{"name": "datasets", "size": "1Ti", "storageClass": "files"}]},
        "contacts": [{"kind": "email", "address": f"{name}@bench.example"}],
        "placements": dict.fromkeys(clusters, placement),
    }


def _write(path: Path, document: dict[str, Any]) -> None:
    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, _data: Any) -> bool:
            return True

    path.write_text(yaml.dump(document, Dumper=Plain, sort_keys=False), encoding="utf-8")
