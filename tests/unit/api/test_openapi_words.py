"""The OpenAPI document says of each call what it does, and nothing that only the program's own people could look up."""

from __future__ import annotations

import re

import pytest

from allotment.api.schema_words import describe, plain
from allotment.api.summaries import SUMMARIES
from tools.openapi import document


def test_every_call_has_a_summary_and_every_schema_plain_words() -> None:
    told = document()
    found = {f"{verb.upper()} {path}": each for path, some in told["paths"].items() for verb, each in some.items()}
    assert {name: each["summary"] for name, each in found.items()} == dict(SUMMARIES)
    for name, schema in told["components"]["schemas"].items():
        words = [
            schema.get("description", ""),
            *(each.get("description", "") for each in schema.get("properties", {}).values()),
        ]
        assert not [each for each in words if re.search(r"Attributes:|\bNone\b|[Ss]ee `|as of `[A-Z]", each)], name


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("A wish; see `Wish`.", "A wish."),
        ("A token that somebody asks for; see `AccessService.make_token`.", "A token that somebody asks for."),
        ("None for good.", "null for good."),
        ("such as ``read``,\n   in order.", "such as `read`, in order."),
        ("which `allot audit search` has.", "which `allot audit search` has."),
    ],
)
def test_words_without_our_names(said: str, told: str) -> None:
    assert plain(said) == told


def test_what_is_said_of_an_attribute_stands_at_its_property() -> None:
    text = (
        "A page.\n\n    Attributes:\n        next: where the next page\n            begins; None where there is none.\n"
        "        rows: of it.\n"
    )
    components = {"Page": {"description": text, "properties": {"next": {"type": "string"}, "rows": {"$ref": "x"}}}}
    describe(components)
    assert components["Page"] == {
        "description": "A page.",
        "properties": {
            "next": {"type": "string", "description": "where the next page begins; null where there is none."},
            "rows": {"$ref": "x", "description": "of it."},
        },
    }
