"""examples/jobs/train.py trains, in replicas that average their gradients, and goes on where it was told to end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.loopback import free_port

SCRIPT = Path("examples/jobs/train.py")
pytestmark = pytest.mark.corpus


def started(folder: Path, replicas: int, *args: str) -> list[subprocess.Popen[str]]:
    port = free_port()
    together = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)} if replicas > 1 else {}
    return [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), *args],
            env={
                **os.environ,
                **together,
                "ALLOTMENT_CHECKPOINT_DIR": str(folder),
                "ALLOTMENT_RANK": str(rank),
                "ALLOTMENT_REPLICAS": str(replicas),
                "OPENBLAS_NUM_THREADS": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(replicas)
    ]


def ended(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    found = [(each, each.communicate(timeout=120)[0]) for each in processes]
    return [(each.returncode, text) for each, text in found]


def kept(folder: Path) -> tuple[int, np.ndarray]:
    with np.load(folder / "model.npz") as found:
        return int(found["step"]), found["weights"]


@pytest.mark.parametrize("replicas", [1, 2])
def test_it_resumes_where_it_was_told_to_end(tmp_path: Path, replicas: int) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert [code for code, _ in ended(started(whole, replicas, "--steps", "400"))] == [0] * replicas
    first = started(parts, replicas, "--steps", "400", "--pause", "0.02")
    # One of them is told: all end after the same step.
    assert first[-1].stdout is not None
    assert "begins at step 0" in first[-1].stdout.readline()
    time.sleep(1)
    first[-1].send_signal(signal.SIGTERM)
    assert [code for code, _ in ended(first)] == [143] * replicas
    step, _weights = kept(parts)
    assert 0 < step < 400
    results = ended(started(parts, replicas, "--steps", "400"))
    assert [code for code, _ in results] == [0] * replicas
    assert all(f"begins at step {step}\n" in text for _, text in results)
    # What it learned is what it would have learned at once, to the last bit.
    assert kept(parts)[0] == 400
    assert np.array_equal(kept(parts)[1], kept(whole)[1])
    losses = [float(each) for each in re.findall(r"loss=([0-9.]+)", results[0][1])]
    assert losses[-1] < 0.1


def test_who_is_killed_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    (process,) = started(tmp_path, 1, "--steps", "100000", "--pause", "0.001", "--every", "0.01")
    deadline = time.monotonic() + 60
    while not (tmp_path / "model.npz").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    ended([process])
    step, weights = kept(tmp_path)
    assert step > 0
    assert np.isfinite(weights).all()
