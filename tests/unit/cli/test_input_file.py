"""The file of a question: by ``--file``, or as earlier calls named it."""

from __future__ import annotations

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
