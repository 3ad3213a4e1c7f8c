"""What a file holds, told from its first line rather than its name."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from allotment.errors import InputError
from allotment.model.lines import TextLine


class FileKind(StrEnum):
    """What `allot simulate` reads."""

    SCENARIO = "scenario"
    PHILLY = "philly"
    SWF = "swf"
    OPENB = "openb"


def kind_of(file: str, lines: Iterable[TextLine]) -> FileKind:
    """Look at the first line that is not blank.

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
        fix="name scenarios as JSON Lines, Philly's CSV, an openb pod list, or a Standard Workload Format file",
    )


def _is_swf(line: str) -> bool:
    parts = line.split()
    return len(parts) >= 18 and all(part.lstrip("-").replace(".", "", 1).isdigit() for part in parts)
