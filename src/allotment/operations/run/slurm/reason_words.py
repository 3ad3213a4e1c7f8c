"""Slurm's reasons in plain words, each with its own word behind it: people look that up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_WORDS: Final = {
    "BeginTime": "its time has not come",
    "Dependency": "it waits for other jobs",
    "DependencyNeverSatisfied": "what it depends on has ended otherwise: it never starts",
    "InvalidAccount": "its account may not be used there",
    "InvalidQOS": "its quality of service may not be used there",
    "JobArrayTaskLimit": "as many of its array run as may at once",
    "JobHeldAdmin": "an administrator holds it",
    "JobHeldUser": "it is held by its user",
    "Licenses": "licences are in use",
    "PartitionDown": "its partition is closed",
    "PartitionInactive": "its partition is closed",
    "PartitionTimeLimit": "its time limit is longer than the partition lets",
    "Priority": "others come first",
    "ReqNodeNotAvail": "nodes that it needs are out of use or reserved",
    "Reservation": "it waits for its reservation",
    "Resources": "what it needs is in use",
}
_RESOURCES: Final = {
    "CPU": "CPUs", "Cpu": "CPUs", "GRES": "devices", "Jobs": "running jobs", "Mem": "memory", "Node": "nodes",
    "SubmitJobs": "jobs", "WallDuration": "minutes",
}  # fmt: skip
_OF_WHOM: Final = (
    ("PerUser", "its user holds as much of {what} as {whose} lets one user"),
    ("PerAccount", "its account holds as much of {what} as {whose} lets one account"),
    ("PerJob", "it asks for more {what} than {whose} lets one job have"),
    ("", "the limit of {whose} on {what} is used up"),
)


def in_plain_words(reasons: Iterable[str]) -> str:
    """``a limit of its account on devices is used up (AssocGrpGRES)``; what is not known stays as it is."""
    return ", ".join(map(_one, reasons))


def _one(reason: str) -> str:
    words = _WORDS.get(reason) or _limit(reason)
    return f"{words} ({reason})" if words else reason


def _limit(reason: str) -> str:
    """Of a name that is put together: Assoc or QOS, Grp or Max, what is counted, and of whom."""
    for begins, whose in (("Assoc", "its account"), ("QOS", "its quality of service")):
        rest = reason.removeprefix(begins)
        if rest == reason or not rest.startswith(("Grp", "Max")):
            continue
        for end, form in _OF_WHOM:
            if end in rest:
                counted = rest[3:].replace(end, "").removesuffix("Limit")
                return form.format(what=_RESOURCES.get(counted, counted), whose=whose)
    return ""
