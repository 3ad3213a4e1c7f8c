"""Locks between processes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from allotment.adapters.sandbox.locking import exclusive
from allotment.errors import ConflictError

HOLDER = """
import sys, time
from pathlib import Path
from allotment.adapters.sandbox.locking import exclusive
with exclusive(Path(sys.argv[1]), wait_seconds=0, what="it"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_holder_is_told_who_holds_it_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        waited: list[float] = []
        with (
            pytest.raises(ConflictError, match="sandbox x") as caught,
            exclusive(lock, wait_seconds=0.01, what="sandbox x", waiting=waited.append),
        ):
            pytest.fail("two holders")
        assert str(holder.pid) in caught.value.why
        assert waited
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with exclusive(lock, wait_seconds=0, what="it"):
        assert lock.exists()


def test_a_lock_file_that_its_holder_removed_is_made_anew(tmp_path: Path) -> None:
    lock = tmp_path / "deep" / "lock"
    with exclusive(lock, wait_seconds=0, what="it"):
        lock.unlink()
        with exclusive(lock, wait_seconds=0, what="it"):
            assert lock.exists()
