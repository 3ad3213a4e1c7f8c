"""Field changes: paths as the server writes them, secrets redacted."""

from __future__ import annotations

import pytest

from allotment.plan.difference import ABSENT, REDACTED, difference, value_at
from allotment.plan.fields import leaves, text

CANARY = "c4n4ry-Zm9v"


def changes(
    old: dict[str, object], new: dict[str, object], shape: dict[str, object] | None = None
) -> list[tuple[object, ...]]:
    head = {"kind": "Thing", "metadata": {"name": "x", "resourceVersion": "1"}}
    found = difference({**head, **old}, {**head, "metadata": {"name": "x", "resourceVersion": "2"}, **new}, shape or {})
    return [(change.field, change.old, change.new) for change in found]


@pytest.mark.parametrize(
    ("old", "new", "shape", "expected"),
    [
        ({"a": 1}, {"a": 1}, None, []),
        ({"status": {"x": 1}}, {"status": {"x": 2}}, None, []),
        ({"spec": {"a": 1}}, {"spec": {"a": 2}}, None, [(".spec.a", 1, 2)]),
        ({"spec": {}}, {"spec": {"a": 2}}, None, [(".spec.a", ABSENT, 2)]),
        ({"spec": {"a": 1}}, {"spec": {}}, None, [(".spec.a", 1, ABSENT)]),
        ({"a": [1, 2]}, {"a": [1, 3]}, None, [(".a[1]", 2, 3)]),
        ({"a": [1]}, {"a": [1, 3]}, None, [(".a", [1], [1, 3])]),
        ({"a": ["x"]}, {"a": ["y"]}, {"f:a": {'v:"x"': {}}}, [('.a["x"]', "x", ABSENT), ('.a["y"]', ABSENT, "y")]),
        (
            {"a": [{"name": "x", "v": 1}]},
            {"a": [{"name": "w"}, {"name": "x", "v": 2}]},
            {"f:a": {'k:{"name":"x"}': {"f:v": {}}}},
            [('.a[name="w"]', ABSENT, {"name": "w"}), ('.a[name="x"].v', 1, 2)],
        ),
    ],
)  # fmt: skip
def test_changes(old, new, shape, expected) -> None:  # type: ignore[no-untyped-def]
    assert changes(old, new, shape) == expected


def test_values_of_secrets_are_redacted() -> None:
    old = {"kind": "Secret", "metadata": {"name": "x"}, "data": {"token": CANARY, "gone": CANARY}}
    new = {"kind": "Secret", "metadata": {"name": "x"}, "data": {"token": f"{CANARY}2"}, "stringData": {"a": CANARY}}
    found = difference(old, new, {})
    assert CANARY not in repr(found)
    assert [(change.field, change.old, change.new) for change in found] == [
        (".data.gone", REDACTED, ABSENT),
        (".data.token", REDACTED, REDACTED),
        (".stringData", ABSENT, REDACTED),
    ]
    assert value_at(old, ("f:data", "f:token")) == REDACTED


def test_a_whole_new_secret_map_is_redacted() -> None:
    found = difference(
        {"kind": "Secret", "metadata": {}}, {"kind": "Secret", "metadata": {}, "data": {"a": CANARY}}, {}
    )
    assert found
    assert CANARY not in repr(found)


def test_the_last_applied_annotation_is_redacted() -> None:
    name = "kubectl.kubernetes.io/last-applied-configuration"
    old = {"kind": "Thing", "metadata": {"annotations": {name: CANARY}}}
    new = {"kind": "Thing", "metadata": {"annotations": {name: f"{CANARY}2"}}}
    assert CANARY not in repr(difference(old, new, {}))


def test_paths_of_leaves() -> None:
    tree = {"f:a": {".": {}, 'k:{"name":"x"}': {".": {}, "f:v": {}}}, "f:b": {'v:"y"': {}}}
    assert [text(path) for path in leaves(tree)] == ['.a[name="x"].v', '.b["y"]']


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("f:a", "f:b"), 1),
        (("f:a", "f:c"), ABSENT),
        (("f:l", 'k:{"name":"x"}', "f:v"), 2),
        (("f:l", 'k:{"name":"y"}'), ABSENT),
        (("f:l", "i:0", "f:v"), 2),
        (("f:s", 'v:"z"'), "z"),
    ],
)
def test_value_at(path: tuple[str, ...], value: object) -> None:
    body = {"kind": "Thing", "a": {"b": 1}, "l": [{"name": "x", "v": 2}], "s": ["z"]}
    assert value_at(body, path) == value
