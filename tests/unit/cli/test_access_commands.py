"""`allot login` and `allot people`: what they open, and what they tell to type next."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from allotment.cli.commands.access.signing import _open_page
from allotment.cli.commands.run import serving
from tests.unit.cli.conftest import Run, home, run

__all__ = ["home", "run"]  # fixtures

ADDRESS = "https://login.example/auth?state=1"


def test_the_browser_that_is_named_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that lasts holds up nobody: its answer is waited for meanwhile."""
    script, told, closed = (tmp_path / each for each in ("browser", "told", "closed"))
    lasts = f"while [ ! -e {closed} ]; do sleep 0.05; done"
    script.write_text(f'#!/bin/sh\nprintf %s "$1" > {told}\n{lasts}\n')
    script.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(script))
    session = SimpleNamespace(note=lambda _: None, no_input=False, environment={"BROWSER": str(script)})
    _open_page(session, ADDRESS)  # type: ignore[arg-type]
    (browser,) = (each for each in threading.enumerate() if each.name == "browser")
    end = time.monotonic() + 20
    while not (told.exists() and told.read_text()):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert told.read_text() == ADDRESS
    closed.touch()
    browser.join(20)


@pytest.mark.parametrize("server", ["", "https://allotment.acme.example:7433/"])
def test_where_nobody_looks_the_address_alone_is_on_standard_output(
    run: Run, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    status = SimpleNamespace(listens="http://127.0.0.1:7433")
    service = SimpleNamespace(status=lambda: status, browser_code=lambda: "code")
    monkeypatch.setattr(serving, "asked_server", lambda _session: service)
    told = run("open", "--no-input", *(("--server", server) if server else ()))
    assert (told.ok(), told.err) == (f"{server.rstrip('/') or 'http://127.0.0.1:7433/#enter=code'}\n", "")


@pytest.mark.parametrize(
    ("words", "missing"), [(("--standby",), "--foreground"), (("--standby", "--foreground"), "--shared-folder")]
)
def test_a_standby_that_cannot_be_is_refused_before_anything_is_started(
    run: Run, words: tuple[str, ...], missing: str
) -> None:
    told = run("up", *words)
    assert (told.code, told.err.startswith("error: ")) == (2, True)
    assert missing in told.err.partition("\n  fix: ")[2]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--platform", "."), "--platform"),
        (("--slots", "4"), "--slots"),
        (("--store", "mine.db"), "--store"),
        (("--repository", "https://forge.example/p.git"), "--repository"),
    ],
)
def test_a_demo_takes_nothing_that_is_real(run: Run, words: tuple[str, ...], named: str) -> None:
    told = run("up", "--demo", *words)
    assert (told.code, told.err.splitlines()[0]) == (2, f"error: a demo has no {named}")


def test_whose_jobs_go_on_is_told_with_a_command_that_there_is(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    person = SimpleNamespace(name="carl@acme.example")
    service = SimpleNamespace(shut_out=lambda _name, *, out: person)
    monkeypatch.setattr(serving, "asked_server", lambda _session: service)
    told = run("people", "shut-out", "carl@acme.example")
    assert "his jobs go on: `allot ps -A -l owner=carl@acme.example`" in told.err
    assert "there is no flag" not in run("ps", "-A", "-l", "owner=carl@acme.example").err
