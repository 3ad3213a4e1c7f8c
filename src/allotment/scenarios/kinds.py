"""What a file holds, told from its first line rather than its name; and which of the two scenarios one is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

from allotment.errors import InputError
from allotment.model.lines import TextLine

QUEUEING_SCENARIOS: Final = "queueing scenarios (JSON Lines with clusterQueues and workloads)"
PLACEMENT_SCENARIOS: Final = "placement scenarios (JSON Lines with nodes and the pods on them)"
ANY_FILE: Final = "scenarios as JSON Lines, Philly's CSV, an openb pod list, or a Standard Workload Format file"


class FileKind(StrEnum):
    """What `allot simulate` reads."""

    SCENARIO = "scenario"
    PHILLY = "philly"
    SWF = "swf"
    OPENB = "openb"


class ScenarioKind(StrEnum):
    """Which of the twins a scenario is for."""

    QUEUEING = "queueing"
    PLACEMENT = "placement"


IN_WORDS: Final[Mapping[FileKind, str]] = {
    FileKind.SCENARIO: "a file of scenarios",
    FileKind.PHILLY: "a trace (Philly's CSV)",
    FileKind.SWF: "a trace (Standard Workload Format)",
    FileKind.OPENB: "an openb pod list",
}
"""A kind, where a sentence says what a file is."""
_QUEUEING_FIELDS: Final = frozenset({"clusterQueues", "workloads", "flavors"})
_PLACEMENT_FIELDS: Final = frozenset({"nodes", "pods", "existing"})


def kind_of(file: str, lines: Iterable[TextLine], wanted: str = ANY_FILE) -> FileKind:
    """Look at the first line that is not blank.

    Args:
        file: its name.
        lines: what it holds.
        wanted: what is read where the question is asked.

    Raises:
        InputError: it is none of the kinds.
    """
    line = next((each.text for each in lines if each.text.strip()), "").strip()
    columns = {cell.strip() for cell in line.split(",")}
    if line.startswith("{"):
        return FileKind.SCENARIO
    if columns >= {"timestamp", "duration", "num_gpus", "cluster"}:
        return FileKind.PHILLY
    if columns >= {"cpu_milli", "num_gpu", "gpu_milli"}:
        return FileKind.OPENB
    if line.startswith(";") or _is_swf(line):
        return FileKind.SWF
    raise InputError(
        f"{file} holds no scenario and no trace that is known",
        why=f"its first line is {line[:60]!r}" if line else "it is empty",
        fix=f"name {wanted}",
    )


def _is_swf(line: str) -> bool:
    parts = line.split()
    return len(parts) >= 18 and all(part.lstrip("-").replace(".", "", 1).isdigit() for part in parts)


def scenario_kind(data: Mapping[str, Any]) -> ScenarioKind | None:
    """Which of the two a parsed scenario is; None where it has the fields of neither.

    Nodes are in both: what has queues, flavors or workloads too is about queues.
    """
    there = {name for name, value in data.items() if value is not None}
    if there & _QUEUEING_FIELDS:
        return ScenarioKind.QUEUEING
    return ScenarioKind.PLACEMENT if there & _PLACEMENT_FIELDS else None
