"""kill -9 in the middle of anything: what was told as kept is there, and nothing is there in part."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.corpus
ROOT = Path(__file__).resolve().parents[3]


def killed(address: str, seed: int, rounds: int) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.corpus.store.killed", address, str(seed), str(rounds)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, int] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("seed", "rounds"), [(1, 15), *(pytest.param(each, 25, marks=pytest.mark.nightly) for each in range(2, 14))]
)
def test_a_killed_writer_leaves_all_that_it_kept_and_nothing_in_part(
    quick_folder: Path, seed: int, rounds: int
) -> None:
    found = killed(str(quick_folder / f"{seed}.db"), seed, rounds)

    assert found["rounds"] == rounds
    assert found["done"] > rounds, "hardly anything was done"
