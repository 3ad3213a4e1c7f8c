"""The real Kueue as a process beside ours: scenarios in, answers out."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

from benchmarks.peers.program import Program

PROGRAM = Program(Path(__file__).parent)
GATES_OF_020 = "RecomputeAssignmentUponPreemptionTargetsOverlap=true"
"""Kueue v0.19.2 with these gates decides as the 0.20 development version the corpus was recorded with."""


class Peer:
    """The real Kueue in one process: a scenario in, its answer out. A context manager."""

    def __init__(self, program: Path, *, gates: str = GATES_OF_020, runs: int = 1) -> None:
        self._process = subprocess.Popen(
            [str(program), f"-gates={gates}", f"-runs={runs}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def answer(self, scenario: dict[str, Any]) -> dict[str, Any]:
        """What Kueue decides.

        Raises:
            RuntimeError: the program ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(scenario) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the peer ended on scenario {scenario['id']}")
        found: dict[str, Any] = json.loads(line)
        return found

    def answers(self, scenarios: Iterable[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Each scenario with its answer."""
        for each in scenarios:
            yield each, self.answer(each)
