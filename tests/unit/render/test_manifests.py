from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings

from allotment.errors import ConflictError
from allotment.model import labels
from allotment.model.cluster import QueueLayout
from allotment.model.manifest import Family
from allotment.model.names import is_dns_subdomain
from allotment.model.platform import Platform
from allotment.model.reading import WORD_READER
from allotment.model.team import Isolation
from allotment.render.manifests import render
from allotment.render.protection import KEPT
from allotment.render.yaml_text import to_documents
from tests.by_day import by_day
from tests.unit import builders as build
from tests.unit.render.looking import rendered
from tests.unit.render.reference import reference
from tests.unit.strategies import platforms

ROUNDS = settings(max_examples=by_day(15), deadline=None)


@ROUNDS
@given(platforms())
def test_the_same_input_gives_the_same_bytes(platform: Platform) -> None:
    once, again = rendered(platform), rendered(platform)
    assert to_documents(manifest.body for manifest in once) == to_documents(manifest.body for manifest in again)


@ROUNDS
@given(platforms())
def test_the_order_of_teams_in_the_directory_does_not_matter(platform: Platform) -> None:
    backwards = replace(platform, teams=tuple(reversed(platform.teams)))
    assert [item.body for item in rendered(platform)] == [item.body for item in rendered(backwards)]


@ROUNDS
@given(platforms())
def test_objects_are_sorted_and_unique(platform: Platform) -> None:
    objects = list(rendered(platform))
    order = [(item.family.value, item.team or "", item.key) for item in objects]
    assert order == sorted(order)
    assert len({item.key for item in objects}) == len(objects)


@ROUNDS
@given(platforms())
def test_every_object_carries_inventory_and_bill(platform: Platform) -> None:
    for item in rendered(platform):
        found = item.body["metadata"]["labels"]
        assert found[labels.MANAGED_BY] == labels.MANAGED_BY_VALUE
        assert found[labels.PLATFORM] == platform.name
        assert found[labels.FAMILY] == item.family.value
        if item.team is not None:
            team = platform.team(item.team)
            assert team is not None
            assert [found[key] for key in labels.BILLING_LABELS] == [
                team.name,
                team.projects[0].name,
                team.cost_center,
                team.placements[0].environment.value,
            ]


@ROUNDS
@given(platforms())
def test_every_object_of_a_team_is_in_its_namespaces_or_named_after_it(platform: Platform) -> None:
    for item in rendered(platform):
        if item.team is not None:
            team = platform.team(item.team)
            assert team is not None
            named = {*team.namespaces, team.queue, f"{WORD_READER}-{team.id}"}
            assert item.key.namespace in team.namespaces or item.key.name in named


@ROUNDS
@given(platforms())
def test_objects_are_plain_json_with_legal_names(platform: Platform) -> None:
    for item in rendered(platform):
        assert json.loads(json.dumps(item.body)) == item.body
        assert is_dns_subdomain(item.key.name)


def test_a_team_of_another_cluster_leaves_no_trace() -> None:
    platform = build.platform(
        clusters=[build.cluster("dev"), build.cluster("prod")],
        teams=[build.team("nlp"), build.team("cv", placements=[build.placement("prod")])],
    )
    assert {item.team for item in rendered(platform, "dev")} == {None, "nlp"}


def test_a_cluster_without_teams_has_the_platforms_objects() -> None:
    families = {item.family for item in rendered(build.platform(teams=[]))}
    assert families == {
        Family.KUEUE, Family.NAMESPACES, Family.POLICIES, Family.PRIORITY_CLASSES, Family.RBAC, Family.STORAGE,
    }  # fmt: skip


def test_two_objects_of_one_identity_are_refused_with_both_owners() -> None:
    cluster = build.cluster(queue_layout=QueueLayout.SHARED, cohorts=())
    team = build.team("shared", isolation=Isolation.NODE_POOL, placements=[build.placement(cohort=None)])
    with pytest.raises(ConflictError) as caught:
        rendered(build.platform(clusters=[cluster], teams=[team]))
    assert "ClusterQueue.kueue.x-k8s.io shared" in caught.value.what
    assert "team shared (kueue)" in caught.value.what
    assert "the platform (kueue)" in caught.value.what


def test_all_families_are_rendered() -> None:
    platform = reference()
    assert {item.family for item in render(platform, platform.clusters[0])} == set(Family)


LEAVING_FORM = [
    ("ClusterQueue", "old"),
    ("LocalQueue", "default"),
    ("Namespace", "old"),
    ("NetworkPolicy", "allotment-default-deny"),
    ("ResourceQuota", "allotment-quota"),
    ("ServiceAccount", "default"),
    ("PersistentVolumeClaim", "datasets"),
]


def test_what_stays_of_a_leaving_team() -> None:
    team = build.team("old", offboarding=build.Offboarding(dt.date(2027, 1, 31)))
    found = [(item.key.kind, item.key.name) for item in rendered(build.platform(teams=[team])) if item.team == "old"]
    assert found == LEAVING_FORM


def test_what_a_leaving_team_keeps_no_sync_deletes() -> None:
    """And nothing else is kept from it: an opening or a right that is no longer declared goes at once."""
    manifests = rendered(build.platform(teams=[build.team("old")]))
    marked = [item for item in manifests if item.body["metadata"].get("annotations", {}).items() >= KEPT.items()]
    assert [(item.key.kind, item.key.name) for item in marked if item.team == "old"] == LEAVING_FORM
    assert [item.key.name for item in marked if item.team is None] == [labels.SYSTEM_NAMESPACE]
    assert KEPT == {
        "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
        "kustomize.toolkit.fluxcd.io/prune": "disabled",
    }
