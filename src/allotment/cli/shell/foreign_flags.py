"""Flags of other programs that somebody types out of habit, and ours that say the same."""

from __future__ import annotations

from typing import Final

import click

_OURS: Final = {
    "--auto-approve": "--yes",
    "--assume-yes": "--yes",
    "--time": "--max-run-time",
    "--walltime": "--max-run-time",
    "--mem": "--memory",
    "--cpus": "--cpu",
    "--cpus-per-task": "--cpu",
    "--gres": "--gpus",
    "--gpus-per-node": "--gpus",
    "--gpus-per-task": "--gpus",
    "--num-gpus": "--gpus",
    "--job-name": "--name",
    "--nodes": "--replicas",
    "--ntasks": "--replicas",
    "--qos": "--priority",
    "--account": "--team",
    "--namespace": "--team",
    "--export": "--env",
    "--json": "-o json",
    "--wide": "-o wide",
}
"""Those of Terraform, Slurm, gh and others."""
_OF_JOBS: Final = {"--on": "-l backend=NAME", "--owner": "-l owner=NAME", "--user": "-l owner=NAME"}
"""Those of other commands, and of Slurm, that choose among the rows of `allot ps`."""
_LISTS_JOBS: Final = "ps"


def our_flag(error: click.NoSuchOption) -> str:
    """The flag of that command that says what an unknown one says elsewhere; empty where there is none."""
    ours = _OURS.get(error.option_name, "")
    if error.ctx is not None and error.ctx.command.name == _LISTS_JOBS:
        ours = ours or _OF_JOBS.get(error.option_name, "")
    known = () if error.ctx is None else error.ctx.command.params
    return ours if any(ours.partition(" ")[0] in each.opts for each in known) else ""
