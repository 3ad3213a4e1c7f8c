"""docs/answers.md and README.md show what the program says, and name what it reads."""

from __future__ import annotations

import re
import shlex
import shutil
from collections import defaultdict
from pathlib import Path

import pytest

from allotment.model.explanation import CauseVerdict, Confidence, PatchOp, RemedyKind, StartsWhen
from allotment.observe.kinds import KINDS
from tests.unit.cli.conftest import ROOT, Run, home, run
from tools.write_example_snapshot import FILE, text
from tools.write_shown_answers import SHOWN as EXAMPLES

__all__ = ["home", "run"]  # fixtures

PAGE = (ROOT / "docs" / "answers.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = [(found["line"], found["output"]) for found in EXAMPLES.finditer(README + PAGE)]


@pytest.mark.parametrize(("line", "output"), SHOWN, ids=[f"{line} {at}" for at, (line, _) in enumerate(SHOWN)])
def test_what_is_shown_is_what_is_said(run: Run, home: Path, line: str, output: str) -> None:
    """Else run `python -m tools.write_shown_answers`."""
    shutil.copytree(ROOT / "examples" / "snapshots", home / "examples" / "snapshots")
    assert run(*shlex.split(line)[1:]).ok() == output


def test_there_are_such_outputs() -> None:
    assert "$ allot why" in README
    assert len(SHOWN) > 2


def test_the_example_is_what_its_script_makes() -> None:
    """Of examples/acme as it is now: else run `python -m tools.write_example_snapshot`."""
    assert FILE.read_text(encoding="utf-8") == text()


def test_the_page_names_all_that_is_read() -> None:
    kinds: dict[str, list[str]] = defaultdict(list)
    for each in KINDS:
        kinds[each.group or "core"].append(each.plural)
    rows = PAGE.partition("| group | kinds |\n|---|---|\n")[2].partition("\n\n")[0]
    table = dict(re.findall(r"^\| `?([a-z0-9.-]+)`? \| ([a-z, ]+) \|$", rows, re.MULTILINE))
    assert {group: names.split(", ") for group, names in table.items()} == kinds
    assert all(f"`{place}`" in PAGE for each in KINDS for place in each.only)


@pytest.mark.parametrize("words", [CauseVerdict, Confidence, RemedyKind, PatchOp], ids=lambda kind: kind.__name__)
def test_the_page_has_every_word(words: type[CauseVerdict]) -> None:
    assert [word for word in words if f"`{word}`" not in PAGE] == []


def test_a_trial_s_answers_are_told() -> None:
    assert {word for word in StartsWhen if f"| `{word}` |" in PAGE} == set(StartsWhen)
