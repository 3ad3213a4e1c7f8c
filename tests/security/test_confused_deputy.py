"""Attack row 3: what a team writes about itself never makes Allotment act outside the team.

Whoever reviews a team's file must not have to think about what else it could render: the kinds are an allow-list, the
namespace is ours to set, and the text of the tree holds no document that the manifests do not.
"""

from __future__ import annotations

import datetime as dt

import yaml
from hypothesis import given, settings

from allotment.adapters.clock import FixedClock
from allotment.adapters.kube.fake import FakeKube
from allotment.model.manifest import key_of
from allotment.model.platform import Platform
from allotment.model.reading import WORD_READER
from allotment.operations.prove.proving import prove
from allotment.prove.probes import MARK
from allotment.render.gitops import gitops_tree
from allotment.render.manifests import render
from tests.by_day import by_day
from tests.security.subject import Subject
from tests.unit.builders import platform as tiny
from tests.unit.strategies import platforms

IN_THE_NAMESPACE = {
    "LimitRange", "LocalQueue", "NetworkPolicy", "PersistentVolumeClaim", "ResourceQuota", "Role", "RoleBinding",
    "ServiceAccount",
}  # fmt: skip
NAMED_AFTER_THE_TEAM = {"ClusterQueue", "Namespace"}
OF_A_CLUSTER_WITH_ONE_TENANT = {"ClusterRole", "ClusterRoleBinding"}


def check_reach(platform: Platform) -> None:
    for cluster in platform.clusters:
        alone = len(list(platform.teams_in(cluster.name))) == 1
        for item in render(platform, cluster):
            if item.team is None:
                continue
            team = platform.team(item.team)
            assert team is not None
            key = item.key
            if key.kind in NAMED_AFTER_THE_TEAM:
                assert not key.namespace
                assert key.name in ({team.queue} if key.kind == "ClusterQueue" else team.namespaces)
            elif key.name == f"{WORD_READER}-{team.id}":
                # Of the whole cluster, and to names of classes alone (docs/decisions/0019): for the team's own groups.
                assert key.kind == "ClusterRoleBinding"
                assert item.body["roleRef"]["name"] == WORD_READER
                assert {each["name"] for each in item.body["subjects"]} <= set(team.groups.all)
            elif key.kind in OF_A_CLUSTER_WITH_ONE_TENANT:
                assert alone, f"{key} reaches over a cluster that is shared"
            else:
                assert key.kind in IN_THE_NAMESPACE, f"{key} is no kind for a team"
                assert key.namespace in team.namespaces


def test_a_teams_objects_stay_in_its_reach(subject: Subject) -> None:
    check_reach(subject.platform)


@settings(max_examples=by_day(25), deadline=None)
@given(platforms())
def test_whatever_a_team_declares_its_objects_stay_in_its_reach(platform: Platform) -> None:
    check_reach(platform)


def test_the_tree_read_back_holds_the_manifests_and_nothing_else(subject: Subject) -> None:
    """A value that broke out of its place would show up as a further document or another identity."""
    tree = gitops_tree(subject.platform, [subject.manifests])
    written = [
        body
        for path, text in tree.items()
        if path.endswith(".yaml") and "kustomization" not in path and not path.startswith(("flux/", "argocd/"))
        # What Flux applies first stands in the bases, too.
        if "/gate/" not in path
        for body in yaml.load_all(text, Loader=yaml.CSafeLoader)
    ]
    assert {key_of(body): body for body in written} == {item.key: item.body for item in subject.manifests}
    assert len(written) == len(subject.manifests.objects)


def test_prove_changes_nothing_but_its_own_marked_objects() -> None:
    """Probes act as the team's people. What is written for real carries our mark, and is deleted again."""
    declared = tiny()
    kube = FakeKube(rights=lambda _identity, _question: True)
    for item in render(declared, declared.clusters[0]):
        kube.put(item.body)
    kube.calls.clear()
    prove(declared, declared.clusters[0], kube, FixedClock(dt.datetime(2026, 11, 22, tzinfo=dt.UTC)))
    tried = [call for call in kube.calls if call.verb in {"create", "patch", "delete"}]
    assert any(call.identity is not None and call.dry_run for call in tried)
    for call in tried:
        if not call.dry_run and call.verb == "create":
            assert call.body is not None
            assert MARK in call.body["metadata"]["labels"]
