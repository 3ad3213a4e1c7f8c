"""Completion: scripts that the shells accept, and live names."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from allotment.cli.main import cli
from allotment.cli.shell.completion import COMPLETE_VARIABLE
from allotment.cli.shell.session import Session
from tests.unit.cli.conftest import Run
from tests.unit.cli.test_process import BIN


def completed(line: str) -> list[str]:
    """What the shell offers for the last word."""
    *words, incomplete = line.split(" ")[1:]
    shell = BashComplete(cli, {"obj": Session(dict(os.environ))}, "allot", COMPLETE_VARIABLE)
    return [item.value for item in shell.get_completions(words, incomplete)]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("allot pl", ["plan"]),
        ("allot team re", ["rename", "remove"]),
        ("allot plan my-platform --cluster prod", ["prod-inference-eastus", "prod-inference-westeu"]),
        ("allot plan --platform my-platform --cluster train", ["training-eastus"]),
        ("allot team remove --platform my-platform c", ["cv"]),
        ("allot prove my-platform --team n", ["nlp"]),
        ("allot prove my-platform --guardrail resource", ["resource-quota"]),
        ("allot plan --cluster x --off", ["--offline"]),
        ("allot validate -o j", ["json"]),
        ("allot explain team.isol", ["team.isolation"]),
        ("allot plan nowhere --cluster d", []),
    ],
)
def test_names_are_live(acme: Path, line: str, offered: list[str]) -> None:
    assert completed(line) == offered


def test_the_environment_names_the_directory(acme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOTMENT_PLATFORM", "my-platform")
    assert completed("allot plan --cluster dev") == ["dev-eastus"]


def test_a_broken_directory_completes_nothing_and_says_nothing(acme: Path) -> None:
    (acme / "platform.yaml").write_text("{", encoding="utf-8")
    assert completed("allot plan my-platform --cluster d") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_are_for_their_shell(run: Run, shell: str) -> None:
    script = run("completion", shell).ok()
    assert f"_ALLOT_COMPLETE={shell}_complete" in script
    program = shutil.which(shell)
    if program is None:
        return  # the text is all there is to look at
    subprocess.run([program, "-n", "-c" if shell == "bash" else "/dev/stdin"], input=script, text=True, check=False)


def test_bash_completes_with_the_script(acme: Path) -> None:
    script = (
        'eval "$(allot completion bash)"; COMP_WORDS=(allot plan --platform my-platform --cluster dev); COMP_CWORD=5; '
        "_allot_completion allot; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script], cwd=acme.parent, capture_output=True, text=True, check=True,
        env={"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(acme.parent)},
    )  # fmt: skip
    assert done.stdout.split() == ["dev-eastus"]
