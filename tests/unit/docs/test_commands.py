"""Commands that the pages show are typed as they stand where no cluster is needed; where one is, its names are real."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tests.unit.cli.conftest import ROOT, Run, home, run

__all__ = ["home", "run"]  # fixtures

_FENCE = re.compile(r"^```(?:sh|bash|console|text)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"(?:^|\$\(|&& |\| )(?:KUBECONFIG=\S+ )?(allot [^()|&>]*)")
_ON_A_CLUSTER = frozenset({"apply", "prove", "drift", "nodes", "adopt", "import", "preflight"})
_ASKS = frozenset({"why", "who", "gpus", "saturation", "queues", "quotas", "books", "waste"})
"""Need a cluster where no file is named."""
_ASKS_OR_READS = frozenset({"when", "whatif", "capacity"})
"""The same; a scenario's file will do too."""
_ON_THIS_MACHINE = frozenset(
    {
        "up",
        "down",
        "open",
        "run",
        "submit",
        "ps",
        "logs",
        "describe",
        "report",
        "wait",
        "stop",
        "retry",
        "audit",
        "token",
        "login",
        "whoami",
        "logout",
        "people",
        "request",
        "requests",
        "approve",
        "deny",
        "counter",
        "extend",
        "grant",
        "balance",
    }
)
"""Need a server, or its store; tests/live/server, tests/live/decide and tests/corpus/store type them."""
_CLUSTERS_OF_THE_SERVER = frozenset({"connect", "disconnect", "status", "rotate-key"})
"""Of `allot cluster`, what needs a server; tests/live/fleet types them."""
_SLOW = frozenset({"when", "conformance"})
"""Run by the tests of the engine's examples."""

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


@dataclass(frozen=True)
class Shown:
    """A command in a fenced block."""

    page: str
    line: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.line, comments=True)[1:]

    @property
    def offline(self) -> bool:
        """Whether it runs without a cluster."""
        verb = self.words[0]
        if verb in _ASKS_OR_READS and not {"--file", "--snapshot", "--help"} & set(self.words):
            return False
        if verb == "cluster" and self.words[1:2] and self.words[1] in _CLUSTERS_OF_THE_SERVER:
            return False
        if verb in _ASKS:
            return "--snapshot" in self.words or "--help" in self.words
        return verb not in _ON_A_CLUSTER | _ON_THIS_MACHINE | {"sandbox", "snapshot"} and not (
            verb == "plan" and "--offline" not in self.words
        )


def shown_in(page: Path) -> Iterator[Shown]:
    for block in _FENCE.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            for command in _COMMAND.findall(line.removeprefix("$ ").partition(" # ")[0]):
                yield Shown(page.name, command.strip())


BY_PAGE = {page.name: found for page in PAGES if (found := list(shown_in(page)))}


@pytest.fixture
def folder(home: Path) -> Path:
    """A folder with the repository's examples."""
    shutil.copytree(ROOT / "examples", home / "examples")
    return home


def test_there_are_such_commands() -> None:
    assert {"README.md", "cli.md", "sandbox.md", "engine.md"} <= BY_PAGE.keys()
    assert sum(shown.offline for found in BY_PAGE.values() for shown in found) > 10


@pytest.mark.parametrize("page", BY_PAGE)
def test_commands_that_need_no_cluster_run_in_the_page_s_order(run: Run, folder: Path, page: str) -> None:
    for shown in BY_PAGE[page]:
        words = shown.words
        if not shown.offline or words[0] in _SLOW:
            continue
        _begin(run, folder, words)
        done = run(*words, *(["--yes"] if words[:2] == ["team", "remove"] else []))
        assert done.code == 0, f"{shown.line}\n{done.err}"


@pytest.mark.parametrize("page", BY_PAGE)
def test_commands_that_need_a_cluster_name_real_ones(run: Run, folder: Path, page: str) -> None:
    """By the offline plan of the cluster that they name: platform and cluster have to be there."""
    for shown in BY_PAGE[page]:
        words = shown.words
        if shown.offline or "--help" in words:
            continue
        _begin(run, folder, words)
        platform, cluster = _target(words)
        if platform and cluster:
            run("plan", platform, "--cluster", cluster, "--offline", "-o", "name").ok()


def _target(words: list[str]) -> tuple[str, str]:
    """The platform directory and the cluster that a command names; empty where it names none."""
    flags = dict(pairwise(words))
    cluster = flags.get("--cluster", "")
    if words[:2] == ["sandbox", "up"]:
        return flags.get("--platform", ""), cluster or words[2]
    first = words[1] if len(words) > 1 and not words[1].startswith("-") else ""
    return flags.get("--platform", first), cluster


def _begin(run: Run, folder: Path, words: list[str]) -> None:
    """The platform that a page which does not begin one takes for granted."""
    if "my-platform" in words and words[0] != "init" and not (folder / "my-platform").exists():
        run("init", "my-platform").ok()
