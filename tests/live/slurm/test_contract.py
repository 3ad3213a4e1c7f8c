"""The contract of `SlurmPort` on a real Slurm: over slurmrestd, and over its commands."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from allotment.adapters.slurm.client import SlurmRest
from allotment.adapters.slurm.commands import SlurmCommands
from allotment.ports.slurm import SlurmPort
from tests.unit.adapters.slurm.contract import Bench, DisplacementContract, SlurmContract

pytestmark = pytest.mark.live


class TestRest(SlurmContract):
    @pytest.fixture
    def bench(self, rest: SlurmRest, bench_on: Callable[[SlurmPort], Bench]) -> Bench:
        return bench_on(rest)


@pytest.mark.nightly
class TestCommands(SlurmContract):
    """By day `test_jobs` and the displacement go through commands."""

    @pytest.fixture
    def bench(self, commands: SlurmCommands, bench_on: Callable[[SlurmPort], Bench]) -> Bench:
        return bench_on(commands)


class TestDisplacement(DisplacementContract):
    @pytest.fixture
    def bench(self, commands: SlurmCommands, bench_on: Callable[[SlurmPort], Bench]) -> Bench:
        return bench_on(commands)

    def when_it_runs(self, bench: Bench, times: int) -> None:
        """A program that leaves with 0 when it is warned is requeued all the same, and goes on from its checkpoint."""
        output = Path(bench.directory) / "lasting.out"

        def begun() -> list[str]:
            found = re.findall(r"^from (\d+)$", output.read_text() if output.exists() else "", re.MULTILINE)
            return found if len(found) == times else []

        left = re.findall(r"^left at (\d+)$", output.read_text(), re.MULTILINE) if times > 1 else []
        assert bench.until(begun) == ["0", *left]
