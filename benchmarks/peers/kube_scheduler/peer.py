"""The real kube-scheduler as a process beside ours: built once from pinned modules, asked over stdin and stdout."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.peers.program import Program

PROGRAM = Program(Path(__file__).parent)

Scenario = Mapping[str, Any]
Answer = dict[str, Any]


def ask(command: str, scenarios: Iterable[Scenario]) -> list[Answer]:
    """Run one command of the peer over scenarios; one answer for each, in order."""
    lines = "".join(json.dumps(s, separators=(",", ":")) + "\n" for s in scenarios)
    done = subprocess.run([PROGRAM.ensure(), command], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def decide(scenarios: Iterable[Scenario]) -> list[Answer]:
    """What the real scheduler decides: `id` and `answers` for each scenario, or `error` where it could not be run.

    Answers that a scenario already has are followed where the scheduler would pick at random.
    """
    return ask("decide", scenarios)
