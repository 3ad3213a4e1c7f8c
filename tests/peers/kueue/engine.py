"""Builds and runs the Go program of `benchmarks/peers/kueue`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

SOURCE = Path(__file__).resolve().parents[3] / "benchmarks" / "peers" / "kueue"
GATES_OF_020 = "RecomputeAssignmentUponPreemptionTargetsOverlap=true"
"""Kueue v0.19.2 with these gates decides as the 0.20 development version the corpus was recorded with."""


def missing() -> str | None:
    """Why the peer cannot be built here; None if it can."""
    return None if shutil.which("go") else "there is no `go` on PATH"


def build(folder: Path) -> Path:
    """The program, built into `folder`; quick if Go's build cache has it.

    Raises:
        RuntimeError: the build failed.
    """
    target = folder / "kueue-peer"
    env = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly -buildvcs=false -trimpath"}
    command = ["go", "build", "-ldflags=-s -w", "-o", str(target), "."]
    done = subprocess.run(command, cwd=SOURCE, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the peer could not be built:\n{done.stderr[-2000:]}")
    return target


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
