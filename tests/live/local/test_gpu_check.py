"""The check for machines with GPUs, on a stand-in for their driver: server, NVML's binding and program are real."""

from __future__ import annotations

import shutil
import subprocess
import sys
from ctypes import CDLL
from pathlib import Path

import pytest

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[3]
CHECK = (sys.executable, "-m", "benchmarks.gpu.check")


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run((*CHECK, *words), cwd=ROOT, capture_output=True, text=True, timeout=290, check=False)


@pytest.mark.nightly
@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler for the stand-in")
def test_what_the_check_says_of_two_devices_of_the_stand_in() -> None:
    done = run("--stand-in", "2")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "2 of h100 (a STAND-IN: nothing computes)" in done.stdout
    assert "4 of 4 as they should be" in done.stdout


def test_without_a_gpu_it_says_why_it_does_nothing() -> None:
    try:
        CDLL("libnvidia-ml.so.1")
    except OSError:
        done = run()
        assert (done.returncode, done.stdout[:9]) == (0, "skipped: ")
        assert "no GPU was found" in done.stdout
    else:
        pytest.skip("this machine has NVIDIA's driver: run the check itself")
