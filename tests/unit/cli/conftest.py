"""The command line in this process: fast, with the reference platform as `my-platform` in an empty folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from allotment.adapters.kube.fake import FakeKube
from allotment.cli.main import cli

ROOT = Path(__file__).parents[3]
ACME = ROOT / "examples" / "acme"


@dataclass(frozen=True, slots=True)
class Ran:
    """One finished command."""

    code: int
    out: str
    err: str

    def ok(self) -> str:
        """Standard output of a command that must have worked."""
        assert self.code == 0, f"exit code {self.code}\n{self.out}\n{self.err}"
        return self.out

    def json(self) -> Any:
        return json.loads(self.ok())


Run = Callable[..., Ran]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with no settings, in an empty folder."""
    for name in ("ALLOTMENT_PLATFORM", "ALLOTMENT_CLUSTER", "ALLOTMENT_OUTPUT", "KUBECONFIG", "COLUMNS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("CLICOLOR_FORCE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def acme(home: Path) -> Path:
    """The reference platform, copied so that it may be edited."""
    target = home / "my-platform"
    shutil.copytree(ACME, target)
    return target


@pytest.fixture(scope="session")
def servers() -> dict[str, FakeKube]:
    """Servers that took long to fill, by what they hold; tests hold the same, and leave these alone."""
    return {}


@pytest.fixture
def run(home: Path) -> Run:
    """Run a command line in this process."""

    def call(*args: str, env: Mapping[str, str] | None = None, typed: str | None = None, program: str = "allot") -> Ran:
        result = CliRunner().invoke(cli, list(args), env=env, input=typed, prog_name=program)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    return call
