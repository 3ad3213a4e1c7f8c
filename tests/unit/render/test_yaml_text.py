"""The emitter: what is written is what every reader gets back, and the bytes never change."""

from __future__ import annotations

import io

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from allotment.render.yaml_text import to_documents, to_yaml
from tests.by_day import by_day

# Kubernetes strings are UTF-8: no lone surrogates.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def read_11(text: str) -> object:
    return yaml.load(text, Loader=yaml.CSafeLoader)  # a safe loader


def read_12(text: str) -> object:
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 2)
    return reader.load(io.StringIO(text))


@given(st.dictionaries(TEXT, VALUES, max_size=5))
@settings(max_examples=by_day(150), deadline=None)
def test_both_yaml_versions_read_back_what_was_written(value: dict[str, object]) -> None:
    text = to_yaml(value)
    assert read_11(text) == value
    assert read_12(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "No",
        "on",
        "y",
        "0x1",
        "0o17",
        "1_000",
        "1e3",
        "2026-11-22",
        "12:30:45",
        "~",
        "null",
        ".inf",
        "{{ x }}",
        "a: b",
        "- a",
        "# c",
        "",
        " ",
        "a ",
        "a\n",
        "a\nb",
        "\na",
        "a\n\n",
        "é",
        "\u2028",
        "😀",
        "\x7f",
        "=",
        "<<",
        "@x",
        "`x`",
        "%x",
        "!x",
        "&x",
        "*x",
    ],
)
def test_strings_that_look_like_something_else_stay_strings(text: str) -> None:
    written = to_yaml({"value": text, text or "empty": 1})
    assert read_11(written) == {"value": text, text or "empty": 1}
    assert read_12(written) == {"value": text, text or "empty": 1}


def test_readable_form() -> None:
    body = {
        "kind": "Role",
        "metadata": {"name": "nlp", "labels": {"app.kubernetes.io/managed-by": "allotment"}, "annotations": {}},
        "rules": [{"verbs": ["get", "list"], "apiGroups": [""]}, {"verbs": []}],
        "nested": [[1, 2], []],
        "expression": "a == b &&\n  c",
        "count": 3,
        "quantity": "3",
        "on": True,
    }
    assert to_yaml(body) == (
        "kind: Role\n"
        "metadata:\n"
        "  name: nlp\n"
        "  labels:\n"
        "    app.kubernetes.io/managed-by: allotment\n"
        "  annotations: {}\n"
        "rules:\n"
        "- verbs:\n"
        "  - get\n"
        "  - list\n"
        "  apiGroups:\n"
        '  - ""\n'
        "- verbs: []\n"
        "nested:\n"
        "- - 1\n"
        "  - 2\n"
        "- []\n"
        "expression: |-\n"
        "  a == b &&\n"
        "    c\n"
        "count: 3\n"
        'quantity: "3"\n'
        '"on": true\n'
    )


def test_documents_are_separated() -> None:
    assert to_documents([{"a": 1}, {"b": 2}]) == "a: 1\n---\nb: 2\n"


def test_a_float_is_refused() -> None:
    with pytest.raises(TypeError, match="float has no place"):
        to_yaml({"a": 1.5})
