"""Recognising, starting and stopping processes, with real ones."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from allotment.adapters.sandbox import processes
from allotment.adapters.sandbox.processes import MARKER, Process, alive, marked, parse_stat, stop, tail

STUBBORN = (
    "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)


@pytest.fixture
def marker(tmp_path: Path) -> Iterator[str]:
    yield str(tmp_path / "state")
    for process in marked(str(tmp_path / "state")):
        os.kill(process.pid, signal.SIGKILL)


def start(marker: str, tmp_path: Path, code: str = "import time; time.sleep(60)") -> Process:
    log = tmp_path / "dummy.log"
    return processes.start([sys.executable, "-c", code], folder=tmp_path, env={MARKER: marker}, log=log)


def test_a_started_process_is_alive_marked_and_in_its_own_session(marker: str, tmp_path: Path) -> None:
    process = start(marker, tmp_path)
    assert alive(process, marker)
    assert marked(marker) == [process]
    assert os.getsid(process.pid) == process.pid
    assert processes.memory_bytes(process.pid) > 0
    stop([process], marker, grace_seconds=5)


def test_a_recycled_id_or_a_foreign_process_is_never_ours(marker: str, tmp_path: Path) -> None:
    process = start(marker, tmp_path)
    recycled = dataclasses.replace(process, start_time=process.start_time + 1)
    assert not alive(recycled, marker)
    assert not alive(process, marker + "-other")
    stop([recycled], marker, grace_seconds=1)
    stop([process], marker + "-other", grace_seconds=1)
    assert alive(process, marker)
    stop([process], marker, grace_seconds=5)
    assert not alive(process, marker)
    assert marked(marker) == []


def test_sigkill_for_those_who_do_not_listen(marker: str, tmp_path: Path) -> None:
    process = start(marker, tmp_path, STUBBORN)
    while "deaf" not in (tmp_path / "dummy.log").read_text():
        assert alive(process, marker)
    stop([process], marker, grace_seconds=0.2)
    assert not alive(process, marker)


def test_stopping_what_is_gone_is_fine(marker: str) -> None:
    stop([Process(2**22 + 1, 1)], marker, grace_seconds=1)


def test_a_process_that_ends_at_once_is_noticed(marker: str, tmp_path: Path) -> None:
    process = start(marker, tmp_path, "print('address already in use')")
    while alive(process, marker):
        pass
    assert tail(tmp_path / "dummy.log") == "address already in use"


def test_the_log_of_the_start_before_is_kept(marker: str, tmp_path: Path) -> None:
    for word in ("first", "second"):
        process = start(marker, tmp_path, f"print('{word}')")
        while alive(process, marker):
            pass
    assert tail(tmp_path / "dummy.log") == "second"
    assert tail(tmp_path / "dummy.previous.log") == "first"


STAT = "42 (a (mad) name) {state} 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 777 1 1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (STAT.format(state="S"), ("live", 777)),
        (STAT.format(state="R"), ("live", 777)),
        (STAT.format(state="Z"), ("dead", 777)),
        ("42 (cut off) S 1", None),
        ("", None),
    ],
    ids=["sleeping", "running", "zombie", "cut off", "empty"],
)
def test_parse_stat(text: str, expected: tuple[str, int] | None) -> None:
    assert parse_stat(text) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [("", "is empty"), ("\n".join(str(line) for line in range(100)), "98\n99"), ("x" * 900, "x" * 400)],
    ids=["empty", "the last lines", "long lines are cut"],
)
def test_tail(tmp_path: Path, content: str, expected: str) -> None:
    log = tmp_path / "log"
    log.write_text(content)
    assert tail(log, lines=2).endswith(expected)


def test_tail_of_a_missing_log(tmp_path: Path) -> None:
    assert "does not exist" in tail(tmp_path / "nothing.log")
