"""docs/platform-directory.md tells what the schema holds."""

from __future__ import annotations

import pytest

from allotment.adapters.files.tree import MOST_FILE_BYTES, MOST_FILES, MOST_TREE_BYTES
from allotment.spec.documents import MOST_DEPTH, MOST_DOCUMENTS, MOST_NODES
from allotment.spec.problems import LONGEST_ECHO, MOST_TOLD
from allotment.spec.schema import KINDS
from allotment.spec.schema.base import fields_of
from tests.unit.spec.trees import problems_of, tiny
from tools.write_platform_reference import DOCUMENT, START, reference

TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_the_tables_are_the_schemas():
    written = TEXT[TEXT.index(START) + len(START) :].strip()
    assert written == reference().strip(), "run: python tools/write_platform_reference.py"


def test_every_kind_and_field_is_told():
    for kind, model in KINDS.items():
        section = TEXT.split(f"\n## {kind}\n")[1]
        for field in fields_of(model):
            assert f"| `{field}` |" in section


@pytest.mark.parametrize("line", [line for line in reference().splitlines() if line.startswith("| `")])
def test_every_field_has_a_meaning(line):
    _empty, field, words, default, meaning, _end = (
        line.split(" | ") if line.count(" | ") > 4 else ("", *split(line), "")
    )
    assert words
    assert default
    assert len(meaning) > 3, field


def split(line: str) -> list[str]:
    """The cells of a row."""
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_the_limits_it_names_are_ours():
    assert f"{MOST_DEPTH} levels" in TEXT
    assert f"{MOST_NODES:,} values" in TEXT
    assert f"{MOST_DOCUMENTS:,} documents" in TEXT
    assert f"{MOST_FILE_BYTES >> 20} MiB a file, {MOST_TREE_BYTES >> 20} MiB and {MOST_FILES:,} files" in TEXT
    assert f"the first {MOST_TOLD:,} are told" in TEXT
    assert f"longer than {LONGEST_ECHO} characters" in TEXT


def test_the_error_it_shows_has_our_form():
    shown = next(line for line in TEXT.splitlines() if line.startswith("teams/nlp.yaml:"))
    [real] = problems_of(tiny(team=tiny()["team.yaml"].replace("a100: 8", "a100-spott: 8")))
    assert shown.partition(": error: ")[2].replace("training-eastus", "dev") == str(real).partition(": error: ")[2]
