"""How a sweep stands, from the tasks of its array. Pure.

Slurm forgets each task some minutes after its end, while others wait; so what was seen to end is remembered by whoever
calls this, and what nobody saw is looked up in the accounting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.jobs.slurm.identities import SlurmPart
from allotment.model.grammar import count
from allotment.model.jobs.run import JobState, RunningPlace
from allotment.model.slurm.seen import SlurmBooking, SlurmExit, SlurmJob, SlurmPhase
from allotment.model.slurm.tres import tasks_of
from allotment.operations.run.slurm.standing import (
    SlurmStanding,
    before_it,
    bounded,
    end_of,
    end_state,
    failed_of_itself,
)
from allotment.ports.backends import EndOfRun, FollowedJob

_NAMED: Final = 5
"""Failed trials that are named one by one."""
_ENDED_EARLY: Final = "CANCELLED"


@dataclass(frozen=True, slots=True)
class TrialRun:
    """A trial as it is now, or was last.

    Attributes:
        word: Slurm's for its state; empty where nobody knows what became of it.
        started: seconds since 1970; 0 where it has not.
        ended: seconds since 1970; 0 where it has not.
        end: how; None where nobody knows.
        node: where it runs, or ran.
        restarts: times that it was requeued.
    """

    number: int
    word: str
    phase: SlurmPhase
    started: int = 0
    ended: int = 0
    end: SlurmExit | None = None
    node: str = ""
    restarts: int = 0


def trials_seen(jobs: Iterable[SlurmJob]) -> tuple[dict[int, TrialRun], bool]:
    """Trials that slurmctld shows, and whether more of them wait than it names."""
    found: dict[int, TrialRun] = {}
    more = False
    for job in jobs:
        numbers = tasks_of(job.array_tasks)
        more = more or (numbers is None and job.phase is SlurmPhase.WAITING)
        over = job.phase is SlurmPhase.ENDED
        for number in numbers or ():
            found[number] = TrialRun(
                number=number,
                word=job.end_word or (job.states[0] if job.states else ""),
                phase=job.phase,
                started=0 if job.phase is SlurmPhase.WAITING else job.started,
                ended=job.ends if over else 0,
                end=job.end if over else None,
                node=job.nodes[0] if job.nodes else "",
                restarts=job.restarts,
            )
    return found, more


def trials_booked(bookings: Iterable[SlurmBooking]) -> dict[int, TrialRun]:
    """Trials that are over, by their last runs in the accounting."""
    found: dict[int, TrialRun] = {}
    restarts: Counter[int] = Counter()
    for each in sorted(bookings, key=lambda each: each.ended):
        numbers = tasks_of(each.array_task) or ()
        if each.state == "REQUEUED":
            restarts.update(numbers)
            continue
        for number in numbers:
            node = each.nodes[0] if each.nodes else ""
            found[number] = TrialRun(
                number, each.state, SlurmPhase.ENDED, each.started, each.ended, each.end, node, restarts[number]
            )
    return found


def standing_of_sweep(
    part: SlurmPart, native: int, trials: Sequence[TrialRun], arguments: Sequence[Sequence[str]], *, early: bool
) -> SlurmStanding:
    """A sweep some trial of which has begun.

    Args:
        part: as what its array was handed in.
        native: the array's number.
        trials: all of the array.
        arguments: of each trial of the sweep, by its number.
        early: whether a trial that was cancelled had fallen behind, and nobody has stopped the sweep.
    """
    left = [each for each in trials if each.phase is not SlurmPhase.ENDED]
    if left:
        state, end, since, failed = (
            JobState.RUNNING,
            None,
            min(filter(None, (each.started for each in trials)), default=0),
            [],
        )
    else:
        failed = [each for each in trials if each.word not in {"COMPLETED", _ENDED_EARLY, ""}]
        state, end = _ended(trials, failed, arguments, early=early)
        since = max((each.ended for each in trials), default=0)
    again = all(failed_of_itself(each.word) for each in failed)
    followed = FollowedJob(
        id=part.job_id,
        native=str(native),
        state=state,
        attempt=part.attempt,
        since=since * 1000 or None,
        places=tuple(_place(each) for each in trials if each.node),
        end=end,
        before=before_it(part, 0),
    )
    return SlurmStanding(followed, part, trials=tuple(each.number for each in failed) if again else ())


def _place(trial: TrialRun) -> RunningPlace:
    over = end_state(trial.word) if trial.phase is SlurmPhase.ENDED and trial.word else None
    code = None if over is None else end_of(trial.word, trial.end, "").code
    return RunningPlace(trial.number, trial.node, over=over, code=code)


def _ended(
    trials: Sequence[TrialRun], failed: Sequence[TrialRun], arguments: Sequence[Sequence[str]], *, early: bool
) -> tuple[JobState, EndOfRun]:
    unknown = [each for each in trials if not each.word]
    cancelled = [each for each in trials if each.word == _ENDED_EARLY]
    total = len(arguments)
    if failed:
        first = end_of(failed[0].word, failed[0].end, "")
        told = "; ".join(_told(each, arguments) for each in failed[:_NAMED])
        more = f"; and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
        by_hand = f"; {count(len(cancelled), 'trial')} {'was' if len(cancelled) == 1 else 'were'} cancelled"
        said = f"{len(failed)} of {total} trials failed: {told}{more}{by_hand if cancelled else ''}"
        displaced = all(end_of(each.word, each.end, "").displaced for each in failed)
        return JobState.FAILED, EndOfRun(first.code, failed[0].number, bounded(said), displaced)
    if cancelled and not (early and len(cancelled) < len(trials)):
        return JobState.STOPPED, EndOfRun(None, said=f"{len(cancelled)} of {total} trials were cancelled")
    if unknown:
        said = f"nobody knows how {len(unknown)} of {total} trials ended, trial {unknown[0].number} among them"
        return JobState.FAILED, EndOfRun(None, unknown[0].number, said)
    named = ", ".join(str(each.number) for each in cancelled)
    said = f"{len(cancelled)} of {total} trials fell behind and were ended early: {named}" if cancelled else ""
    return JobState.SUCCEEDED, EndOfRun(0, said=bounded(said))


def _told(trial: TrialRun, arguments: Sequence[Sequence[str]]) -> str:
    end = end_of(trial.word, trial.end, "")
    how = end.said or ("" if end.code is None else f"exit code {end.code}")
    given = " ".join(arguments[trial.number]) if trial.number < len(arguments) else ""
    return f"trial {trial.number} ({', '.join(filter(None, (given, how)))})"


def whole(
    numbers: Iterable[int], seen: Mapping[int, TrialRun], ended: Mapping[int, TrialRun], *, waiting: bool
) -> tuple[list[TrialRun], list[int]]:
    """All trials of an array, and which of them nobody shows.

    Args:
        numbers: of its trials.
        seen: by slurmctld.
        ended: seen to end before, or booked.
        waiting: whether those that nobody shows wait.
    """
    unseen = SlurmPhase.WAITING if waiting else SlurmPhase.ENDED
    found = [seen.get(each) or ended.get(each) or TrialRun(each, "", unseen) for each in numbers]
    return found, [each.number for each in found if not each.word and not waiting]
