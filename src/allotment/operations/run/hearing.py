"""What a trial reports of itself, heard in its logs as they grow: some of them at a time, and not without an end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from allotment.errors import AllotmentError
from allotment.model.jobs.family import TrialMetric
from allotment.model.jobs.job import EarlyStop
from allotment.operations.run.growing_logs import GrowingLog
from allotment.operations.run.sweeping import heard
from allotment.ports.stored_jobs import StoredJob

MOST_A_LOOK: Final = 1 << 20
"""Bytes of the output of a sweep's trials together that are read in one look, half a second's work; the next one goes
on."""
MOST_OF_A_LOG: Final = 256 << 20
"""Bytes of a log that are heard in all: what is reported beyond them is not. A file with a hole has no end."""
_LEAST: Final = 1 << 14
"""Bytes of one trial's log that are read in one look, however many trials there are."""
LogsOf = Callable[[str], Iterable[GrowingLog]]
"""Logs of a job, by its id, attempt after attempt."""


def heard_on(trial: StoredJob, rule: EarlyStop, logs: LogsOf, most: int) -> TrialMetric:
    """What the first replica of a trial has reported; one that began anew without a checkpoint, since then.

    A log that is gone or cannot be read reports nothing; of one without an end only so much is heard. The next log
    is begun once nothing more is in the one before it; all of them together have `most` bytes in a look.

    Args:
        trial: as it is kept, with what was heard of it.
        rule: by which it is compared.
        logs: what finds them.
        most: bytes that are read.
    """
    metric, left = trial.metric or TrialMetric(), max(_LEAST, most)
    with suppress(AllotmentError):
        firsts = [each for each in logs(trial.id) if each.rank == 0]
        names = [each.name for each in firsts]
        start = names.index(metric.log) if metric.log in names else 0
        for log in firsts[start:]:
            if log.name != metric.log:
                kept = metric if trial.job.checkpoint is not None else TrialMetric()
                metric = replace(kept, log=log.name, offset=0)
            if metric.offset < MOST_OF_A_LOG:
                over = trial.state.over or log is not firsts[-1]
                metric, read = _read_on(metric, log, rule, left, over=over)
                left -= read
                if left < _LEAST:
                    break  # too little is left for a line of the next
    return metric


def _read_on(
    metric: TrialMetric, log: GrowingLog, rule: EarlyStop, most: int, *, over: bool
) -> tuple[TrialMetric, int]:
    """With what a log has beyond where it was left, and how many bytes were read: `most`, until its end is reached.

    Only whole lines are heard, but for the last one of a log that is over.
    """
    data, start = b"", metric.offset
    end = start
    while len(data) < most:
        part, end_of_part = log.read(end)
        if not part:
            break
        if not data:
            start = end_of_part - len(part)
        data, end = data + part, end_of_part
    to_its_end = over and len(data) < most
    whole = len(data) if to_its_end else data.rfind(b"\n") + 1
    if not whole and len(data) >= most:
        whole = len(data)  # a line without an end reports nothing
    if not whole:
        return metric, len(data)
    return replace(heard(metric, rule, data[:whole].split(b"\n")), offset=start + whole), len(data)
