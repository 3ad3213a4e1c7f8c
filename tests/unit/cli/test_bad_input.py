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
