"""The GitOps tree is only a factoring: every cluster's directory builds back to exactly its manifests."""

from __future__ import annotations

import copy
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.model import labels
from allotment.model.manifest import Family, Manifest, Manifests, ObjectKey, key_of
from allotment.model.names import is_dns_label
from allotment.render.gitops import gitops_tree
from allotment.render.json_patch import patch_between
from allotment.render.manifests import render
from tests.by_day import by_day
from tests.unit.builders import platform


def manifest(
    name: str,
    *,
    team: str | None = None,
    space: str | None = None,
    family: Family = Family.RBAC,
    version: str = "v1",
    **data: Any,
) -> Manifest:
    marks = {labels.MANAGED_BY: labels.MANAGED_BY_VALUE, "environment": data.pop("environment", "development")}
    if team:
        marks[labels.TEAM] = team
    metadata = {"name": name, "labels": marks, **({"namespace": space or team} if team else {})}
    return Manifest(family, team, {"apiVersion": version, "kind": "ConfigMap", "metadata": metadata, "data": data})


def build(tree: Mapping[str, str], directory: str) -> dict[ObjectKey, Any]:
    """What `kustomize build` does with the features the tree uses; the real one is run in tests/live/gitops."""
    kustomization = yaml.safe_load(tree[f"{directory}/kustomization.yaml"])
    objects: dict[ObjectKey, Any] = {}
    for resource in kustomization.get("resources", []):
        path = posixpath.normpath(f"{directory}/{resource}")
        found = build(tree, path).values() if f"{path}/kustomization.yaml" in tree else yaml.safe_load_all(tree[path])
        for body in found:
            assert key_of(body) not in objects, f"{key_of(body)} twice in {directory}"
            objects[key_of(body)] = body
    for patch in kustomization.get("patches", []):
        operations = yaml.safe_load(tree[f"{directory}/{patch['path']}"])
        targets = [body for body in objects.values() if selected(body, patch["target"])]
        assert targets, patch
        for body in targets:
            apply_patch(body, operations)
    return objects


def selected(body: Mapping[str, Any], target: Mapping[str, str]) -> bool:
    if "labelSelector" in target:
        wanted = dict(part.split("=") for part in target["labelSelector"].split(","))
        return wanted.items() <= body["metadata"]["labels"].items()
    return target["name"].replace("\\", "") == body["metadata"]["name"] and target.get("namespace", "") == body[
        "metadata"
    ].get("namespace", "")


def apply_patch(body: dict[str, Any], operations: list[dict[str, Any]]) -> None:
    for operation in operations:
        *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        place: Any = body
        for part in parents:
            place = place[part]
        if operation["op"] == "remove":
            del place[last]
        else:
            assert (last in place) == (operation["op"] == "replace"), operation
            place[last] = operation["value"]


def assert_builds_back(clusters: list[Manifests]) -> Mapping[str, str]:
    tree = gitops_tree(platform(), clusters)
    for manifests in clusters:
        wanted = {item.key: item.body for item in manifests}
        assert build(tree, f"clusters/{manifests.cluster}") == wanted
    return tree


DATA = st.dictionaries(st.sampled_from(["a", "b/c", "~d"]), st.sampled_from(["1", "2"]), max_size=3)
OBJECTS = st.dictionaries(
    st.tuples(
        st.sampled_from(["x", "y.z"]),
        st.sampled_from([(None, None), ("nlp", "nlp"), ("nlp", "nlp-serving"), ("cv", "vision")]),
    ),
    st.tuples(DATA, st.sampled_from(["v1", "v2"]), st.sampled_from(["development", "production"])),
    max_size=6,
)


@given(st.lists(OBJECTS, min_size=1, max_size=4))
@settings(max_examples=by_day(100), deadline=None)
def test_every_cluster_builds_back(clusters: list[dict[tuple[str, tuple[str | None, str | None]], Any]]) -> None:
    assert_builds_back(
        [
            Manifests(
                f"c{number}",
                tuple(
                    manifest(name, team=team, space=space, version=version, environment=environment, **data)
                    for (name, (team, space)), (data, version, environment) in objects.items()
                ),
            )
            for number, objects in enumerate(clusters)
        ]
    )


def test_one_environment_label_is_one_patch() -> None:
    dev = [manifest(name, team="nlp") for name in ("a", "b", "c")]
    prod = [manifest(name, team="nlp", environment="production") for name in ("a", "b", "c")]
    tree = assert_builds_back([Manifests("dev", tuple(dev)), Manifests("prod", tuple(prod))])
    assert [path for path in tree if "patches" in path] == ["clusters/prod/patches/team-nlp/all.yaml"]


def test_objects_of_one_name_in_two_namespaces_of_a_team_have_a_patch_each() -> None:
    spaces = {"nlp": "1", "nlp-serving": "2"}
    dev = [manifest("a", team="nlp", space=space, size="0") for space in spaces]
    prod = [manifest("a", team="nlp", space=space, size=size) for space, size in spaces.items()]
    tree = assert_builds_back([Manifests("dev", tuple(dev)), Manifests("prod", tuple(prod))])
    folder = "clusters/prod/patches/team-nlp"
    assert [path for path in tree if "patches" in path] == [
        f"{folder}/configmap-a.yaml",
        f"{folder}/nlp-serving/configmap-a.yaml",
    ]


def test_what_all_shared_objects_differ_in_leaves_an_object_of_one_cluster_alone() -> None:
    dev = [manifest(name, team="nlp", size="1") for name in ("a", "b")]
    prod = [*(manifest(name, team="nlp", size="2") for name in ("a", "b")), manifest("c", team="nlp", size="1")]
    assert_builds_back([Manifests("dev", tuple(dev)), Manifests("prod", tuple(prod))])


def test_adding_a_team_touches_one_line_besides_its_own_directory() -> None:
    before = [Manifests("dev", (manifest("a", team="nlp"), manifest("p"))), Manifests("prod", (manifest("p"),))]
    after = [Manifests("dev", (*before[0].objects, manifest("a", team="cv"))), before[1]]
    old, new = assert_builds_back(before), assert_builds_back(after)
    changed = {path for path in new if new[path] != old.get(path)}
    assert changed == {
        "base/teams/cv/kustomization.yaml",
        "base/teams/cv/rbac.yaml",
        "clusters/dev/kustomization.yaml",
    }


def test_the_same_input_gives_the_same_bytes() -> None:
    clusters = [Manifests("dev", tuple(manifest(name) for name in "abc"))]
    assert dict(gitops_tree(platform(), clusters)) == dict(gitops_tree(platform(), copy.deepcopy(clusters)))


@pytest.mark.parametrize(
    ("old", "new", "operations"),
    [
        ({}, {}, []),
        ({"a": 1}, {"a": 2}, [("replace", "/a", 2)]),
        ({"a": 1}, {}, [("remove", "/a", None)]),
        ({}, {"a/b~c": {"d": 1}}, [("add", "/a~1b~0c", {"d": 1})]),
        ({"a": {"b": [1]}}, {"a": {"b": [1, 2]}}, [("replace", "/a/b", [1, 2])]),
        ({"a": {"b": 1}}, {"a": 3}, [("replace", "/a", 3)]),
    ],
)
def test_patch_between(old: dict[str, Any], new: dict[str, Any], operations: list[tuple[str, str, Any]]) -> None:
    assert [(item.op, item.path, item.value) for item in patch_between(old, new)] == operations


def entries(name: str, clusters: Sequence[str]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The objects of the first cluster's Flux file, and Argo CD's ApplicationSet."""
    tree = gitops_tree(replace(platform(), name=name), [Manifests(one, (manifest("p"),)) for one in clusters])
    return list(yaml.safe_load_all(tree[f"flux/{clusters[0]}.yaml"])), yaml.safe_load(
        tree["argocd/applicationset.yaml"]
    )


def test_entry_points_name_the_repository() -> None:
    (source, kustomization), argo = entries("acme", ["dev"])
    assert source["spec"]["url"] == platform().gitops.repository
    assert kustomization["spec"]["path"].endswith("clusters/dev")
    assert [element["cluster"] for element in argo["spec"]["generators"][0]["list"]["elements"]] == ["dev"]


def test_entry_points_delete_nothing_when_they_go_and_take_nothing_over_by_force() -> None:
    (_source, kustomization), argo = entries("acme", ["dev"])
    assert (kustomization["spec"]["force"], kustomization["spec"]["deletionPolicy"]) == (False, "Orphan")
    assert argo["spec"]["syncPolicy"] == {"preserveResourcesOnDeletion": True}
    options = argo["spec"]["template"]["spec"]["syncPolicy"]["syncOptions"]
    assert options == ["ServerSideApply=true", "FailOnSharedResource=true"]


def names(flux: list[dict[str, Any]], argo: dict[str, Any]) -> list[str]:
    applications = [element["application"] for element in argo["spec"]["generators"][0]["list"]["elements"]]
    return [*(body["metadata"]["name"] for body in flux), argo["metadata"]["name"], *applications]


def test_names_of_entry_points_are_what_people_expect() -> None:
    assert names(*entries("acme", ["dev"])) == ["allotment-acme"] * 3 + ["allotment-acme-dev"]


@pytest.mark.parametrize("length", [43, 53, 54, 63])
def test_the_longest_names_fit_a_label_and_stay_their_own(length: int) -> None:
    """Flux labels every object with its Kustomization's name: one that is too long, and nothing is applied."""
    clusters = ["c" * 62 + "1", "c" * 62 + "2"]
    found = {name: names(*entries(name, clusters)) for name in ("p" * (length - 1) + "a", "p" * (length - 1) + "b")}
    assert all(is_dns_label(one) for names in found.values() for one in names)
    one, other = found.values()
    assert not set(one) & set(other)
    assert len(set(one[-2:])) == 2


def test_flux_applies_the_gate_first_and_once() -> None:
    """What keeps it from taking a namespace over is in force before the first namespace is applied."""
    declared = platform()
    clusters = [render(declared, cluster) for cluster in declared.clusters]
    tree = gitops_tree(declared, clusters)
    name = clusters[0].cluster
    _source, gate, rest = yaml.safe_load_all(tree[f"flux/{name}.yaml"])
    assert rest["spec"]["dependsOn"] == [{"name": gate["metadata"]["name"]}]
    assert gate["spec"]["path"].endswith(f"clusters/{name}/gate")
    first = build(tree, f"clusters/{name}/gate")
    assert {key.name for key in first} == {"no-namespace-adoption.allotment.dev"}
    left_out = [yaml.safe_load(patch["patch"]) for patch in rest["spec"]["patches"]]
    assert {key_of(body) for body in left_out} == set(first)
    assert {body["$patch"] for body in left_out} == {"delete"}


def test_argo_cd_syncs_the_gate_first_then_namespaces_then_the_rest() -> None:
    declared = platform()
    waves = {
        item.key: int(item.body["metadata"].get("annotations", {}).get("argocd.argoproj.io/sync-wave", "0"))
        for item in render(declared, declared.clusters[0])
    }
    first = {key.name for key, wave in waves.items() if wave == -2}
    assert first == {"no-namespace-adoption.allotment.dev"}
    assert {key.kind for key, wave in waves.items() if wave == -1} == {"Namespace"}
    assert {wave for key, wave in waves.items() if key.kind == "Namespace"} == {-1}
    assert set(waves.values()) == {-2, -1, 0}
