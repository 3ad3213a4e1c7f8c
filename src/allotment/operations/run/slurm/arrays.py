"""Sweeps that Slurm runs as arrays: how their trials stand, and which are ended because others are ahead of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from allotment.errors import NotFoundError, UnreachableError
from allotment.jobs.early_stopping import behind
from allotment.jobs.slurm.identities import SlurmPart
from allotment.jobs.trials import trials_of
from allotment.model.slurm.seen import SlurmBooking, SlurmJob, SlurmPhase
from allotment.operations.run.slurm.handed_in import HandedInJob
from allotment.operations.run.slurm.standing import SlurmStanding
from allotment.operations.run.slurm.sweeps import TrialRun, standing_of_sweep, trials_booked, trials_seen, whole
from allotment.operations.run.slurm.trial_reports import TrialReports
from allotment.ports.job_output import JobOutput
from allotment.ports.slurm import SlurmPort


class TrialArrays:
    """See the module. What was learnt of a sweep is kept with its job."""

    def __init__(
        self, slurm: SlurmPort, output: JobOutput, bookings: Callable[[int], Mapping[int, Sequence[SlurmBooking]]]
    ) -> None:
        """Nothing is asked yet.

        Args:
            slurm: as one user of it.
            output: what jobs wrote.
            bookings: what the accounting has since a time, in seconds since the epoch, by number.
        """
        self._slurm = slurm
        self._output = output
        self._bookings = bookings

    def standing(
        self, mine: HandedInJob | None, part: SlurmPart, native: int, trials: Sequence[TrialRun]
    ) -> SlurmStanding:
        """How a sweep stands, from how its trials do; `native` is the number of its array."""
        sweep = None if mine is None else mine.order.job.sweep
        arguments = () if sweep is None else trials_of(sweep)
        early = sweep is not None and sweep.early_stop is not None and mine is not None and not mine.stopping
        return standing_of_sweep(part, native, trials, arguments, early=early)

    def trials(self, mine: HandedInJob | None, part: SlurmPart, jobs: Sequence[SlurmJob]) -> list[TrialRun]:
        """All trials of an array: what slurmctld shows, what was seen to end, and what was booked of the others."""
        seen, more = trials_seen(jobs)
        if mine is None or mine.order.job.sweep is None:
            return list(seen.values())
        ended = mine.ended.setdefault(part, {})
        ended |= {number: each for number, each in seen.items() if each.phase is SlurmPhase.ENDED}
        trials, unseen = whole(self._numbers(mine, part, seen), seen, ended, waiting=more)
        unknown = part.failures > 0 and part not in mine.arrays
        if (unseen or unknown) and mine.looked_up.get(part) != unseen:
            with suppress(UnreachableError):
                ended |= trials_booked(self._bookings(mine.since).get(mine.claims.numbers.get(part, 0), ()))
                mine.looked_up[part] = unseen
            trials, _ = whole(self._numbers(mine, part, seen), seen, ended, waiting=more)
        return trials

    def booked(self, mine: HandedInJob, part: SlurmPart, runs: Sequence[SlurmBooking]) -> SlurmStanding:
        """How a sweep stands that slurmctld has forgotten, from what was booked of its array; at least one is."""
        ended = mine.ended.setdefault(part, {})
        ended |= trials_booked(runs)
        trials, _ = whole(self._numbers(mine, part, {}), {}, ended, waiting=False)
        return self.standing(mine, part, runs[-1].array_id, trials)

    def end_those_behind(
        self, mine: HandedInJob | None, part: SlurmPart, array: int, trials: Sequence[TrialRun]
    ) -> None:
        """End trials that fall behind the others, if the sweep asks for that."""
        sweep = None if mine is None or mine.stopping else mine.order.job.sweep
        if mine is None or sweep is None or sweep.early_stop is None:
            return
        if part not in mine.reports:
            metric, goes_on = sweep.early_stop.metric, mine.order.job.checkpoint is not None
            mine.reports[part] = TrialReports(self._output, part.job_id, part.attempt, metric, goes_on=goes_on)
        running = [each.number for each in trials if each.phase is SlurmPhase.RUNNING]
        for trial in behind(mine.reports[part].read(trials), sweep.early_stop, running):
            with suppress(NotFoundError):
                self._slurm.cancel(array, task=trial)

    @staticmethod
    def _numbers(mine: HandedInJob, part: SlurmPart, seen: Mapping[int, TrialRun]) -> Sequence[int]:
        """Of the trials of an array; of one that an earlier server made of those that failed, all that were seen."""
        sweep = mine.order.job.sweep
        if sweep is not None and not part.failures:
            return range(sweep.trials)
        return mine.arrays.get(part) or sorted(seen.keys() | mine.ended.get(part, {}).keys())
