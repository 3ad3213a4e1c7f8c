"""A server with people, jobs and requests, as a team has it after some weeks: what the portal's tests look at."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser

from allotment.adapters.server.client import RemoteServer
from allotment.adapters.server.ways import SocketWay
from allotment.adapters.store.places import place_of
from allotment.adapters.store.writing import SqlStore
from allotment.model.jobs.job import (
    AcceleratorWish,
    DependencyState,
    Job,
    JobDependency,
    JobType,
    Program,
    ReplicaNeeds,
)
from allotment.model.jobs.run import JobState
from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.requests.terms import RequestKind, WorkloadType
from allotment.ports.job_service import JobSubmission
from allotment.ports.request_service import AskedRequest
from allotment.ports.stored_jobs import StoredJob
from allotment.wiring import running
from benchmarks.run.store import drawn, fill
from tests.live.portal.browsing import LAPTOP, Visit
from tests.live.portal.lines import Line
from tests.live.server.conftest import Server
from tools.oidc_provider import RunningProvider

RUNS: Final = "exec sleep 100000"
"""A program that runs until it is stopped."""
PEOPLE: Final = {
    "ada": ("acme-nlp",),
    "bob": ("acme-cv",),
    "vic": ("acme-audit",),
    "eve": ("acme-platform-engineers", "acme-engineering-leads"),
}
"""Groups of those who may sign in: members of two teams, who only looks, and who decides."""
PAST: Final = 200
"""Jobs that were over long ago."""
TEAMS: Final = ("cv", "data-science", "nlp", "recsys")
SECRET: Final = "xenon-merger"
"""Stands in the names of another team's living job, and of what it says."""
HOSTILE: Final = (
    "<img src=x onerror=\"window.hurt='img'\"><script>window.hurt='script'</script>",
    "javascript:window.hurt='link' {{7*7}} ${7*7} </pre></div><style>*{display:none}</style>",
    "\u202egnp.exe \u0000\u0007 \x1b]8;;http://evil.example\x07click\x1b]8;;\x07 \x1b[31mred\x1b[0m \x1b[2J\x1b[H",
)
"""What whoever writes a log or a sentence may put into it."""


@dataclass
class House:
    """A server that runs, and how people come to it.

    Attributes:
        server: with its folders.
        line: between it and all browsers.
        browser: everybody's.
        words: that the server was started with.
    """

    server: Server
    line: Line
    browser: Browser
    words: tuple[str, ...]

    def __post_init__(self) -> None:
        self._kept: dict[str, str] = {}

    @property
    def address(self) -> str:
        """Where browsers come to."""
        return f"http://127.0.0.1:{self.line.port}"

    @property
    def service(self) -> RemoteServer:
        """What it answers to its own user."""
        return RemoteServer(SocketWay(running.server_folder(self.server.environment) / running.SOCKET))

    def visit(self, who: str = "", **context: object) -> Visit:
        """Somebody's browser, in which he has signed in before.

        Args:
            who: name at the identity provider; empty for the server's own user.
            context: what his browser is like.
        """
        wanted = {"viewport": LAPTOP, "locale": "en-GB", "timezone_id": "UTC", **context}
        if who not in self._kept:
            first = self.browser.new_context(ignore_https_errors=True)
            visit = Visit(first.new_page(), self.address)
            if who:
                signed_in(visit, who)
            else:
                visit.open(f"/#enter={self.service.browser_code()}")
                visit.settle()
            self._kept[who] = first.storage_state()  # type: ignore[assignment]
            assert visit.wrong() == []
            first.close()
        made = self.browser.new_context(storage_state=self._kept[who], **wanted)  # type: ignore[arg-type]
        made.grant_permissions(["clipboard-read", "clipboard-write"], origin=self.address)
        return Visit(made.new_page(), self.address)

    def forget(self, who: str) -> None:
        """Somebody's browser has lost its session: he signs in anew."""
        self._kept.pop(who, None)

    def submit(self, name: str, script: str, **more: object) -> StoredJob:
        """A job of a shell's script, of a team of its owner's."""
        gpus = more.pop("gpus", 0)
        wish = AcceleratorWish(int(str(gpus)), ("a100",), any_class=True) if gpus else None
        job = Job(
            name=name,
            team=str(more.pop("team", "nlp")),
            type=JobType.TRAINING,
            program=Program(("sh", "-c", script)),
            needs=ReplicaNeeds(MilliCpu(100), Bytes(64 << 20), wish),
            priority="exploratory",
        )
        return self.service.submit(JobSubmission(replace(job, **more), "local")).job  # type: ignore[arg-type]

    def until(self, reference: str, holds: Callable[[StoredJob], bool]) -> StoredJob:
        """Wait until a job is so."""
        deadline = time.monotonic() + 60
        while not holds(found := self.service.find(reference)):
            assert time.monotonic() < deadline, f"{reference} is {found.state.value}"
            time.sleep(0.1)
        return found

    def ask(self, team: str, devices: int, why: str, hours: int = 72) -> str:
        """A request for GPUs; its id."""
        asked = AskedRequest(
            RequestKind.GPUS,
            team,
            WorkloadType.TRAINING,
            why,
            accelerator="a100",
            devices=devices,
            lasts=hours * 3_600_000,
        )
        return self.service.ask(asked).id


def signed_in(visit: Visit, login: str) -> None:
    """Sign in at the identity provider, as a person does."""
    page = visit.open("/")
    page.get_by_role("button", name="Sign in").click()
    page.locator("input[name=login]").fill(login)
    page.locator("input[name=password]").fill("x")
    page.locator("button[type=submit]").click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("navigation", name="Main").wait_for()
    visit.settle()


@contextmanager
def house(folder: Path, browser: Browser, provider: RunningProvider | None) -> Iterator[House]:
    """One that runs as long as the block lasts, with all that a team has after some weeks."""
    home = folder / "home"
    home.mkdir()
    with place_of(str(folder / "store.db")).writer("tests") as opened:
        assert isinstance(opened, SqlStore)
        fill(opened, past(PAST))
    platform = _platform(folder / "platform")
    with started(
        Server(home), ("--platform", str(platform), "--store", str(folder / "store.db")), browser, provider
    ) as made:
        populate(made)
        yield made


@contextmanager
def started(
    server: Server, words: tuple[str, ...], browser: Browser, provider: RunningProvider | None
) -> Iterator[House]:
    """A server of one's own, in which nothing has happened yet.

    Args:
        server: with its folders, not started.
        words: that it is started with besides those by which browsers, and people, come in.
        browser: everybody's.
        provider: where people sign in; None where nobody can.
    """
    words = (*words, "--listen", "127.0.0.1:0")
    if provider is not None:
        for login, groups in PEOPLE.items():
            provider.enroll(login, *groups)
        words = (*words, "--oidc-issuer", provider.issuer, "--oidc-ca", str(provider.authority))
        words = (*words, "--oidc-scopes", "openid profile email groups")
    line = None
    try:
        server.up(*words)
        line = Line(int(server.service.status().listens.rpartition(":")[2]))
        yield House(server, line, browser, words)
    finally:
        if line is not None:
            line.close()
        if "--demo" in words:
            # Its jobs are made up: they end with it.
            server.run("down")
            server.reap()
        else:
            server.end()
        for login in PEOPLE if provider is not None else ():
            provider.withdraw(login)


def past(number: int) -> Iterator[StoredJob]:
    """Jobs that are over, of the example's teams, always the same."""
    rng = random.Random(7)
    for each in range(number):
        made = drawn(each + 1, rng)
        if made.state.over:
            yield replace(
                made, job=replace(made.job, team=rng.choice(TEAMS), priority="exploratory"), id=f"p{each:07d}"
            )


def populate(made: House) -> None:
    """Living jobs and requests."""
    hostile = made.server.home / "hostile"
    hostile.write_bytes("\n".join(HOSTILE).encode() + b"\nraw \xff\xfe\x80 bytes\n")
    made.submit("loud", f"cat {hostile}; exec sleep 100000", gpus=1, labels={"model": "x"})
    made.submit("chatty", "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.5; done", gpus=1)
    made.submit(f"{SECRET}-run", f"echo {SECRET}; exec sleep 100000", team="cv", gpus=2)
    broken = made.submit("broken", "echo it broke >&2; exit 3")
    fine = made.submit("fine", "seq 1 40")
    made.submit("after", "true", after=(JobDependency(made.service.find("loud").id, DependencyState.SUCCEEDED),))
    made.submit("big", "true", gpus=8)
    made.ask("nlp", 8, f"a release {HOSTILE[0]}")
    made.ask("cv", 8, f"because of {SECRET}")
    made.ask("nlp", 1, "a bug")
    made.until(broken.id, lambda job: job.state.over)
    made.until(fine.id, lambda job: job.state is JobState.SUCCEEDED)
    made.until("loud", lambda job: job.state is JobState.RUNNING)


def _platform(folder: Path) -> Path:
    shutil.copytree(running.example_platform(), folder)
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "as it was")):
        who = ("-c", "user.name=Grace", "-c", "user.email=grace@acme.example")
        subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)
    return folder
