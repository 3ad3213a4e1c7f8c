"""What commands suggest as next steps works as it is printed."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from tests.unit.cli.conftest import ROOT, Run


def suggested(text: str) -> list[str]:
    """The commands below the word Next."""
    _, _, steps = text.partition("Next\n")
    return [line.strip() for line in steps.splitlines() if not line.strip().startswith("#")]


@pytest.mark.parametrize("place", ["my-platform", "my platform"])
def test_the_starter_s(run: Run, home: Path, place: str) -> None:
    ran = run("init", place)
    ran.ok()
    steps = suggested(ran.err)
    assert len(steps) == 3
    for step in steps:
        program, *words = shlex.split(step)
        assert program == "allot"
        run(*words).ok()


def test_the_readme_s_own_steps_warn_of_nothing(run: Run) -> None:
    """Those that need no cluster; the others are a live test."""
    block = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Ten minutes\n\n```\n")[2].partition("```")[0]
    steps = [line for line in block.splitlines() if line.split()[1] in ("init", "validate", "team", "render")]
    assert len(steps) == 5
    for step in steps:
        words = shlex.split(step, comments=True)[1:]
        ran = run(*words, *(["--yes"] if words[:2] == ["team", "remove"] else []))
        ran.ok()
        assert "warning" not in ran.out + ran.err, step
        run("validate", "my-platform", "--strict").ok()


@pytest.mark.parametrize("out", ["fleet-config", "fleet config"])
@pytest.mark.parametrize("versioned", [False, True])
def test_a_rendered_tree_s(run: Run, acme: Path, out: str, versioned: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "a")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "a@b.example")
    if versioned:
        subprocess.run(["git", "init", "--quiet"], cwd=acme.parent, check=True)
    (hand_over,) = [step for step in suggested(run("render", "my-platform", "--out", out).ok()) if "git" in step]
    assert ("git init" in hand_over) is not versioned
    done = subprocess.run(["bash", "-ec", f"{hand_over} --message first"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (acme.parent / out / ".git").exists() is not versioned
