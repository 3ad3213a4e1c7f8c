"""The file of a question: by ``--file``, or as earlier calls named it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import ROOT, Run

BORROWING = str(ROOT / "examples" / "scenarios" / "borrowing.jsonl")
TRAINING = str(ROOT / "examples" / "placements" / "training-eastus.jsonl")
WHEN = ("--at", "4h", "--runs", "10", "--submissions", "none", "-o", "csv")
CHANGE = ("--change", "weight:nlp=2", "--until", "2h", "-o", "csv")


@pytest.mark.parametrize(
    ("command", "file", "earlier", "rest"),
    [
        ("when", BORROWING, (BORROWING,), ("nlp-011", *WHEN)),
        ("whatif", BORROWING, ("--snapshot", BORROWING), CHANGE),
        ("capacity", TRAINING, (TRAINING,), ("-o", "csv")),
    ],
)
def test_earlier_forms_answer_the_same_with_a_hint(
    run: Run, command: str, file: str, earlier: tuple[str, ...], rest: tuple[str, ...]
) -> None:
    now, then = run(command, "--file", file, *rest), run(command, *earlier, *rest)
    assert now.ok() == then.ok() != ""
    assert f"is named with --file: --file {file}" in then.err
    assert "hint:" not in now.err


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (("when",), "no file is named"),
        (("when", "nlp-011"), "there is no file nlp-011, and a bare word is a job"),
        (("capacity",), "no file is named"),
        (("capacity", "--file", TRAINING, "more"), "more: one file, and no further words"),
        (("whatif", *CHANGE), "no file is named"),
        (("whatif", "--file", BORROWING, "--snapshot", BORROWING, *CHANGE), "name one thing"),
    ],
)
def test_a_call_that_names_none_says_how(run: Run, call: tuple[str, ...], says: str) -> None:
    ran = run(*call)
    assert ran.code == 2
    assert says in ran.err


@pytest.mark.parametrize("command", ["when", "capacity"])
@pytest.mark.parametrize("form", ["as the first word", "with --file"])
@pytest.mark.parametrize(
    ("named", "code", "says"),
    [
        pytest.param("missing.jsonl", 3, "there is no file missing.jsonl", id="missing"),
        pytest.param("./missing", 3, "there is no file missing", id="a path of this folder"),
        pytest.param("-", 3, "there is no file -", id="standard input is none"),
        pytest.param("~/missing.yaml", 3, "missing.yaml", id="in the home folder"),
        pytest.param("nowhere/missing", 3, "there is no file nowhere/missing", id="in a folder that is not there"),
        pytest.param("folder", 1, "folder cannot be read", id="a folder"),
        pytest.param("a" * 300, 1, "cannot be read", id="a name that no file system takes"),
        pytest.param("/dev/null", 1, "/dev/null is no regular file", id="a device"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_in_every_form(
    run: Run, home: Path, command: str, form: str, named: str, code: int, says: str
) -> None:
    (home / "folder").mkdir()
    ran = run(command, *([named] if form == "as the first word" else ["--file", named]))
    assert ran.code == code
    assert says in ran.err


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        pytest.param("weight:nlp=much", 3, "there is no file missing.jsonl", id="a value that cannot be"),
        pytest.param("policy:none", 3, "there is no file missing.jsonl", id="no such policy"),
        pytest.param("job:also-missing.jsonl", 3, "there is no file missing.jsonl", id="no such file of jobs"),
        pytest.param("nonsense", 2, "'nonsense' is no change", id="no change at all: the call itself is wrong"),
    ],
)
def test_the_scenario_file_comes_before_what_a_change_says(run: Run, change: str, code: int, says: str) -> None:
    ran = run("whatif", "--file", "missing.jsonl", "--change", change)
    assert ran.code == code
    assert says in ran.err
