"""What somebody added to an object of ours: found by path, taken out by a patch, defaults left alone."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.model.manifest import Manifest
from allotment.plan.additions import additions, if_unchanged, removal, without
from allotment.plan.fields import ownership_of, text
from tests.unit.plan import objects

THEIRS = "kubectl-patch"


def policy(*conditions: str, **more: Any) -> Manifest:
    made = objects.admission_policy()
    named = [{"name": name, "expression": "true"} for name in conditions]
    spec = {**made.body["spec"], "matchConditions": named, **more}
    return Manifest(made.family, made.team, {**made.body, "spec": spec})


CONDITIONS = {"f:spec": {"f:matchConditions": {f'k:{{"name":"{name}"}}': {"f:name": {}} for name in "ab"}}}
"""Ownership that shows match conditions to be a list that merges by name."""


def live(manifest: Manifest, change: dict[str, Any], tree: dict[str, Any]) -> dict[str, Any]:
    body = {**manifest.body, **change}
    entry = {"manager": THEIRS, "operation": "Update", "fieldsV1": tree}
    body["metadata"] = {**body["metadata"], "resourceVersion": "7", "managedFields": [entry]}
    return body


def found(manifest: Manifest, body: dict[str, Any]) -> list[str]:
    return [text(path) for path in additions(manifest.body, body, ownership_of(body).shape)]


def labelled(manifest: Manifest, **extra: str) -> dict[str, Any]:
    named = {key.replace("__", "/").replace("_", "-"): value for key, value in extra.items()}
    metadata = {**manifest.body["metadata"], "labels": {**manifest.body["metadata"]["labels"], **named}}
    return live(manifest, {"metadata": metadata}, {})


SPEC = {"f:spec": {"f:hard": {"f:pods": {}}}}

CASES = {
    "a match condition more": (
        policy("a"),
        live(policy("a"), {"spec": policy("a", "b").body["spec"]}, CONDITIONS),
        ['.spec.matchConditions[name="b"]'],
    ),
    "a field of a condition of ours": (
        policy("a"),
        live(
            policy("a"),
            {"spec": {**policy().body["spec"], "matchConditions": [{"name": "a", "expression": "true", "x": 1}]}},
            CONDITIONS,
        ),
        ['.spec.matchConditions[name="a"].x'],
    ),
    "a parameter": (
        policy("a"),
        live(policy("a"), {"spec": policy("a", paramKind={"kind": "ConfigMap"}).body["spec"]}, CONDITIONS),
        [".spec.paramKind"],
    ),
    "a scope of a quota": (
        objects.quota("cv"),
        live(objects.quota("cv"), {"spec": {**objects.quota("cv").body["spec"], "scopes": ["BestEffort"]}}, SPEC),
        [".spec.scopes"],
    ),
    "a field beside the spec": (
        objects.role("cv"),
        live(objects.role("cv"), {"aggregationRule": {"clusterRoleSelectors": [{}]}}, {}),
        [".aggregationRule"],
    ),
    "a label that a guardrail reads": (
        objects.namespace("cv"),
        labelled(objects.namespace("cv"), **{"pod_security.kubernetes.io__warn": "privileged"}),
        [".metadata.labels.pod-security.kubernetes.io/warn"],
    ),
    "a label of somebody's own": (objects.namespace("cv"), labelled(objects.namespace("cv"), istio="on"), []),
    "what Kueue fills in": (
        objects.cluster_queue("cv"),
        live(
            objects.cluster_queue("cv"),
            {"spec": {**objects.cluster_queue("cv").body["spec"], "stopPolicy": "None", "queueingStrategy": ""}},
            {"f:spec": {"f:stopPolicy": {}}},
        ),
        [".spec.queueingStrategy"],
    ),
    "a kind that controllers complete": (
        objects.claim("cv"),
        live(
            objects.claim("cv"),
            {"spec": {**objects.claim("cv").body["spec"], "volumeName": "v"}},
            {"f:spec": {"x": {}}},
        ),
        [],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_was_added_is_found(name: str) -> None:
    manifest, body, expected = CASES[name]
    assert found(manifest, body) == expected


@pytest.mark.parametrize("name", CASES)
def test_what_is_taken_out_is_not_there_any_more_and_nothing_else_is_touched(name: str) -> None:
    manifest, body, _ = CASES[name]
    paths = additions(manifest.body, body, ownership_of(body).shape)
    after = without(body, paths)
    assert additions(manifest.body, after, ownership_of(body).shape) == ()
    assert merged(body, removal(body, paths)) == after


def merged(body: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    result = dict(body)
    for key, value in patch.items():
        if value is None:
            result.pop(key)
        else:
            result[key] = merged(result[key], value)
    return result


def test_the_patch_fails_if_the_object_has_changed_since() -> None:
    manifest, body, _ = CASES["a parameter"]
    patch = if_unchanged(removal(body, additions(manifest.body, body, ownership_of(body).shape)), body)
    assert patch == {"metadata": {"resourceVersion": "7"}, "spec": {"paramKind": None}}
