"""Where a directory declares what goes back to its owner."""

from __future__ import annotations

import pytest

from allotment.spec.mentions import mentions
from allotment.spec.source import SourceTree

TREE = SourceTree(
    {
        "platform.yaml": "kind: Platform\nname: acme\n",
        "clusters.yaml": (
            "kind: Cluster\nname: prod\npurpose: training\nnames:\n  flavors:\n    cpu: cpu-pool\n  queues: {one: team-one}\n"
            "warnNamespaces: [a, b]\nwithoutNetworkPolicies:\n  - b\n"
            "cohorts:\n  - name: shared\n"
            "nodePools:\n  - {name: cpu, cpu: 8, memory: 32Gi, maxNodes: 1}\n"
            "---\nkind: Cluster\nname: dev\npurpose: training\nnodePools:\n  - {name: cpu, cpu: 8, memory: 32Gi, maxNodes: 1}\n"
        ),
        "teams.yaml": (
            "kind: Team\nname: one\ncostCenter: c\nnamespaces: [a, b]\nplacements:\n  prod: {}\n"
            "podSecurity: {level: baseline, reason: r, namespaces: [b], until: 2999-01-01}\n"
            "---\nkind: Team\nname: two\ncostCenter: c\nplacements:\n  dev: {}\n  prod: {}\n"
        ),
    }
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
                "clusters.yaml:8 take b out of warnNamespaces",
                "clusters.yaml:10 take b out of withoutNetworkPolicies",
            ],
        ),
        (
            "dev",
            "Namespace",
            "two",
            [
                "teams.yaml:10 give the team another namespace: namespaces: [NAME]",
                "teams.yaml:13 or take dev out of placements, if two shall have nothing there",
            ],
        ),
        ("dev", "Namespace", "a", []),
        (
            "prod",
            "ResourceFlavor",
            "cpu-pool",
            ["clusters.yaml:6 choose another name: names: {flavors: {cpu: NAME}}"],
        ),
        ("prod", "ClusterQueue", "team-one", ["clusters.yaml:7 choose another name: names: {queues: {one: NAME}}"]),
        ("dev", "ClusterQueue", "two", ["clusters.yaml:16 choose another name: names: {queues: {two: NAME}}"]),
        ("prod", "Cohort", "shared", ["clusters.yaml:12 give the cohort another name than shared"]),
        ("prod", "ResourceQuota", "team", []),
        ("elsewhere", "Namespace", "a", []),
    ],
)
def test_places(cluster: str, kind: str, name: str, found: list[str]) -> None:
    assert [f"{each.file}:{each.line} {each.advice}" for each in mentions(TREE, cluster, kind, name)] == found
