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


def test_whose_jobs_go_on_is_told_with_a_command_that_there_is(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    person = SimpleNamespace(name="carl@acme.example")
    service = SimpleNamespace(shut_out=lambda _name, *, out: person)
    monkeypatch.setattr(serving, "asked_server", lambda _session: service)
    told = run("people", "shut-out", "carl@acme.example")
    assert "his jobs go on: `allot ps -A -l owner=carl@acme.example`" in told.err
    assert "there is no flag" not in run("ps", "-A", "-l", "owner=carl@acme.example").err
