"""What Slurm's own log and its accounting add to how a job ended; and what somebody has changed of it there."""

from __future__ import annotations

import re
import signal
from contextlib import suppress
from dataclasses import replace
from typing import Final

from allotment.errors import AllotmentError
from allotment.jobs.slurm.rendering import batch_log, minutes_of
from allotment.model.slurm.used import SlurmUse
from allotment.operations.run.slurm.handed_in import HandedInJob
from allotment.operations.run.slurm.standing import SlurmStanding, SlurmTerms, bounded, cancelled
from allotment.ports.backends import EndOfRun, FollowedJob
from allotment.ports.job_output import JobOutput
from allotment.ports.slurm import SlurmPort

_MOST_READ: Final = 1 << 16
_FAILED: Final = re.compile(
    r"srun: error: [^\s:]+: tasks? (\d{1,7})(?:[-,][-,\d]*)?: (?:Exited with exit code (\d{1,3})|(.+))", re.ASCII
)
_ENDS_OTHERS: Final = re.compile(r"srun: .*\bTerminating (?:StepId|job step)")
_SIGNALS: Final = {signal.strsignal(each): 128 + each for each in sorted(signal.valid_signals())}
"""Exit code by what srun, which asks the C library, too, calls the signal."""


def first_failed(log: bytes) -> tuple[int, int] | None:
    """The rank that failed by itself in the last run of a job, and its exit code; None where that is not told.

    What srun exits with, and Slurm books, is the highest code of all ranks: of one that it has ended because another
    failed. It tells each that fails, and ends the others (`--kill-on-bad-exit`) right after the first.

    Args:
        log: what Slurm wrote of all runs of an attempt.
    """
    last = found = None
    for line in log.decode("utf-8", "replace").splitlines():
        if match := _FAILED.search(line):
            rank, code, words = match.groups()
            ended_by = _SIGNALS.get((words or "").removesuffix(" (core dumped)"))
            last = (int(rank), int(code)) if code else None if ended_by is None else (int(rank), ended_by)
        elif _ENDS_OTHERS.search(line):
            found = last
    return found


def changed_there(mine: HandedInJob, terms: SlurmTerms) -> str:
    """What a job has there that it was not handed in with, in clauses; empty for nothing.

    Args:
        mine: as it was handed in.
        terms: as Slurm has it.
    """
    said, asked = [], minutes_of(mine.order.job)
    if terms.account and terms.account.lower() != mine.claims.account.lower():
        said.append(f"Slurm counts it for the account {terms.account}, not {mine.claims.account}")
    if asked and terms.minutes not in {None, asked}:
        said.append(f"its time limit in Slurm is {terms.minutes} min, not {asked}")
    return bounded("; ".join(said))


class SlurmEnds:
    """See the module. What is asked of the accounting is asked once, and nobody waits for it."""

    def __init__(self, slurm: SlurmPort, output: JobOutput) -> None:
        """Nothing is asked yet.

        Args:
            slurm: as one user of it.
            output: what jobs wrote.
        """
        self._slurm = slurm
        self._output = output

    def told(self, mine: HandedInJob, standing: SlurmStanding) -> FollowedJob:
        """A job as it stands, with all that is known of it."""
        seen, changed = standing.followed, changed_there(mine, standing.terms)
        if seen.end is None:
            return replace(seen, reason="; ".join(filter(None, (seen.reason, changed))))
        end = self._with_use(mine, seen, self._with_rank(mine, standing, seen.end))
        if standing.word == "CANCELLED" and not mine.stopping:
            used = mine.used.get((seen.native, seen.attempt), SlurmUse())
            end = cancelled(end, used.ended_by)
        return replace(seen, end=replace(end, said="; ".join(filter(None, (end.said, changed)))))

    def _with_rank(self, mine: HandedInJob, standing: SlurmStanding, end: EndOfRun) -> EndOfRun:
        if standing.word != "FAILED" or mine.order.job.replicas == 1:
            return end
        job_id, name = standing.part.job_id, batch_log(standing.part.attempt)
        start = max(0, self._output.size(job_id, name) - _MOST_READ)
        found = first_failed(self._output.read(job_id, name, start, _MOST_READ))
        return end if found is None else replace(end, rank=found[0], code=found[1])

    def _with_use(self, mine: HandedInJob, seen: FollowedJob, end: EndOfRun) -> EndOfRun:
        """With what the accounting gathered of all runs that Slurm counts as one job, which are over with this one."""
        if mine.order.job.sweep is not None or not seen.native.isdecimal():
            return end
        key = seen.native, seen.attempt
        if key not in mine.used:
            mine.used[key] = SlurmUse()
            with suppress(AllotmentError):
                mine.used[key] = self._slurm.used(int(seen.native))
        use = mine.used[key]
        return replace(
            end,
            memory=use.memory,
            cpu_ms=use.cpu_ms,
            devices_busy=use.gpu_percent,
            device_memory=use.gpu_memory,
        )
