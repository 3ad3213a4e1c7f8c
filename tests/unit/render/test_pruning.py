"""What a sync would delete: read from the tree that lies there, before a new one is written over it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import pytest

from allotment.errors import ConflictError, InputError
from allotment.model.manifest import Manifests, ObjectKey
from allotment.model.platform import Platform
from allotment.model.team import Team
from allotment.render.gitops import gitops_tree
from allotment.render.manifests import render
from allotment.render.pruning import Loss, check_consent, losses
from tests.unit import builders as build

CLUSTERS = ("dev", "prod")
Rendered = tuple[Mapping[str, str], tuple[Manifests, ...]]


def platform(*teams: Team, clusters: Sequence[str] = CLUSTERS) -> Platform:
    return build.platform(clusters=[build.cluster(name) for name in clusters], teams=list(teams))


def team(name: str, *, clusters: Sequence[str] = CLUSTERS, leaving: bool = False) -> Team:
    offboarding = build.Offboarding(dt.date(2027, 1, 31)) if leaving else None
    return build.team(name, placements=[build.placement(cluster) for cluster in clusters], offboarding=offboarding)


def tree(of: Platform) -> Rendered:
    manifests = tuple(render(of, cluster) for cluster in of.clusters)
    return gitops_tree(of, manifests), manifests


def lost(before: Platform, after: Platform) -> dict[str, Loss]:
    (old, _), (new, manifests) = tree(before), tree(after)
    return {loss.cluster: loss for loss in losses(old, new, manifests)}


def names(keys: Sequence[ObjectKey]) -> set[tuple[str, str]]:
    return {(key.kind, key.name) for key in keys}


def test_nothing_is_lost_where_nothing_goes() -> None:
    same = platform(team("nlp"), team("cv"))
    assert lost(same, same) == {}
    assert lost(platform(team("nlp")), same) == {}
    new, manifests = tree(same)
    assert losses({}, new, manifests) == ()


def test_an_object_that_moves_between_files_is_not_lost() -> None:
    """In one cluster alone, a team's objects stand elsewhere than where all its clusters have them."""
    both, one = team("nlp"), team("nlp", clusters=["dev"])
    assert set(lost(platform(both), platform(one))) == {"prod"}
    assert lost(platform(one), platform(both)) == {}


@pytest.mark.parametrize("left", [(), ("dev",)], ids=["everywhere", "in one cluster"])
def test_a_team_taken_out_loses_its_access_and_keeps_data_queue_and_walls(left: tuple[str, ...]) -> None:
    staying = [team("nlp", clusters=left)] if left else []
    found = lost(platform(team("nlp"), team("cv")), platform(team("cv"), *staying))
    assert set(found) == set(CLUSTERS) - set(left)
    for loss in found.values():
        assert names(loss.kept) == {
            ("ClusterQueue", "nlp"),
            ("LocalQueue", "default"),
            ("Namespace", "nlp"),
            ("NetworkPolicy", "allotment-default-deny"),
            ("PersistentVolumeClaim", "datasets"),
            ("ResourceQuota", "allotment-quota"),
            ("ServiceAccount", "default"),
        }
        shared = [key for key in loss.deleted if not key.namespace]
        assert names(shared) == {("ClusterRoleBinding", "allotment-word-reader-nlp")}
        rest = set(loss.deleted) - set(shared)
        assert {key.kind for key in rest} == {"LimitRange", "NetworkPolicy", "Role", "RoleBinding"}
        assert {key.namespace for key in rest} == {"nlp"}


def test_a_team_that_leaves_loses_access_only_and_is_taken_out_without_further_loss() -> None:
    here, leaving = platform(team("nlp"), team("cv")), platform(team("nlp", leaving=True), team("cv"))
    leaves, gone = lost(here, leaving), lost(leaving, platform(team("cv")))
    assert set(leaves) == set(gone) == set(CLUSTERS)
    assert all(loss.deleted and not loss.kept for loss in leaves.values())
    assert all(loss.kept and not loss.deleted for loss in gone.values())


def test_what_is_not_marked_in_the_tree_that_lies_there_is_deleted() -> None:
    """It is that tree's marks that are in the cluster; an earlier version wrote none."""
    (old, _), (new, manifests) = tree(platform(team("nlp"))), tree(platform())
    unmarked = {
        path: "".join(line for line in text.splitlines(keepends=True) if "prune:" not in line and "sync-o" not in line)
        for path, text in old.items()
    }
    found = list(losses(unmarked, new, manifests))
    assert len(found) == len(CLUSTERS)
    assert all(("Namespace", "nlp") in names(loss.deleted) and not loss.kept for loss in found)


def test_a_cluster_that_leaves_the_tree_is_said() -> None:
    found = lost(platform(team("nlp")), platform(team("nlp", clusters=["dev"]), clusters=["dev"]))
    assert found == {"prod": Loss("prod", left=True)}


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (Loss("dev", deleted=(ObjectKey("", "LimitRange", "nlp", "limits"),)), "a sync of it would delete 1 object"),
        (Loss("dev", left=True), "it would no longer hold dev"),
        (Loss("dev", kept=(ObjectKey("", "Namespace", "", "nlp"),)), ""),
    ],
    ids=["deleted", "left", "kept"],
)
def test_whoever_loses_something_has_to_want_it(loss: Loss, said: str) -> None:
    if not said:
        check_consent([loss])
        return
    with pytest.raises(ConflictError, match=said) as caught:
        check_consent([loss])
    assert "--allow-prune" in caught.value.fix


@pytest.mark.parametrize(
    "text", ["{", "- a\n- b\n", "kind: Namespace\n", "apiVersion: 1\nkind: A\nmetadata: 3\n", "a: \x00\n"]
)
def test_a_tree_that_somebody_damaged_is_not_guessed_at(text: str) -> None:
    (old, _), (new, manifests) = tree(platform(team("nlp"))), tree(platform(team("nlp")))
    with pytest.raises(InputError, match=r"base/teams/nlp/rbac\.yaml"):
        losses({**old, "base/teams/nlp/rbac.yaml": text}, new, manifests)


def test_a_kustomization_that_takes_itself_is_read_once() -> None:
    (old, _), (new, manifests) = tree(platform()), tree(platform())
    path = "clusters/dev/kustomization.yaml"
    text = "resources: [., ../dev, ../prod, ../../base/platform]\n"
    assert losses({**old, path: text, path.replace("dev", "prod"): text}, new, manifests) == ()
