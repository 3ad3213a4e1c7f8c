"""A server's process on this machine, seen by whoever has not started it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from allotment.adapters.server.process import ServerProcess

SLEEPS = "import time; print(flush=True); time.sleep(60)"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-m", "allotment.api", "--slots", "4", "--notices", "/a b"), ("--slots", "4", "--notices", "/a b")),
        (("-m", "allotment.api"), ()),
        (("-m", "something.else", "--slots", "4"), None),
    ],
)
def test_what_a_server_was_started_with(tmp_path: Path, words: tuple[str, ...], told: tuple[str, ...] | None) -> None:
    process = subprocess.Popen([sys.executable, "-c", SLEEPS, *words], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        process.stdout.readline()
        assert ServerProcess(tmp_path, "socket", {}).started_with(process.pid) == told
    finally:
        process.kill()
        process.communicate()


def test_of_a_process_that_is_not_there_nothing_is_known(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert ServerProcess(tmp_path, "socket", {}).started_with(process.pid) is None
