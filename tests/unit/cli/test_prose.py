"""README and documents: every command, flag, make target and link that they name exists; the first steps really run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from allotment.cli.main import cli
from allotment.cli.shell.lazy import LazyGroup
from tests.unit.cli.conftest import ROOT, Run

PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/**/*.md")]
    if path.is_file()
)
FENCE = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(allot [^`]+)`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def command_lines(text: str) -> Iterator[str]:
    for block in FENCE.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            bare = line.removeprefix("$ ").partition("  #")[0]
            for part in re.split(r"&&|\|", bare):
                yield from re.findall(r"(?:^|\(|\s)(allot [^()]*)", part.strip())
    yield from INLINE.findall(text)


def resolve(line: str) -> tuple[click.Command, list[str]]:
    words = shlex.split(line)[1:]
    command: click.Command = cli
    while words and isinstance(command, LazyGroup) and not words[0].startswith("-"):
        inner = command.get_command(click.Context(command), words[0])
        assert inner is not None, f"no command {words[0]!r} in: {line}"
        command, words = inner, words[1:]
    return command, words


def test_there_is_something_to_check() -> None:
    assert sum(len(list(command_lines(page.read_text(encoding="utf-8")))) for page in PAGES) > 50


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_and_flags_exist(page: Path) -> None:
    for line in command_lines(page.read_text(encoding="utf-8")):
        if line.startswith(("allot verb", "allot …", "allot ...")) or "`" in line:
            continue
        command, words = resolve(line)
        known = {flag for param in command.params for flag in (*param.opts, *param.secondary_opts)} | {"--help", "-h"}
        mine = words[: words.index("--")] if "--" in words else words  # what follows is a script's own
        for word in mine:
            if re.fullmatch(r"-[a-zA-Z]|--[a-z][a-z-]*(=.*)?", word):
                assert word.partition("=")[0] in known | {"--version"}, f"{word} in: {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        for target in re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert target in targets, f"make {target} in {page.name}"


def test_the_first_steps_of_the_readme_run(run: Run, home: Path) -> None:
    steps = [
        line
        for line in command_lines((ROOT / "README.md").read_text(encoding="utf-8"))
        if "my-platform" in line and "sandbox" not in line
    ]
    assert [step.split()[1] for step in steps[:4]] == ["init", "validate", "team", "render"]
    for step in steps[:4]:
        run(*shlex.split(step)[1:]).ok()
    assert list((home / "fleet-config").glob("clusters/*/kustomization.yaml"))
