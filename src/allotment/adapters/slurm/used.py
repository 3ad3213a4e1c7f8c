"""Slurm's words for what steps used → values; over REST and of ``sacct``."""

from __future__ import annotations

import pwd
import re
from collections.abc import Mapping
from typing import Any, Final

from allotment.adapters.slurm.answers import amounts, below, number, text, words
from allotment.model.slurm.used import SlurmStepUse

STEP_FIELDS: Final = ("JobIDRaw", "TotalCPU", "TRESUsageInMax", "TRESUsageInAve", "State")
"""Of ``sacct --format``, steps included."""
_CANCELLED: Final = re.compile(r"CANCELLED by (\d{1,10})", re.ASCII)
_CPU: Final = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)(?:\.(\d{1,3}))?", re.ASCII)
"""``05.542`` minutes and seconds, hours and days before them."""


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


def _amounts(text_: str) -> dict[str, int]:
    """``mem=221294592,gres/gpuutil=37``; what is no whole number, such as a time, is left out."""
    pairs = (part.split("=", 1) for part in text_.split(",") if "=" in part)
    return {name: int(value) for name, value in pairs if value.isascii() and value.isdigit()}
