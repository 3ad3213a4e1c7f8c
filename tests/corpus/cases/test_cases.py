"""Every case from public threads and odd directories gets the answer it should have; found beside the recordings.

Each kind has tests of its own with inputs of our own; these are the inputs that failed once.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.corpus.cases.kinds import ATTACKS, ELSEWHERE, LATER, WEAKENINGS
from tests.corpus.cases.table import Case, cases
from tests.live.attacks.attempts import ATTEMPTS, QUESTIONS
from tests.live.prove.damages import DAMAGES
from tests.live.prove.weakenings import WEAKENINGS as OURS
from tests.unit.cli.conftest import Run, home, run

__all__ = ["home", "run"]  # fixtures

pytestmark = pytest.mark.corpus

ROOT: Final = Path(__file__).parents[3]
_BESIDE_CHECKOUT: Final = ROOT.parent / "shared" / "data"
CASES: Final = tuple(cases())


@pytest.fixture
def folder() -> Path:
    found = Path(os.environ.get("ALLOTMENT_DATA", str(_BESIDE_CHECKOUT))).parent / "cases"
    if not found.is_dir():
        pytest.skip(f"no cases at {found}: they lie beside the folder that ALLOTMENT_DATA names")
    return found


def _copied(source: Path, target: Path) -> None:
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.parametrize(
    "case", [pytest.param(each, marks=[pytest.mark.nightly] * each.nightly, id=each.id) for each in CASES]
)
def test_case(case: Case, folder: Path, home: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _copied(folder / case.folder, home / "case")
    monkeypatch.chdir(home / "case")
    if case.edit is not None:
        file, old, new = case.edit
        text = Path(file).read_text(encoding="utf-8")
        assert old in text, f"{file} has no {old!r}"
        Path(file).write_text(text.replace(old, new), encoding="utf-8")
    ran = run(*case.words)
    told = " ".join(f"{ran.out}\n{ran.err}".split())
    assert ran.code == case.code, told
    assert [words for words in case.says if words not in told] == [], told
    assert [words for words in case.never if words in told] == [], told


def test_names_for_tools_stay_within_their_limits(folder: Path, home: Path, run: Run) -> None:
    """Flux writes its Kustomization's name into a label, and Argo CD its application's."""
    run("render", str(folder / "y08-long-names" / "plat"), "--out", "tree").ok()
    files = [*Path("tree/flux").rglob("*.yaml"), *Path("tree/argocd").rglob("*.yaml")]
    names = [body["metadata"]["name"] for file in files for body in yaml.safe_load_all(file.read_text("utf-8")) if body]
    assert names
    assert [name for name in names if len(name) > 63] == []


def test_several_devices_of_one_node_are_a_known_limit() -> None:
    assert "A node with whole GPUs and slices" in (ROOT / "docs" / "known-limits.md").read_text(encoding="utf-8")


def test_every_case_is_here(folder: Path) -> None:
    there = {each.name for each in folder.iterdir() if each.is_dir()}
    here = {case.folder for case in CASES} | set(ELSEWHERE) | LATER
    assert there == here
    odd = {each.name for each in (folder / "y03-yaml-oddities").iterdir() if each.is_dir()}
    assert odd == {case.words[1] for case in CASES if case.folder == "y03-yaml-oddities"}


def _exists(test: str) -> bool:
    """Whether ``path::name`` is a test of ours."""
    path, _, name = test.partition("::")
    file = ROOT / path
    return file.is_file() and (not name or re.search(rf"def {name}\(", file.read_text(encoding="utf-8")) is not None)


@pytest.mark.parametrize("test", sorted(set(ELSEWHERE.values())), ids=str)
def test_what_needs_a_server_is_tested_there(test: str) -> None:
    assert _exists(test)


def test_every_weakening_has_a_row_of_ours(folder: Path) -> None:
    told = re.findall(r"^### (B\d+):", (folder / "weakenings.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(told) == set(WEAKENINGS)
    rows = {each.id for each in OURS} | {each.id for each in DAMAGES}
    assert {name: row for name, row in WEAKENINGS.items() if row not in rows and not _exists(row)} == {}


def test_every_attack_that_came_through_has_a_row_of_ours(folder: Path) -> None:
    came_through = {
        row["id"]
        for row in _attacks(folder)
        if row["got"].startswith("allowed") and row["wanted"].startswith("refused")
    }
    assert came_through == set(ATTACKS)
    rows = {each.id for each in ATTEMPTS} | {each.id for each in QUESTIONS}
    assert {name: row for name, row in ATTACKS.items() if row not in rows and not _exists(row)} == {}


def _attacks(folder: Path) -> list[Mapping[str, str]]:
    rows = []
    for line in (folder / "attacks" / "README.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in re.split(r" \| |^\| | \|$", line) if cell.strip()]
        if len(cells) == 5 and cells[0] != "id" and not cells[0].startswith("--"):
            rows.append(dict(zip(("id", "actor", "what", "got", "wanted"), cells, strict=True)))
    return rows
