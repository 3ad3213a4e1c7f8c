"""The portal speaks the words of the glossary, and every colour, letter and measure of it is one of a handful."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from allotment.accounting.quota_use import QuotaAlarm
from allotment.model.jobs.run import JobState
from allotment.model.requests.grant import GrantState
from allotment.model.requests.request import RequestState
from tests.unit.docs.pages import DOCS

PORTAL: Final = DOCS.parent / "portal"
SOURCES: Final = PORTAL / "src"
_HEAD: Final = re.compile(r"head: '([^']+)'")
_PLACE: Final = re.compile(r"name: '([^']+)', group:")
_STATES: Final = re.compile(r"export const (\w+): Readonly<Record<\w+, StateLook>> = \{(.*?)\n\}", re.DOTALL)
_WORD: Final = re.compile(r"^  '?([\w-]+)'?: look\('([^']+)'", re.MULTILINE)
PLAIN: Final = frozenset(
    [
        "a",
        "as",
        "of",
        "in",
        "at",
        "by",
        "for",
        "how",
        "its",
        "it",
        "most",
        "no",
        "not",
        "own",
        "than",
        "that",
        "the",
        "they",
        "this",
        "to",
        "where",
        "what",
        "who",
        "why",
        "with",
        "would",
        "be",
        "could",
        "ask",
        "home",
        "overview",
        "says",
        "called",
        "told",
        "all",
        "read",
        "newer",
    ]
)
"""Words of any sentence; these name nothing."""
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(")
_FONT: Final = re.compile(r"font(?:-size|-family)?:\s*([^;]+);")
_TOKEN: Final = re.compile(r"inherit|var\(--[\w-]+\)")
_PAINTED: Final = re.compile(r"""['"](?:#[0-9a-fA-F]{3,8}\b|(?:rgb|hsl)a?\()""")


def screens() -> Iterator[Path]:
    return (each for each in sorted(SOURCES.rglob("*.ts*")) if ".test." not in each.name and each.name != "schema.ts")


def told_of() -> frozenset[str]:
    """Words of the glossary, of commands, and of what the API tells."""
    page = (DOCS / "glossary.md").read_text(encoding="utf-8") + (DOCS / "cli.md").read_text(encoding="utf-8")
    page += json.dumps(json.loads((PORTAL / "openapi.json").read_text(encoding="utf-8"))["components"])
    return frozenset(each.lower() for each in re.findall(r"[A-Za-z]+", page))


def names() -> list[tuple[str, str]]:
    found = []
    for path in screens():
        text = path.read_text(encoding="utf-8")
        found += [(path.name, each) for each in (*_HEAD.findall(text), *_PLACE.findall(text))]
    return found


def test_heads_of_lists_and_names_of_screens_are_words_that_commands_and_the_api_have_too() -> None:
    known, found = told_of(), names()
    assert len(found) > 60
    unknown = {
        f"{file}: {word} in {name!r}"
        for file, name in found
        for word in re.findall(r"[a-z]+", name.lower())
        if not {word, word.removesuffix("s"), word.removesuffix("ed"), word.removesuffix("d")} & (known | PLAIN)
    }
    assert unknown == set()


@pytest.mark.parametrize(("name", "states"), [("JOB", JobState), ("REQUEST", RequestState), ("GRANT", GrantState)])
def test_states_have_the_words_of_commands(name: str, states: type[JobState | RequestState | GrantState]) -> None:
    tables = dict(_STATES.findall((SOURCES / "words" / "states.ts").read_text(encoding="utf-8")))
    told = dict(_WORD.findall(tables[name]))
    assert set(told) == {each.value for each in states}
    assert {key: word.replace(" ", "-") for key, word in told.items()} == {key: key for key in told}


def test_every_colour_and_letter_is_a_token() -> None:
    wrong = [
        f"{path.name}:{number}: {line.strip()}"
        for path in sorted((SOURCES / "look").glob("*.css"))
        if path.name != "tokens.css"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if _COLOUR.search(line) or any(not _TOKEN.fullmatch(each.strip()) for each in _FONT.findall(line))
    ]
    wrong += [
        f"{path.name}:{number}: {line.strip()}"
        for path in screens()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        # A canvas has no style sheet: what it paints it asks the tokens for.
        if _PAINTED.search(line)
    ]
    assert wrong == []


def test_no_picture_stands_for_a_word() -> None:
    found = [
        f"{path.name}: {each}"
        for path in screens()
        for each in re.findall("[\U0001f000-\U0001faff\u2600-\u27bf]", path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_how_near_a_limit_is_is_told_as_the_server_takes_it() -> None:
    text = (SOURCES / "words" / "limits.ts").read_text(encoding="utf-8")
    told = re.findall(r"(\w+): \{ word: '[^']*', tone: '\w+', shape: '\w+', from: (\d+) \}", text)
    assert {name: int(value) for name, value in told} == {each.name.lower(): each.value for each in QuotaAlarm}
