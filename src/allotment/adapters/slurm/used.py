"""Slurm's words for what steps used → values; over REST and of ``sacct``. A job that was requeued has several runs."""

from __future__ import annotations

import pwd
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from allotment.adapters.slurm.answers import amounts, below, number, text, words
from allotment.model.slurm.used import SlurmStepUse, SlurmUse, used_by

STEP_FIELDS: Final = (
    "JobIDRaw", "TotalCPU", "TRESUsageInMax", "TRESUsageInAve", "State", "JobName", "ElapsedRaw",
)  # fmt: skip
"""Of ``sacct --format``, steps included."""
_CANCELLED: Final = re.compile(r"CANCELLED by (\d{1,10})", re.ASCII)
_CPU: Final = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)(?:\.(\d{1,3}))?", re.ASCII)
"""``05.542`` minutes and seconds, hours and days before them."""


@dataclass(frozen=True, slots=True)
class RunUse:
    """One run of a job.

    Attributes:
        name: of the job; one that was handed in by others, long ago and with the same number, has another.
        elapsed: seconds that it ran.
    """

    name: str
    elapsed: int
    use: SlurmUse


def used_together(runs: Sequence[RunUse]) -> SlurmUse:
    """What all runs of the job used that the last one is of: sums, peaks, and means by how long each ran."""
    if not runs:
        return SlurmUse()
    own = [each for each in runs if each.name == runs[-1].name]
    cpu = [each.use.cpu_ms for each in own if each.use.cpu_ms is not None]
    busy = [(each.use.gpu_percent, max(1, each.elapsed)) for each in own if each.use.gpu_percent is not None]
    return replace(
        runs[-1].use,
        memory=max((each.use.memory for each in own if each.use.memory is not None), default=None),
        cpu_ms=sum(cpu) if cpu else None,
        gpu_percent=sum(one * long for one, long in busy) // sum(long for _, long in busy) if busy else None,
        gpu_memory=max((each.use.gpu_memory for each in own if each.use.gpu_memory is not None), default=None),
    )


def runs_of_rows(rows: Iterable[Mapping[str, str]]) -> list[RunUse]:
    """Of rows of sacct: of each run its own, then those of its steps."""
    runs: list[tuple[Mapping[str, str], list[SlurmStepUse]]] = []
    for row in rows:
        step = step_of_row(row)
        if step is None:
            runs.append((row, []))
        elif runs:
            runs[-1][1].append(step)
    return [
        RunUse(row["JobName"], _whole(row["ElapsedRaw"]), used_by(steps, ended_by_of_row(row))) for row, steps in runs
    ]


def run_of_answer(raw: Mapping[str, Any]) -> RunUse:
    """Of a job of slurmdbd, which has each run as one."""
    steps = (step_of_answer(each) for each in raw.get("steps") or () if isinstance(each, Mapping))
    elapsed = number(below(raw, "time"), "elapsed") or 0
    return RunUse(text(raw, "name"), elapsed, used_by(steps, ended_by_of_answer(raw)))


def step_of_row(row: Mapping[str, str]) -> SlurmStepUse | None:
    """Of a row of sacct; None for the job itself, of which nothing is gathered."""
    _, _, name = row["JobIDRaw"].partition(".")
    if not name:
        return None
    return SlurmStepUse(
        name, cpu_ms_of(row["TotalCPU"]), _amounts(row["TRESUsageInMax"]), _amounts(row["TRESUsageInAve"])
    )


def ended_by_of_row(row: Mapping[str, str]) -> str:
    """Who cancelled a job, of its own row: a name, or the number of a user that is not known here."""
    found = None if "." in row["JobIDRaw"] else _CANCELLED.fullmatch(row["State"].strip())
    if found is None:
        return ""
    try:
        return pwd.getpwuid(int(found[1])).pw_name
    except (KeyError, OverflowError):
        return found[1]


def ended_by_of_answer(raw: Mapping[str, Any]) -> str:
    """The same of a job of slurmdbd."""
    return text(raw, "kill_request_user") if "CANCELLED" in words(below(raw, "state"), "current") else ""


def step_of_answer(raw: Mapping[str, Any]) -> SlurmStepUse:
    """Of ``steps`` of a job of slurmdbd."""
    step, used, total = below(raw, "step"), below(below(raw, "tres"), "requested"), below(below(raw, "time"), "total")
    seconds = number(total, "seconds")
    name = text(step, "id") or str(number(step, "id") if number(step, "id") is not None else "")
    return SlurmStepUse(
        name.rpartition(".")[2],
        None if seconds is None else seconds * 1000 + (number(total, "microseconds") or 0) // 1000,
        amounts(used.get("max")),
        amounts(used.get("average")),
    )


def cpu_ms_of(text_: str) -> int | None:
    """``1-02:03:04`` or ``05:42.123`` in milliseconds; None of what is no time."""
    found = _CPU.fullmatch(text_.strip())
    if found is None:
        return None
    days, hours, minutes, seconds = (int(each or 0) for each in found.groups()[:4])
    return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000 + int((found[5] or "0").ljust(3, "0"))


def _whole(text_: str) -> int:
    return int(text_) if text_.isascii() and text_.isdigit() else 0


def _amounts(text_: str) -> dict[str, int]:
    """``mem=221294592,gres/gpuutil=37``; what is no whole number, such as a time, is left out."""
    pairs = (part.split("=", 1) for part in text_.split(",") if "=" in part)
    return {name: int(value) for name, value in pairs if value.isascii() and value.isdigit()}
