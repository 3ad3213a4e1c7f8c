"""docs/causes against the table of causes: each code has its page, each page its code and its four sections."""

from __future__ import annotations

import re

import pytest

from allotment.diagnose.causes import CAUSES
from allotment.diagnose.finding import CauseEntry
from allotment.diagnose.pages import SECTIONS, codes_with_pages, page_of
from allotment.model.explanation import Layer
from allotment.spec.schema import KINDS
from tests.unit.cli.conftest import ROOT, Run, home, run

__all__ = ["home", "run"]  # fixtures

FIRST = {
    Layer.SUBMISSION: "10",
    Layer.POLICY: "11",
    Layer.QUEUE: "12",
    Layer.QUOTA: "13",
    Layer.SCHEDULER: "14",
    Layer.AUTOSCALER: "15",
    Layer.NODE: "16",
    Layer.STORAGE: "17",
    Layer.POD: "18",
    Layer.SLURM: "19",
    Layer.SERVER: "20",
}
"""What the number of a layer's codes begins with."""


def test_every_code_has_its_page_and_every_page_its_code() -> None:
    assert set(codes_with_pages()) == {entry.code for entry in CAUSES}
    in_docs = {path.stem for path in (ROOT / "docs" / "causes").glob("ALT-*.md")}
    assert in_docs == set(codes_with_pages()), "what is shipped is what stands in docs/causes"


def test_codes_and_ids_are_each_used_once_and_codes_say_the_layer() -> None:
    assert len({entry.code for entry in CAUSES}) == len({entry.id for entry in CAUSES}) == len(CAUSES)
    for entry in CAUSES:
        assert re.fullmatch(rf"ALT-{FIRST[entry.layer]}\d\d", entry.code), entry
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.id)
        assert entry.id not in {kind.lower() for kind in KINDS}, "`allot explain` takes both"
        assert entry.title


@pytest.mark.parametrize("entry", CAUSES, ids=lambda entry: entry.code)
def test_a_page_is_about_its_cause_and_has_four_sections(entry: CauseEntry) -> None:
    page = page_of(entry)
    assert page.startswith(f"# {entry.id}: ")
    headings = re.findall(r"^## (.+)$", page, re.MULTILINE)
    assert tuple(headings) == SECTIONS
    for text in re.split(r"^## .+$", page, flags=re.MULTILINE)[1:]:
        assert text.strip(), "a section says something"


def test_a_cause_is_explained_by_code_in_any_case_and_by_id(run: Run) -> None:
    by_code = run("explain", "alt-1201").ok()
    assert by_code == run("explain", "queue-missing").ok()
    assert "queue-missing: " in by_code
    assert "#" not in by_code.splitlines()[1]
    told = run("explain", "ALT-1201", "-o", "json").json()
    assert (told["kind"], told["code"], told["id"], told["layer"]) == ("Cause", "ALT-1201", "queue-missing", "queue")
    assert told["page"].startswith("# queue-missing: ")
    assert run("explain", "preempted", "-o", "name").ok() == "ALT-1307\n"
    assert run("explain", "tema").code == 3, "a field that is none is looked for among fields"
    unknown = run("explain", "ALT-1200")
    assert unknown.code == 3
    assert "there is no cause ALT-1200" in unknown.err
    assert "did you mean 'ALT-12" in unknown.err


def test_the_list_has_them_all_in_their_order(run: Run) -> None:
    assert run("causes", "-o", "name").ok().split() == [entry.code for entry in CAUSES]
    assert set(run("causes", "-l", "layer=queue", "-o", "name").ok().split()) == {
        entry.code for entry in CAUSES if entry.layer is Layer.QUEUE
    }
