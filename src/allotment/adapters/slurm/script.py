"""The batch script: fixed text in which only the quoted words of commands and whole numbers are set.

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
    job=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
    state=$(squeue -h -j "${job:-$SLURM_JOB_ID}" -o %T 2>/dev/null) || state=RUNNING
    if [ -n "$state" ] && [ "$state" != RUNNING ]; then exit "$code"; fi
fi
sleep "$stays" & wait $!
exit 143"""
"""One for each process. Slurm signals the processes of a step one after the other, the youngest first, so the program
may have left when the watcher is warned: it waits for that half a second. It asks Slurm, once for all of them, whether
the job was ended by hand: then nothing is waited for, and the others are ended by `--kill-on-bad-exit`. The last task
of an array has the array's own number, which stands for all of them."""

SECRETS: Final = """\
allotment_refuse() {
    echo "allotment: $1 is not set: $2" >&2
    exit 78
}
allotment_secret() {
    _allotment_at=${2%/*}
    for _allotment_each in 1 2 3; do
        if [ -z "$(find "$_allotment_at" -prune -type d -user "$(id -u)" ! -perm -020 ! -perm -002)" ]; then
            allotment_refuse "$1" "$_allotment_at is no folder of yours that nobody else can change"
        fi
        _allotment_at=${_allotment_at%/*}
    done
    if [ -z "$(find "$2" -prune -type f -user "$(id -u)" ! -perm -040 ! -perm -020 ! -perm -004 ! -perm -002)" ]; then
        allotment_refuse "$1" "$2 is no file that is yours alone"
    fi
    if [ -z "$(find "$2" -prune -size -65537c)" ]; then
        allotment_refuse "$1" "$2 has more than 64 KiB"
    fi
    if [ "$(tr -dc '\\000' <"$2" | wc -c)" -ne 0 ]; then
        allotment_refuse "$1" "$2 holds a NUL byte"
    fi
    _allotment_value=$(cat "$2")
    export "$1=$_allotment_value"
    unset _allotment_value _allotment_at _allotment_each
}
"""
"""Reads a value into the environment: it stands in no argument. What is refused at submit ends the job here: a link, a
file of somebody else or one that others can read, one of the three folders TEAM, NAME and the one above them that is a
link or that others can change, and a value that no variable can hold. What Slurm keeps of the script is the name of
the file."""


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
    further = ' "$@"' if asked.trials else ""
    return "".join((
        "#!/bin/sh\nset -e\n",
        *([SECRETS] if asked.secrets else ()),
        *(f"{shlex.join(('allotment_secret', name, path))}\n" for name, path in asked.secrets),
        *_trials(asked),
        f"exec {shlex.join(command)}{further}\n",
    ))  # fmt: skip


def _trials(asked: SlurmSubmission) -> Iterator[str]:
    """What sets the further arguments, by the task's number."""
    if asked.trials:
        yield 'case "$SLURM_ARRAY_TASK_ID" in\n'
        for number, arguments in asked.trials:
            yield f"{number:d}) {shlex.join(('set', '--', *arguments))};;\n"
        yield "*) exit 1;;\nesac\n"


def _srun(asked: SlurmSubmission) -> Iterator[str]:
    yield from ("srun", "--kill-on-bad-exit=1", f"--cpus-per-task={asked.cpus_per_task}", f"--ntasks={asked.tasks}")
    if asked.devices_per_task:
        yield f"--gpu-bind=per_task:{asked.devices_per_task}"
    if asked.task_output:
        yield from (f"--output={asked.task_output}", f"--open-mode={'append' if asked.append else 'truncate'}")
    if asked.container:
        # The step alone: in the image there need be no srun.
        yield f"--container={asked.container}"
