"""Settings → the ports of a Slurm. Each function imports what it needs when it is called."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from allotment.ports.job_folders import JobFolders
    from allotment.ports.job_output import JobOutput
    from allotment.ports.slurm import SlurmPort


def slurm(url: str, environment: Mapping[str, str]) -> AbstractContextManager[SlurmPort]:
    """A Slurm; nothing is asked yet. It closes when it is left.

    Args:
        url: of its slurmrestd; empty for the commands of this machine.
        environment: SLURM_JWT is the token, else `scontrol` makes one; SLURM_CONF says which Slurm commands ask.

    Raises:
        UsageError: it is no address, or a token would go over the network in the clear.
    """
    if not url:
        from allotment.adapters.slurm.commands import command_line

        return nullcontext(command_line(environment))
    from allotment.adapters.slurm.client import connect_slurm
    from allotment.adapters.slurm.tokens import GivenToken, MadeToken

    given = environment.get("SLURM_JWT")
    return connect_slurm(url, GivenToken(given) if given else MadeToken(environment))


def slurm_folders(root: Path) -> tuple[JobFolders, JobOutput]:
    """Folders and output of jobs, below a folder that all nodes see."""
    from allotment.adapters.local.job_folders import LocalJobFolders
    from allotment.adapters.slurm.output import SharedOutput

    return LocalJobFolders(root), SharedOutput(root)
