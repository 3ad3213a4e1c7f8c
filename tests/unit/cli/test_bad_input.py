"""Files that are none, names that would move the cursor, disks that are full: told on one line, at once."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from allotment.cli.shell.failures import describe
from tests.unit.cli.conftest import Run

READERS = [
    ("simulate", "pipe"),
    ("simulate", "real.csv", "--nodes", "pipe"),
    ("whatif", "--file", "pipe", "--change", "quota:a/f/gpu=4"),
    ("when", "--file", "pipe"),
    ("capacity", "--file", "pipe"),
    ("compare", "pipe", "pipe"),
    ("conformance", "kueue", "pipe"),
    ("apply", "--platform", "my-platform", "pipe"),
]


@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_a_pipe_is_not_waited_for(run: Run, home: Path, words: tuple[str, ...]) -> None:
    os.mkfifo(home / "pipe")
    (home / "real.csv").write_text("name,cpu_milli,memory_mib,num_gpu,gpu_milli,creation_time,deletion_time\n")
    ran = run(*words)
    assert ran.code != 0
    assert "pipe" in ran.err
    assert "is no regular file" in ran.err or words[0] == "apply"


@pytest.mark.parametrize(
    "words", [("why", "a\udcff"), ("when", "--snapshot", "", "job/a\udcff"), ("why", "-n", "\udcff", "train")], ids=repr
)
def test_a_word_that_is_no_text_is_named(run: Run, words: tuple[str, ...]) -> None:
    ran = run(*words)
    assert ran.code == 2
    assert "is not UTF-8\n" in ran.err
    assert "a mistake in Allotment" not in ran.err


def test_of_other_text_that_is_none_nothing_is_told() -> None:
    error = UnicodeEncodeError("utf-8", "secret\udcff", 6, 7, "surrogates not allowed")
    assert describe(error, ["why", "train"]).what == "a name or a value is not UTF-8"


LONG = "9" * 5000
LONG_NUMBERS = {
    "a scenario": (("simulate", "f"), f'{{"id": "x", "seed": {LONG}}}', "f:1: seed is a number of 5,000 digits"),
    "a placement": (
        ("capacity", "--file", "f"),
        f'{{"id": "x", "nodes": [{{"name": "n", "allocatable": {{"cpu": {LONG}}}}}], "pods": []}}',
        "f:1: nodes[0].allocatable.cpu is a number of 5,000 digits",
    ),
    "recorded answers": (
        ("conformance", "kueue", "f"),
        f'{{"id": "x", "decisions": [{{"t": {LONG}}}]}}',
        "f:1: decisions[0].t is a number of 5,000 digits",
    ),
    "a saved run": (
        ("compare", "f", "f"),
        f'{{"kind": "SimulationRun", "makespanSeconds": {LONG}}}',
        "f: makespanSeconds is a number of 5,000 digits",
    ),
    "a saved plan": (
        ("apply", "f"),
        f'{{"steps": [{LONG}]}}',
        "f: this is not a saved plan\n  why: steps[0] is a number of 5,000 digits",
    ),
    "a kubeconfig": (
        ("preflight", "my-platform", "--cluster", "dev-eastus", "--kubeconfig", "f"),
        f"clusters: {LONG}",
        "f:1 is not YAML",
    ),
    "a trace": (("simulate", "f"), f"; MaxProcs: {LONG}\n{'1 ' * 18}\n", "f:1: MaxProcs is '999"),
}


@pytest.mark.parametrize(("words", "text", "says"), LONG_NUMBERS.values(), ids=LONG_NUMBERS)
def test_a_number_of_thousands_of_digits_is_named(
    run: Run, home: Path, acme: Path, words: tuple[str, ...], text: str, says: str
) -> None:
    (home / "f").write_text(text, encoding="utf-8")
    ran = run(*words)
    assert ran.code == 1
    assert says in ran.err
    assert "fix:" in ran.err
    assert len(ran.err) < 500


@pytest.mark.parametrize("words", [("compare", "f", "f"), ("config", "view")], ids=" ".join)
def test_brackets_without_end_are_said_in_words(run: Run, home: Path, words: tuple[str, ...]) -> None:
    folder = home.parent / "config" / "allotment"
    folder.mkdir(parents=True)
    for file in (home / "f", *([folder / "config.yaml"] if words[0] == "config" else [])):
        file.write_text("[" * 5000, encoding="utf-8")
    ran = run(*words)
    assert ran.code == 1
    assert "nested too deeply" in ran.err
    assert "recursion" not in ran.err


def test_a_setting_of_thousands_of_digits_is_named(run: Run, home: Path) -> None:
    folder = home.parent / "config" / "allotment"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(f"cluster: x\noutput: {LONG}\n", encoding="utf-8")
    ran = run("config", "view")
    assert ran.code == 1
    assert "a number of 5,000 digits" in ran.err
    assert "line 2" in ran.err


def test_a_name_with_a_newline_stays_on_its_line(run: Run, acme: Path) -> None:
    (acme / "teams" / "x\nerror: y\x1b[31m.yaml").write_text("kind: Taem\n", encoding="utf-8")
    ran = run("validate", "my-platform")
    assert ran.code == 1
    headline = 'teams/x\\nerror: y\\x1b[31m.yaml:1:1: error: kind: unknown kind "Taem"'
    assert headline in ran.err.splitlines()
    assert "\x1b" not in ran.err


@pytest.mark.parametrize("words", [("validate", "no\nsuch"), ("simulate", "no\nsuch"), ("plan", "no\nsuch")])
def test_a_name_that_is_not_there_is_one_line_too(run: Run, home: Path, words: tuple[str, ...]) -> None:
    ran = run(*words)
    assert "no\\nsuch" in ran.err.splitlines()[0]
    assert not any(line.startswith("such") for line in ran.err.splitlines())


@pytest.mark.parametrize(("code", "fix"), [(errno.ENOSPC, "free some space"), (errno.EACCES, "permissions")])
def test_what_the_disk_says_has_its_own_fix(code: int, fix: str) -> None:
    failure = describe(OSError(code, os.strerror(code), "teams/nlp.yaml"))
    assert failure.what == f"teams/nlp.yaml: {os.strerror(code)}"
    assert fix in failure.fix
