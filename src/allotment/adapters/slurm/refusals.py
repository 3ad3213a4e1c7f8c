"""What Slurm says when it refuses → our error tree: one table, as slurmrestd gives the same texts with a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from allotment.adapters.slurm.tokens import ANEW
from allotment.errors import (
    AllotmentError,
    CapacityError,
    ForbiddenError,
    NotFoundError,
    NotSignedInError,
    UnreachableError,
    quoted_message,
)
from allotment.ports.slurm import SlurmRefusedError


@dataclass(frozen=True, slots=True)
class _Known:
    """One refusal: its number, a part of its text, what it is for us, and what helps."""

    code: int
    text: str
    error: type[AllotmentError]
    fix: str = ""


TOKEN_REFUSED: Final = 1007
_KNOWN: Final = (
    _Known(2014, "requested node configuration is not available", CapacityError,
           "ask for no more devices, processors and memory a node than a node of the partition has (sinfo)"),
    _Known(2050, "job violates accounting/qos policy", CapacityError,
           "ask for less than the limits of the account and the quality of service"),
    _Known(2017, "invalid job id specified", NotFoundError),
    _Known(2010, "access/permission denied", ForbiddenError),
    _Known(2002, "user id is missing", ForbiddenError),
    _Known(2045, "invalid account or account/partition combination", SlurmRefusedError,
           "name an account that you are a member of (sacctmgr show assoc user=$USER)"),
    _Known(2000, "invalid partition name", SlurmRefusedError, "name a partition of this cluster (sinfo)"),
    _Known(2066, "invalid qos specification", SlurmRefusedError, "name a quality of service of your account"),
    _Known(TOKEN_REFUSED, "protocol authentication error", NotSignedInError, "get a fresh token (scontrol token)"),
    _Known(0, "authentication failure", NotSignedInError, "get a fresh token (scontrol token)"),
    _Known(0, "unable to contact slurm controller", UnreachableError, "ask whether slurmctld runs (scontrol ping)"),
    _Known(0, "could not establish a configuration source", UnreachableError, f"set SLURM_CONF; {ANEW}"),
    _Known(0, "connection refused", UnreachableError, "ask whether slurmctld runs (scontrol ping)"),
    _Known(0, "socket timed out", UnreachableError),
)  # fmt: skip

DONE: Final = ("job/step already completing or completed", 2021)
"""Told of the end of what is over: nothing is left to do."""
NOTHING_FOUND: Final = 9003
NO_ACCOUNTING: Final = (
    "accounting storage is disabled",
    "accounting_storage/none",
    "slurm accounting storage is disabled",
)
UNSPECIFIED: Final = -1


def refusal(what: str, said: str, code: int = 0) -> AllotmentError:
    """Of a text, and its number where there is one."""
    text = said.lower()
    for each in _KNOWN:
        if (each.code and code == each.code) or each.text in text:
            return each.error(what, why=quoted_message(said), fix=each.fix)
    return SlurmRefusedError(what, why=quoted_message(said))


def is_done(said: str, code: int = 0) -> bool:
    """Whether it says that the job is over already."""
    return code == DONE[1] or DONE[0] in said.lower()
