"""The server of one story, with a store and a repository of its own, and whoever asks it from elsewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx

from allotment.errors import AllotmentError
from tests.live.decide.conftest import git
from tests.live.oidc.browser import Person
from tests.live.server.conftest import Server
from tests.live.story.stage import Stage, declared
from tests.live.story.wall_clock import WallClock
from tests.loopback import free_port
from tools.oidc_provider import RunningProvider

_PATIENCE: Final = 90.0
_AWAY: Final = 9
"""Exit code where nobody answers."""
_CONFLICT: Final = 6
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass
class House:
    """A server that may be killed at any moment, and what it keeps elsewhere.

    Attributes:
        words: with which it is started, each time.
        folder: of the story.
        clock: the server's.
        remote: the bare repository.
        starts: how often it was started.
        refused: why it could not be started at once.
    """

    server: Server
    words: tuple[str, ...]
    folder: Path
    clock: WallClock
    remote: Path
    address: str
    provider: RunningProvider
    starts: int = 0
    refused: list[str] = field(default_factory=list)
    alone: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> int:
        """Start it, as a service manager does: again, where it ends at once."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                pid = self.server.up(*self.words)
            except AllotmentError as error:
                self.refused.append(error.line)
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
            else:
                self.starts += 1
                return pid

    def kill(self) -> None:
        """End it as a crash does, and start it again."""
        with self.alone:
            pid = self.server.process.service.status().pid
            self.server.kill(pid)
            self.start()

    def later(self, seconds: int) -> None:
        """Let so much time pass for it, and for nobody else."""
        self.clock.set_ahead(seconds)

    @property
    def last_words(self) -> str:
        """The end of its log."""
        (log,) = (self.server.state or self.folder).rglob("server.log")
        return log.read_text(errors="replace")[-4000:]

    def run(self, *words: str) -> str:
        """What a command of the server's own user says, asked again while nobody answers."""
        return surely(lambda: _run(words, self.server.home, self.server.environment))

    def listed(self, *words: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.run(*words, "-o", "json"))["items"]
        return found

    def log(self, *words: str) -> str:
        return git(self.remote, "log", *words, "main")


@dataclass(frozen=True)
class Colleague:
    """Somebody at a machine of his own, who signs in through a browser."""

    login: str
    home: Path
    house: House

    @property
    def environment(self) -> dict[str, str]:
        here = os.environ.items()
        clean = {name: each for name, each in here if not name.startswith(("ALLOTMENT_", "PYTEST", "XDG_"))}
        return {**clean, "HOME": str(self.home), "NO_COLOR": "1"}

    def run(self, *words: str, done: Callable[[], bool] | None = None) -> str:
        """What a command says; asked again while nobody answers.

        Args:
            words: of the command.
            done: whether what was asked for has happened, for what must not happen twice: where an answer was lost, the
                next time is a conflict.
        """
        return surely(lambda: _run(words, self.home, self.environment), done)

    def asks(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run(*words, "-o", "json"))
        return found

    def sign_in(self) -> None:
        """Sign in, again where the server ends meanwhile."""
        until = time.monotonic() + _PATIENCE
        while not self._signed_in():
            assert time.monotonic() < until, f"{self.login} cannot sign in"
            time.sleep(0.3)

    def _signed_in(self) -> bool:
        ca = ("--oidc-ca", str(self.house.provider.authority))
        with subprocess.Popen(
            [sys.executable, "-m", "allotment", "login", self.house.address, *ca, "--no-input"],
            cwd=self.home, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            assert process.stderr is not None
            said = process.stderr.readline()
            addresses = re.findall(r"https://\S+", said)
            if not addresses:
                _, more = process.communicate(timeout=60)
                assert process.returncode == _AWAY, f"{said}{more}"
                return False
            (redirect,) = parse_qs(urlsplit(addresses[0]).query)["redirect_uri"]
            query = Person(self.house.provider.authority, self.login).browse(addresses[0], redirect)
            httpx.get(f"{redirect}?{query}", trust_env=False)
            _, more = process.communicate(timeout=60)
            # Whoever was answered by nobody has his sign-in used up all the same: it is good for once.
            used = "this sign-in is over" in more
            assert used or process.returncode in (0, _AWAY), f"{said}{more}"
            return process.returncode == 0


def surely(act: Callable[[], subprocess.CompletedProcess[str]], done: Callable[[], bool] | None = None) -> str:
    """What a command says when it is answered."""
    until = time.monotonic() + _PATIENCE
    while (result := act()).returncode != 0:
        lost = result.returncode == _CONFLICT and done is not None and done()
        if lost:
            return result.stdout
        assert result.returncode == _AWAY, f"{result.args}: {result.returncode}\n{result.stdout}\n{result.stderr}"
        assert time.monotonic() < until, f"nobody answers {result.args}: {result.stderr}"
        time.sleep(0.2)
    return result.stdout


def _run(words: tuple[str, ...], home: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "allotment", *words],
        cwd=home, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@contextmanager
def kept(
    folder: Path,
    stage: Stage,
    provider: RunningProvider,
    store: str,
    library: Path,
    further: Mapping[str, str] = _NOTHING,
) -> Iterator[House]:
    """A server for the stage, started.

    Args:
        folder: of the story, for all that is not elsewhere.
        stage: the clusters.
        provider: of identities.
        store: address of an empty database.
        library: by which its clock is another.
        further: files of the platform directory, in place of those of the story or beside them.
    """
    directory, remote, clock = folder / "platform", folder / "platform.git", WallClock(library, folder / "clock")
    for path, text in {**declared().files, **further}.items():
        place = directory / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    git(directory, "init", "-q", "-b", "main")
    git(directory, "add", "-A")
    git(directory, "commit", "-q", "-m", "as it was")
    git(folder, "clone", "-q", "--bare", str(directory), str(remote))
    clock.set_ahead(0)
    port = free_port()
    environment = {**clock.environment, "KUBECONFIG": str(stage.kubeconfig), "ALLOTMENT_STORE": store}
    home = folder / "home"
    home.mkdir()
    server = Server(home, further=environment)
    words = (
        "--platform", str(directory), "--store", store, "--repository", str(remote), "--listen", f"127.0.0.1:{port}",
        "--oidc-issuer", provider.issuer, "--oidc-ca", str(provider.authority),
        "--oidc-scopes", "openid profile email groups",
    )  # fmt: skip
    house = House(server, words, folder, clock, remote, f"http://127.0.0.1:{port}", provider)
    house.start()
    try:
        yield house
    except BaseException as error:
        error.add_note(f"the server's log ends so:\n{house.last_words}")
        raise
    finally:
        house.server.end()
