"""Processes that another run wrote down."""

from __future__ import annotations

import subprocess
import sys

from allotment.adapters.processes import has_ended, myself


def test_a_process_that_runs_has_not_ended() -> None:
    assert len(myself().split()) == 3
    assert not has_ended(myself())


def test_one_that_was_ended_has() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "from allotment.adapters.processes import myself; print(myself(), flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert not has_ended(name)
        process.kill()
    assert has_ended(name)


def test_one_of_another_machine_or_no_name_at_all_is_not_known_to_have() -> None:
    place, number, started = myself().split()
    assert not has_ended(f"another-boot/pid:[1] {number} {started}")
    assert has_ended(f"{place} {number} 1")
    assert not has_ended("")
    assert not has_ended(f"{place} x y")
