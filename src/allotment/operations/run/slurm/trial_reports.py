"""What the trials of a sweep report of themselves, read from their output as it grows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from allotment.jobs.early_stopping import reported
from allotment.jobs.slurm.rendering import task_log
from allotment.model.jobs.family import MOST_VALUES
from allotment.ports.job_output import JobOutput

_MOST_READ: Final = 1 << 20
"""Bytes of one trial's output that are read in one look; the next one goes on."""
_LONGEST_LINE: Final = 1 << 12
"""Bytes: what is longer reports nothing, and is not kept."""


class TrialReports:
    """Of one attempt of one sweep."""

    def __init__(self, output: JobOutput, job_id: str, attempt: int, metric: str) -> None:
        """Nothing is read yet.

        Args:
            output: where the trials write.
            job_id: of the sweep.
            attempt: at which it was handed in.
            metric: name of what is reported.
        """
        self._output = output
        self._job_id = job_id
        self._attempt = attempt
        self._metric = metric
        self._offsets: dict[int, int] = {}
        self._rests: dict[int, bytes] = {}
        self._reports: dict[int, list[float]] = {}
        self._whole: set[int] = set()

    def read(self, running: Iterable[int], ended: Iterable[int]) -> Mapping[int, list[float]]:
        """All reports so far.

        Args:
            running: trials that are read on.
            ended: trials that are read to their end once.
        """
        for trial in running:
            self._read_on(trial)
        for trial in set(ended) - self._whole:
            if self._read_on(trial):
                self._whole.add(trial)
        return self._reports

    def _read_on(self, trial: int) -> bool:
        """Read a trial's output on; whether that was all of it."""
        name, found = task_log(self._attempt, trial), self._reports.setdefault(trial, [])
        end = self._offsets.get(trial, 0) + _MOST_READ
        while self._offsets.get(trial, 0) < end:
            data = self._output.read(self._job_id, name, self._offsets.get(trial, 0))
            if not data:
                return True
            self._offsets[trial] = self._offsets.get(trial, 0) + len(data)
            *lines, rest = (self._rests.get(trial, b"") + data).split(b"\n")
            self._rests[trial] = rest[: _LONGEST_LINE + 1]
            for line in lines:
                number = reported(line, self._metric) if len(line) <= _LONGEST_LINE else None
                if number is not None and len(found) < MOST_VALUES:
                    found.append(number)
        return False
