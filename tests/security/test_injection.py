"""Attack row 16: text stays text. Objects are built as data, so a value can never become structure or another type."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.model.manifest import Manifests
from allotment.model.platform import Platform
from allotment.model.team import Contact, Groups
from allotment.render.manifests import render
from allotment.render.yaml_text import to_documents
from tests.by_day import by_day
from tests.unit import builders as build
from tests.unit.strategies import platforms

NASTY = [
    "yes", "no", "on", "off", "null", "~", "true", "0x1", "0o17", "017", "1e3", "1_000", "12:30:45", "2026-11-22",
    ".inf", ".nan", "=", "<<", "a: b", "- a", "# c", " leading", "trailing ", "two\nlines", "\n", "tab\t", "\u2028",
    "{{ .Values.secret }}", "{% raw %}", "${HOME}", "$(id)", "`id`", "%s", "&anchor", "*alias", "!!python/object",
    "'", '"', "\\", "---", "...", "]", "}", "\x85", "é", "😀",
]  # fmt: skip


def platform_with(text: str) -> Platform:
    """The text wherever free text may stand."""
    team = build.team(
        "nlp",
        groups=Groups(owners=(text,), members=(f"m{text}",), viewers=(), exec=()),
        contacts=[Contact("chat", text)],
    )
    ladder = tuple(replace(rung, description=text) for rung in build.ladder())
    classes = tuple(replace(item, parameters={"note": text}) for item in build.storage_classes())
    services = tuple(replace(item, pod_labels={"app": text}, description=text) for item in build.shared_services())
    return build.platform(teams=[team], priorities=ladder, classes=classes, services=services)


def rendered(platform: Platform) -> Manifests:
    found = render(platform, platform.clusters[0])
    assert found.objects
    return found


@cache
def plain() -> Manifests:
    return rendered(platform_with("plain"))


def touched(found: Manifests) -> list[Mapping[str, Any]]:
    """The objects that a text stands in: all others are those of plain text, which are read back once."""
    pairs = zip(found, plain(), strict=True)
    return [item.body for item, same in pairs if item.body != same.body]


def read_back(bodies: list[Mapping[str, Any]]) -> list[Any]:
    return list(yaml.load_all(to_documents(bodies), Loader=yaml.CSafeLoader))


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, child in value.items():
            yield from strings(key)
            yield from strings(child)
    elif isinstance(value, list):
        for child in value:
            yield from strings(child)


def test_plain_text_survives_the_tree() -> None:
    bodies = [item.body for item in plain()]
    assert [json.loads(json.dumps(body)) for body in bodies] == bodies
    assert read_back(bodies) == bodies


@pytest.mark.parametrize("text", NASTY, ids=repr)
def test_nasty_text_arrives_as_itself_everywhere(text: str) -> None:
    bodies = touched(rendered(platform_with(text)))
    places = sum(list(strings(body)).count(text) for body in bodies)
    # A group, six descriptions, two parameters, two labels of peers.
    assert places >= 11
    assert [json.loads(json.dumps(body)) for body in bodies] == bodies
    assert read_back(bodies) == bodies


@pytest.mark.parametrize("text", NASTY, ids=repr)
def test_nasty_text_changes_no_structure(text: str) -> None:
    def shape(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: shape(child) for key, child in value.items()}
        return [shape(child) for child in value] if isinstance(value, list) else type(value)

    found = rendered(platform_with(text))
    assert [item.key for item in found] == [item.key for item in plain()]
    for item, same in zip(found, plain(), strict=True):
        assert item.body == same.body or shape(item.body) == shape(same.body)


@settings(max_examples=by_day(40), deadline=None)
@given(st.text(min_size=1, max_size=60))
def test_any_text_survives_the_tree(text: str) -> None:
    bodies = touched(rendered(platform_with(text)))
    assert bodies or text == "plain"
    assert read_back(bodies) == bodies


@settings(max_examples=by_day(25), deadline=None)
@given(platforms())
def test_names_that_look_like_other_types_stay_strings(platform: Platform) -> None:
    for item in rendered(platform):
        metadata = item.body["metadata"]
        assert isinstance(metadata["name"], str)
        assert all(isinstance(value, str) for value in metadata["labels"].values())
        assert all(isinstance(value, str) for value in metadata.get("annotations", {}).values())
