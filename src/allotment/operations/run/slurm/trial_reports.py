"""What the trials of a sweep report of themselves, read from their output as it grows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from allotment.jobs.early_stopping import reported
from allotment.jobs.slurm.rendering import task_log
from allotment.model.jobs.family import MOST_VALUES
from allotment.model.slurm.seen import SlurmPhase
from allotment.operations.run.hearing import MOST_A_LOOK, MOST_OF_A_LOG
from allotment.operations.run.slurm.sweeps import TrialRun
from allotment.ports.job_output import JobOutput

_PART: Final = 1 << 16
"""Bytes that one trial is heard at least when its turn has come."""
_LONGEST_LINE: Final = 1 << 12
"""Bytes: what is longer reports nothing, and is not kept."""


@dataclass(slots=True)
class _Heard:
    """How far a trial was read.

    Attributes:
        restarts: times that it had been requeued when it was; None where nobody saw the runs before.
        rest: the line that has no end yet.
        over: nothing more can come.
    """

    restarts: int | None
    offset: int = 0
    rest: bytes = b""
    values: list[float] = field(default_factory=list)
    over: bool = False


class TrialReports:
    """Of one attempt of one sweep."""

    def __init__(self, output: JobOutput, job_id: str, attempt: int, metric: str, *, goes_on: bool = False) -> None:
        """Nothing is read yet.

        Args:
            output: where the trials write.
            job_id: of the sweep.
            attempt: at which it was handed in.
            metric: name of what is reported.
            goes_on: whether a trial that is requeued goes on where it was, so that its reports do, too.
        """
        self._output = output
        self._job_id = job_id
        self._attempt = attempt
        self._metric = metric
        self._mark = f"{metric}=".encode("utf-8", "replace")
        self._goes_on = goes_on
        self._heard: dict[int, _Heard] = {}
        self._last = -1

    def read(self, trials: Iterable[TrialRun]) -> Mapping[int, list[float]]:
        """All reports so far, of trials that are known from their beginning.

        Args:
            trials: as they are now. What was requeued and waits is read on, too: all of that is of its run before.
        """
        begun = {each.number: each for each in trials if each.phase is not SlurmPhase.WAITING or each.restarts}
        for trial in begun.values():
            self._begin(trial)
        self._read_round({number: each for number, each in begun.items() if not self._heard[number].over})
        return {number: each.values for number, each in self._heard.items() if each.restarts is not None}

    def _begin(self, trial: TrialRun) -> None:
        """Have a trial that began anew begin anew with its reports. All of its runs write into one file."""
        heard = self._heard.get(trial.number)
        if heard is None:
            known = self._goes_on or not trial.restarts
            self._heard[trial.number] = _Heard(trial.restarts if known else None)
        elif heard.restarts is not None and trial.restarts > heard.restarts:
            heard.restarts, heard.over = trial.restarts, False
            heard.rest = b""
            if not self._goes_on:
                heard.values = []

    def _read_round(self, trials: Mapping[int, TrialRun]) -> None:
        """Read on, in turn from the trial after the one that was read last."""
        order = sorted(trials, key=lambda number: (number <= self._last, number))
        left, share = MOST_A_LOOK, max(_PART, MOST_A_LOOK // max(1, len(order)))
        for number in order:
            if left <= 0:
                return
            before = self._heard[number].offset
            self._read_on(trials[number], min(left, share))
            left -= self._heard[number].offset - before
            self._last = number

    def _read_on(self, trial: TrialRun, most: int) -> None:
        heard, name = self._heard[trial.number], task_log(self._attempt, trial.number)
        end = min(heard.offset + most, MOST_OF_A_LOG)
        while not heard.over and heard.offset < end:
            data = self._output.read(self._job_id, name, heard.offset, min(_PART, end - heard.offset))
            heard.over = not data and trial.phase is SlurmPhase.ENDED
            if not data and not heard.over:
                return
            heard.offset += len(data)
            text, ending = heard.rest + data, b"\n" if heard.over else b""
            whole, _, rest = (text + ending).rpartition(b"\n")
            heard.rest = rest[: _LONGEST_LINE + 1]
            # What waits to run anew wrote all of this in the run before.
            room = MOST_VALUES - len(heard.values)
            if room and self._mark in whole and (self._goes_on or trial.phase is not SlurmPhase.WAITING):
                heard.values += islice(self._numbers(whole), room)

    def _numbers(self, text: bytes) -> Iterator[float]:
        for line in text.split(b"\n"):
            number = reported(line, self._metric) if len(line) <= _LONGEST_LINE else None
            if number is not None:
                yield number
