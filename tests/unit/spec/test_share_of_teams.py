"""What the people of some teams may read of a platform directory stands by itself, and names no other team."""

from __future__ import annotations

import itertools

import pytest

from allotment.model.source import SourceTree
from allotment.spec.load import load_platform
from allotment.spec.share_of_teams import share_of
from allotment.wiring import directory
from allotment.wiring.running import example_platform

ACME = directory(example_platform()).read()
TEAMS = tuple(each.name for each in load_platform(ACME).platform.teams)


@pytest.mark.parametrize(
    "teams", [frozenset(some) for size in range(len(TEAMS) + 1) for some in itertools.combinations(TEAMS, size)]
)
def test_it_is_valid_and_holds_those_teams_alone(teams: frozenset[str]) -> None:
    share = share_of(ACME, teams)
    platform = load_platform(share).platform
    whole = load_platform(ACME).platform
    assert {each.name for each in platform.teams} == teams
    for name in teams:
        assert platform.team(name) == whole.team(name)
    (text,) = share.files.values()
    for other in set(TEAMS) - teams:
        assert f'"{other}"' not in text
        assert f"acme-{other}" not in text
    assert platform.accelerators == whole.accelerators
    assert platform.admin_groups == ()


def test_pools_and_words_of_others_are_left_out() -> None:
    cluster = """\
kind: Cluster
name: one
purpose: training
region: here
context: https://user:password@10.0.0.1
flavorOrder: [a100-on-demand]
warnNamespaces: [team-cv]
nodePools:
  - {name: cpu, cpu: 8, memory: 32Gi, maxNodes: 2}
  - {name: of-cv, cpu: 8, memory: 32Gi, maxNodes: 2, dedicatedTo: cv} # cv's own
names: {queues: {cv: queue-of-cv, nlp: queue-of-nlp}}
overrides: {teams: {cv: {weight: 2}}}
---
kind: Cluster
name: two
purpose: training
region: here
nodePools:
  - {name: of-cv, cpu: 8, memory: 32Gi, maxNodes: 2, dedicatedTo: cv}
"""
    (text,) = share_of(SourceTree({"c.yaml": cluster, "README.md": "cv"}), frozenset({"nlp"})).files.values()
    assert "cv" not in text
    assert "10.0.0.1" not in text
    assert "queue-of-nlp" in text
    assert '"two"' not in text
