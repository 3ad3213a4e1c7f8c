"""Edits as texts: what they write, what they show, what they warn of."""

from __future__ import annotations

import datetime as dt
import subprocess
from pathlib import Path

import pytest

from allotment.adapters.files.tree import read_tree, write_files
from allotment.errors import ConflictError, UsageError
from allotment.model.source import SourceTree
from allotment.operations.directory.teams import (
    accelerators_of,
    add,
    diff_of,
    limits_of,
    purge,
    remove,
    set_amounts,
    start,
)
from allotment.spec.amounts import AmountsRequest
from allotment.spec.edit import TeamRequest
from allotment.spec.load import load_platform

ACME = Path(__file__).parents[3] / "examples" / "acme"
TODAY = dt.date(2026, 11, 22)


def test_a_diff_is_one_that_patch_takes(tmp_path: Path) -> None:
    before = SourceTree({"a.yaml": "one\ntwo\n", "gone.yaml": "x\n", "end.yaml": "no newline"})
    changes = {"a.yaml": "one\nthree\n", "gone.yaml": None, "new/b.yaml": "new\n", "end.yaml": "no newline here"}
    write_files(tmp_path, before.files)
    patch = diff_of(before, changes)
    done = subprocess.run(["git", "apply", "-"], input=patch, text=True, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert read_tree(tmp_path).files == before.with_changes(changes).files


def test_only_new_warnings_are_told() -> None:
    tree = read_tree(ACME)
    quiet = add(tree, TeamRequest("robotics", {"a100": 4}, "32", "128Gi", ("g",), ("training-eastus",), "cc-1"))
    assert quiet.warnings == ()
    assert quiet.clusters == ("training-eastus",)
    told = add(tree, TeamRequest("robotics", {"a100": 4}, "32", "128Gi", ("g",), ("training-eastus",)))
    assert [problem.field for problem in told.warnings] == ["costCenter"]


def test_memory_in_a_unit_that_hardly_anybody_means_is_told_before_it_is_written() -> None:
    tree = read_tree(ACME)
    where = ("training-eastus",)
    changed = set_amounts(tree, AmountsRequest("nlp", memory="8Mi", clusters=where))
    added = add(tree, TeamRequest("robotics", {"a100": 4}, "32", "512k", ("g",), where, "cc-1"))
    assert ["8,388,608 bytes" in problem.what for problem in changed.warnings].count(True) == 1
    assert ["512,000 bytes" in problem.what for problem in added.warnings].count(True) == 1


def test_a_new_team_may_have_owners() -> None:
    tree = read_tree(ACME)
    edit = add(tree, TeamRequest("robotics", {}, "1", "1Gi", ("g",), ("training-eastus",), "cc-1", ("leads",)))
    team = load_platform(tree.with_changes(edit.changes)).platform.team("robotics")
    assert team is not None
    assert (team.groups.owners, team.groups.members) == (("leads",), ("g",))


def test_a_change_tells_what_it_brings_to_warn_of() -> None:
    tree = read_tree(ACME)
    told = set_amounts(tree, AmountsRequest("nlp", cost_center="unassigned"))
    assert [problem.field for problem in told.warnings] == ["costCenter"]
    assert set_amounts(tree, AmountsRequest("nlp", display_name="Language")).warnings == ()


def test_a_team_that_left_goes_when_its_day_has_passed() -> None:
    tree = read_tree(ACME)
    added = tree.with_changes(
        add(tree, TeamRequest("robotics", clusters=("dev-eastus",), cpu="4", memory="8Gi")).changes
    )
    last_day = TODAY + dt.timedelta(days=70)
    left = added.with_changes(remove(added, "robotics", last_day, TODAY).changes)
    team = load_platform(left).platform.team("robotics")
    assert team is not None
    assert team.offboarding is not None
    assert purge(left, last_day).changes == {}
    gone = left.with_changes(purge(left, last_day + dt.timedelta(days=1)).changes)
    assert gone.files == tree.files


def test_a_past_day_is_refused() -> None:
    with pytest.raises(UsageError, match="is past"):
        remove(read_tree(ACME), "cv", TODAY - dt.timedelta(days=1), TODAY)


def test_a_starter_never_mixes_with_other_files() -> None:
    assert load_platform(SourceTree(start(SourceTree({}), "demo").changes)).platform.name == "demo"  # type: ignore[arg-type]
    with pytest.raises(ConflictError):
        start(SourceTree({"x.yaml": ""}), "demo")


@pytest.mark.parametrize(
    "word",
    [
        "a100",
        "=4",
        "a100=",
        "a100=-1",
        "a100=x",
        "a100=1.5",
        "a100=9999999999",
        "a100=²",
        "",
        "/a100=4",
        "dev/=4",
        "/=1",
    ],
)
def test_what_is_no_accelerator_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="NAME=COUNT"):
        accelerators_of((word,))


def test_accelerators_are_counted_by_name() -> None:
    assert accelerators_of(("a100=4", "h100:spot=2", "t4=0")) == {"a100": 4, "h100:spot": 2, "t4": 0}
    with pytest.raises(UsageError, match="twice"):
        accelerators_of(("a100=4", "a100=2"))


def test_bounds_are_counts_or_none() -> None:
    assert limits_of("--lending", ("a100=4", "training/t4=none")) == {"a100": 4, "training/t4": None}
    for words in (("a100",), ("a100=-1",), ("=4",), ("a100=no",), ("a100=1", "a100=none")):
        with pytest.raises(UsageError, match="--lending"):
            limits_of("--lending", words)
