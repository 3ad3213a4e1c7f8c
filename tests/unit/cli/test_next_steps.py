"""What commands suggest as next steps works as it is printed."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from allotment.cli.shell.calling import call_again
from tests.unit.cli.conftest import ROOT, Run
from tests.unit.cli.test_prose import resolve


def suggested(text: str) -> list[str]:
    """The commands below the word Next."""
    _, _, steps = text.partition("Next\n")
    return [line.strip() for line in steps.splitlines() if not line.strip().startswith("#")]


@pytest.mark.parametrize("place", ["my-platform", "my platform", "-my-platform", "it's", "~", "deep/er", "."])
def test_the_starter_s(run: Run, home: Path, place: str) -> None:
    ran = run("init", "--", place)
    ran.ok()
    steps = suggested(ran.err)
    assert len(steps) == 3
    for step in steps:
        program, *words = shlex.split(step)
        assert program == "allot"
        run(*words).ok()


@pytest.mark.parametrize(
    "call",
    [
        ("add", "robotics", "--accelerator", "a10g=1", "--cluster", "dev-eastus", "--group", "g", "--cost-center", "c"),
        ("remove", "cv", "--keep-data-until", "2999-01-31", "--yes"),
    ],
    ids=lambda words: words[0],
)
def test_those_of_an_edit(run: Run, acme: Path, call: tuple[str, ...]) -> None:
    """What follows an edit needs no cluster but for the plan, which is made offline here."""
    ran = run("team", call[0], *call[1:], "--platform", "my-platform")
    assert ran.code == 0, ran.err
    steps = suggested(ran.err)
    assert [step.split()[1] for step in steps][:2] == ["validate", "plan"]
    for step in steps[:2]:
        words = shlex.split(step)[1:]
        offline = ["--offline", *([] if "--cluster" in words else ["--cluster", "dev-eastus"])]
        run(*words, *(offline if words[0] == "plan" else [])).ok()


def test_those_of_an_offline_plan_name_what_is_there(run: Run, acme: Path) -> None:
    up, apply = suggested(run("plan", "my-platform", "--cluster", "dev-eastus", "--offline").err)
    assert up == "allot sandbox up dev-eastus --platform my-platform"
    assert apply == ("KUBECONFIG=$(allot sandbox kubeconfig dev-eastus) allot apply my-platform --cluster dev-eastus")


def test_they_call_the_program_as_it_was_called(run: Run, home: Path) -> None:
    steps = suggested(run("init", "my-platform", program="./bin/allot").err)
    assert [step.split()[0] for step in steps] == ["./bin/allot"] * 3
    plan = run("plan", "my-platform", "--offline", program="kubectl allot").err
    assert suggested(plan)[1].startswith(
        "KUBECONFIG=$(kubectl allot sandbox kubeconfig dev-eastus) kubectl allot apply "
    )


@pytest.mark.parametrize(
    ("program", "on_path", "call"),
    [
        ("allot", False, "allot"),
        ("bin/allot", True, "allot"),
        ("bin/allot", False, "bin/allot"),
        ("my bin/allot", False, "'my bin/allot'"),
        ("bin/kubectl-allot", False, "kubectl allot"),
        ("lib/allotment/__main__.py", False, f"{shlex.quote(sys.executable)} -m allotment"),
    ],
)
def test_how_to_call_it_again(home: Path, program: str, on_path: bool, call: str) -> None:
    file = home / "bin" / "allot"
    file.parent.mkdir()
    file.write_text("#!/bin/sh\n", encoding="utf-8")
    file.chmod(0o755)
    assert call_again(program, str(file.parent) if on_path else "/nowhere") == call


COMMAND = re.compile(r"`(allot [a-z][^`]*)`")


def sentences() -> Iterator[tuple[str, str]]:
    """Every fixed text of the program that shows a command, with its file; what is filled in stands as X."""
    for path in sorted((ROOT / "src" / "allotment").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        # To parse all of the house takes seconds.
        for node in ast.walk(ast.parse(source if "`allot " in source else "")):
            for command in COMMAND.findall(_fixed(node)):
                yield path.name, command


def _fixed(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr():
            return "".join(_fixed(part) or " X " for part in node.values)
        case _:
            return ""


def test_commands_in_messages_exist() -> None:
    found = list(sentences())
    assert len(found) > 15
    for file, line in found:
        if line.startswith("allot verb"):
            continue
        command, words = resolve(line)
        flags = {flag for param in command.params for flag in (*param.opts, *param.secondary_opts)} | {"--help"}
        assert {word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)} <= flags, f"{file}: {line}"


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
