"""Where a directory declares what goes back to its owner."""

from __future__ import annotations

import pytest

from allotment.model.source import SourceTree
from allotment.spec.mentions import mentions

CLUSTERS = """\
kind: Cluster
name: prod
purpose: training
region: r
names:
  flavors:
    cpu: cpu-pool
  queues: {one: team-one}
warnNamespaces: [a, b]
withoutNetworkPolicies:
  - b
cohorts:
  - name: shared
nodePools:
  - {name: cpu, cpu: 8, memory: 32Gi, maxNodes: 1}
---
kind: Cluster
name: dev
purpose: training
region: r
nodePools:
  - {name: cpu, cpu: 8, memory: 32Gi, maxNodes: 1}
"""
TEAMS = """\
kind: Team
name: one
costCenter: c
namespaces: [a, b]
placements:
  prod: {}
podSecurity: {level: baseline, reason: r, namespaces: [b], until: 2999-01-01}
---
kind: Team
name: two
costCenter: c
placements:
  dev: {}
  prod: {}
"""
WHILE = (
    "while work with accelerators runs there: without it policies refuse that work's replacement pods; take it out "
    "once it has ended"
)
GRANT = """\
kind: Grant
name: g
team: two
from: 2027-01-01T00:00:00Z
gpus: [{cluster: dev, flavor: a100, devices: 1}, {cluster: prod, flavor: a100, devices: 1}]
takenFrom:
  - {team: one, cluster: prod, flavor: a100, devices: 1}
"""
TREE = SourceTree(
    {"platform.yaml": "kind: Platform\nname: acme\n", "clusters.yaml": CLUSTERS, "teams.yaml": TEAMS, "g.yaml": GRANT}
)


@pytest.mark.parametrize(
    ("cluster", "kind", "name", "found"),
    [
        (
            "prod",
            "Namespace",
            "b",
            [
                "teams.yaml:4 take b out of namespaces",
                "teams.yaml:6 or take prod out of placements, if one shall have nothing there",
                "teams.yaml:7 take b out of podSecurity",
                "g.yaml:7 and prod out of the grant g, if it goes out of one's placements",
                "clusters.yaml:11 take b out of withoutNetworkPolicies",
                f"clusters.yaml:9 keep b in warnNamespaces {WHILE}",
            ],
        ),
        (
            "dev",
            "Namespace",
            "two",
            [
                "teams.yaml:10 give the team another namespace: namespaces: [NAME]",
                "teams.yaml:13 or take dev out of placements, if two shall have nothing there",
                "g.yaml:5 and dev out of the grant g, if it goes out of two's placements",
            ],
        ),
        ("dev", "Namespace", "a", []),
        (
            "prod",
            "ResourceFlavor",
            "cpu-pool",
            ["clusters.yaml:7 choose another name: names: {flavors: {cpu: NAME}}"],
        ),
        ("prod", "ClusterQueue", "team-one", ["clusters.yaml:8 choose another name: names: {queues: {one: NAME}}"]),
        ("dev", "ClusterQueue", "two", ["clusters.yaml:17 choose another name: names: {queues: {two: NAME}}"]),
        ("prod", "Cohort", "shared", ["clusters.yaml:13 give the cohort another name than shared"]),
        ("prod", "ResourceQuota", "team", []),
        ("elsewhere", "Namespace", "a", []),
    ],
)
def test_places(cluster: str, kind: str, name: str, found: list[str]) -> None:
    assert [f"{each.file}:{each.line} {each.advice}" for each in mentions(TREE, cluster, kind, name)] == found


def test_what_keeps_running_work_going_is_no_clean_up() -> None:
    found = mentions(TREE, "prod", "Namespace", "b")
    assert [each.line for each in found if each.stays] == [9]
