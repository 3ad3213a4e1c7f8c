"""Settled or not: tables of desired against live, with the ownership a real server records."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.plan.compare import settled
from allotment.plan.fields import ownership_of


class Case(NamedTuple):
    name: str
    desired: dict[str, Any]
    live: dict[str, Any]
    ours: dict[str, Any]
    others: dict[str, Any]
    settled: bool


CASES = (
    Case("equal", {"a": 1}, {"a": 1}, {"f:a": {}}, {}, True),
    Case("another value", {"a": 1}, {"a": 2}, {"f:a": {}}, {}, False),
    Case("a field is missing", {"a": 1}, {}, {}, {}, False),
    Case("a field of another manager", {"a": 1}, {"a": 1, "b": 2}, {"f:a": {}}, {"f:b": {}}, True),
    Case("a field that a default filled in", {"a": 1}, {"a": 1, "b": 2}, {"f:a": {}}, {}, True),
    Case("a field we gave up", {"a": 1}, {"a": 1, "b": 2}, {"f:a": {}, "f:b": {}}, {}, False),
    Case("a field we gave up that is gone already", {"a": 1}, {"a": 1}, {"f:a": {}, "f:b": {}}, {}, True),
    Case("true is not one", {"a": True}, {"a": 1}, {"f:a": {}}, {}, False),
    Case("a number is not its text", {"a": 80}, {"a": "80"}, {"f:a": {}}, {}, False),
    Case("an unstored zero that we own", {"a": False}, {}, {"f:a": {}}, {}, True),
    Case("a zero that we do not own", {"a": False}, {}, {}, {}, False),
    Case("an unstored empty list", {"a": []}, {}, {"f:a": {}}, {}, True),
    Case("an empty map that is not empty live", {"a": {}}, {"a": {"b": 1}}, {"f:a": {}}, {}, False),
    Case("quantities", {"hard": {"cpu": "1000m"}}, {"hard": {"cpu": "1"}}, {"f:hard": {"f:cpu": {}}}, {}, True),
    Case("other quantities", {"hard": {"cpu": "2"}}, {"hard": {"cpu": "1"}}, {"f:hard": {"f:cpu": {}}}, {}, False),
    Case("labels are no quantities", {"a": "1000m"}, {"a": "1"}, {"f:a": {}}, {}, False),
    Case("quantity as number", {"nominalQuota": 8}, {"nominalQuota": "8"}, {"f:nominalQuota": {}}, {}, True),
    Case("atomic map with a further key", {"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, {"f:a": {}}, {}, False),
    Case("granular map with a further key", {"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, {"f:a": {"f:b": {}}}, {}, True),
    Case("atomic list", {"a": [1, 2]}, {"a": [1, 2]}, {"f:a": {}}, {}, True),
    Case("atomic list in another order", {"a": [1, 2]}, {"a": [2, 1]}, {"f:a": {}}, {}, False),
    Case("set in another order", {"a": ["x", "y"]}, {"a": ["y", "x"]}, {"f:a": {'v:"x"': {}, 'v:"y"': {}}}, {}, True),
    Case("another's set item", {"a": ["x"]}, {"a": ["x", "y"]}, {"f:a": {'v:"x"': {}}}, {"f:a": {'v:"y"': {}}}, True),
    Case("set item we gave up", {"a": ["x"]}, {"a": ["x", "y"]}, {"f:a": {'v:"x"': {}, 'v:"y"': {}}}, {}, False),
    Case("set item is missing", {"a": ["x"]}, {"a": ["y"]}, {}, {"f:a": {'v:"y"': {}}}, False),
    Case(
        "keyed list",
        {"a": [{"name": "x", "v": 1}]},
        {"a": [{"name": "w", "v": 9}, {"name": "x", "v": 1, "default": 0}]},
        {"f:a": {'k:{"name":"x"}': {".": {}, "f:name": {}, "f:v": {}}}},
        {"f:a": {'k:{"name":"w"}': {".": {}, "f:name": {}, "f:v": {}}}},
        True,
    ),
    Case(
        "keyed list with another value",
        {"a": [{"name": "x", "v": 1}]},
        {"a": [{"name": "x", "v": 2}]},
        {"f:a": {'k:{"name":"x"}': {".": {}, "f:name": {}, "f:v": {}}}},
        {},
        False,
    ),
    Case(
        "keyed list with an item we gave up",
        {"a": []},
        {"a": [{"name": "x"}]},
        {"f:a": {'k:{"name":"x"}': {".": {}, "f:name": {}}}},
        {},
        False,
    ),
)  # fmt: skip


def live_object(case: Case) -> dict[str, Any]:
    entries = [
        {"manager": "allotment", "operation": "Apply", "fieldsV1": case.ours},
        {"manager": "other", "operation": "Update", "fieldsV1": case.others},
    ]
    return {"kind": "Thing", **case.live, "metadata": {"name": "x", "managedFields": entries}}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_settled(case: Case) -> None:
    live = live_object(case)
    desired = {"kind": "Thing", **case.desired, "metadata": {"name": "x"}}
    assert settled(desired, live, ownership_of(live)) is case.settled


@pytest.mark.parametrize(
    ("kind", "desired", "live"),
    [
        ("NetworkPolicy", {"ports": [{"port": 53}]}, {"ports": [{"port": 53, "protocol": "TCP"}]}),
        ("RoleBinding", {"subjects": [{"kind": "Group"}]},
         {"subjects": [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io"}]}),
    ],
)  # fmt: skip
def test_server_defaults_inside_atomic_lists(kind: str, desired: dict[str, Any], live: dict[str, Any]) -> None:
    (field,) = desired
    entries = [{"manager": "allotment", "operation": "Apply", "fieldsV1": {f"f:{field}": {}}}]
    body = {"kind": kind, **live, "metadata": {"managedFields": entries}}
    assert settled({"kind": kind, **desired}, body, ownership_of(body))
    odd = {"kind": "Other", **live, "metadata": {"managedFields": entries}}
    assert not settled({"kind": "Other", **desired}, odd, ownership_of(odd))


def test_our_status_entries_are_not_our_apply() -> None:
    entry = {"manager": "allotment", "operation": "Apply", "subresource": "status", "fieldsV1": {"f:a": {}}}
    live = {"kind": "Thing", "a": 1, "metadata": {"managedFields": [entry]}}
    assert settled({"kind": "Thing"}, live, ownership_of(live))


def test_versions_of_our_apply_add_up() -> None:
    entries = [
        {"manager": "allotment", "operation": "Apply", "apiVersion": "x/v1", "fieldsV1": {"f:a": {}}},
        {"manager": "allotment", "operation": "Apply", "apiVersion": "x/v2", "fieldsV1": {"f:b": {}}},
    ]
    live = {"kind": "Thing", "a": 1, "b": 2, "metadata": {"managedFields": entries}}
    assert settled({"kind": "Thing", "a": 1, "b": 2}, live, ownership_of(live))
    assert not settled({"kind": "Thing", "b": 2}, live, ownership_of(live))


scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab1m", max_size=3)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
)


@given(trees, trees)
def test_without_ownership_only_equal_things_are_settled(one: Any, other: Any) -> None:
    """Up to what the server treats as absent."""
    live = {"kind": "Thing", "a": other, "metadata": {"managedFields": []}}
    if settled({"kind": "Thing", "a": one}, live, ownership_of(live)):
        assert bare(one) == bare(other)


def bare(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: bare(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, {}, [])}
    if isinstance(value, list):
        return [bare(item) for item in value]
    return (type(value).__name__, value) if isinstance(value, bool) else value
