"""The batch script: fixed text in which only the quoted words of a command and whole numbers are set.

A job that may be requeued runs under a watcher. Slurm warns a job that it is about to displace with SIGTERM, and gives
it some seconds; a job that ends in these seconds has ended for good, and is not requeued. Programs that write a
checkpoint and leave are just such jobs. So the watcher, once warned, stays until Slurm takes the job away.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Final

from allotment.model.slurm.submission import SlurmSubmission

_STAYS: Final = 120
"""Seconds that the watcher stays beyond the warning, where nobody takes the job away after all."""

WATCHER: Final = """\
stays=$1; shift
warned=
trap 'warned=1' TERM
"$@" & child=$!
code=0; wait "$child" || code=$?
while kill -0 "$child" 2>/dev/null; do code=0; wait "$child" || code=$?; done
if [ -z "$warned" ]; then sleep 0.5 || sleep 1; fi
if [ -z "$warned" ]; then exit "$code"; fi
if [ "${SLURM_PROCID:-0}" -eq 0 ]; then
    state=$(squeue -h -j "$SLURM_JOB_ID" -o %T 2>/dev/null) || state=RUNNING
    if [ -n "$state" ] && [ "$state" != RUNNING ]; then exit "$code"; fi
fi
sleep "$stays" & wait $!
exit 143"""
"""One for each process. Slurm signals the processes of a step one after the other, the youngest first, so the program
may have left when the watcher is warned: it waits for that half a second. It asks Slurm, once for all of them, whether
the job was ended by hand: then nothing is waited for, and the others are ended by `--kill-on-bad-exit`."""


def script_of(asked: SlurmSubmission) -> str:
    """What Slurm runs.

    `set -e` stands first, so that whatever follows is no comment: sbatch reads options only from comments before the
    first command. A step is started by `srun`, which starts one process a task; its processors are named, because
    since 22.05 it does not take them from the job.
    """
    command = [*asked.argv]
    if asked.steps and asked.requeue:
        stays = _STAYS + (asked.warning.seconds if asked.warning else 0)
        command = ["sh", "-c", WATCHER, "sh", str(stays), *command]
    if asked.steps:
        command = [*_srun(asked), "--", *command]
    return f"#!/bin/sh\nset -e\nexec {shlex.join(command)}\n"


def _srun(asked: SlurmSubmission) -> Iterator[str]:
    yield from ("srun", "--kill-on-bad-exit=1", f"--cpus-per-task={asked.cpus_per_task}", f"--ntasks={asked.tasks}")
    if asked.devices_per_task:
        yield f"--gpu-bind=per_task:{asked.devices_per_task}"
    if asked.task_output:
        yield from (f"--output={asked.task_output}", f"--open-mode={'append' if asked.append else 'truncate'}")
    if asked.container:
        # The step alone: in the image there need be no srun.
        yield f"--container={asked.container}"
