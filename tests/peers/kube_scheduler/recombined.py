"""New scenarios from recorded ones: the cluster of one with the pods of others, and other priorities."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]

MOST_PODS = 30
PRIORITIES = (-100, 0, 100, 1000, 100_000)


def recombined(recorded: Sequence[Json], seed: int) -> list[Json]:
    """One scenario for each recorded one, without answers; all of the same class."""
    chance = random.Random(seed)
    return [_mixed(own, chance.choice(recorded), chance.choice(recorded), chance) for own in recorded]


def _mixed(own: Json, second: Json, third: Json, chance: random.Random) -> Json:
    result = {key: value for key, value in own.items() if key != "answers"}
    pods = [*own["pods"], *second["pods"], *third["pods"]]
    chance.shuffle(pods)
    result["pods"] = _at_home(pods[:MOST_PODS], own, (second, third), chance)
    result["existing"] = [dict(pod) for pod in own["existing"]]
    if second.get("pdbs") and chance.random() < 0.5:
        result["pdbs"] = second["pdbs"]
    if chance.random() < 0.3:
        for pod in [*result["pods"], *result["existing"]]:
            if chance.random() < 0.5:
                pod["priority"] = chance.choice(PRIORITIES)
    return result


def _at_home(pods: list[Json], own: Json, others: tuple[Json, Json], chance: random.Random) -> list[Json]:
    """The pods under names of their own, with the nodes they name exchanged for nodes of this cluster."""
    names = [node["name"] for node in own["nodes"]]
    foreign = sorted({node["name"] for other in others for node in other["nodes"]} - set(names))
    text = json.dumps(pods)
    for name in foreign:
        text = text.replace(f'"{name}"', f'"{chance.choice(names)}"')
    renamed: list[Json] = json.loads(text)
    return [{**pod, "name": f"q{i:02d}"} for i, pod in enumerate(renamed)]
