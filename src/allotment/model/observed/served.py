"""What the server of this machine keeps of jobs that their back end does not hold: not yet, not any more, or never."""

from __future__ import annotations

from allotment.model.observed.base import Part


class AwaitedJob(Part, frozen=True):
    """Another job that has to be over first.

    Attributes:
        id, name: of it.
        state: where it stands; empty where that is not known.
        must_have: ``succeeded`` or ``ended``.
    """

    id: str = ""
    name: str = ""
    state: str = ""
    must_have: str = ""


class ServedTrials(Part, frozen=True):
    """How far a sweep is.

    Attributes:
        total: trials that it has.
        at_once: how many may be under way at the same time.
        made: trials that were made, those that are over included.
        running: trials that hold what they asked for.
        waiting: ids of those that were made and do not run, in the order of their numbers.
    """

    total: int = 0
    at_once: int = 0
    made: int = 0
    running: int = 0
    waiting: tuple[str, ...] = ()

    @property
    def over(self) -> int:
        """Trials that are over."""
        return max(0, self.made - self.running - len(self.waiting))

    @property
    def later(self) -> int:
        """Trials that are not made yet."""
        return max(0, self.total - self.made)


class ServedTimes(Part, frozen=True):
    """How far a schedule is; moments as its own time zone has them.

    Attributes:
        cron, zone: as it was asked for.
        next: its next time; empty where none comes.
        due: a time that has come, and waits for the end of the run that is under way; empty where none does.
        until: when what is due is left out.
        missed: times that came while a run was under way, and that have none any more.
        under_way: id of the run that is under way; empty where none is.
        under_way_due: its time.
        waits: whether that run does not hold what it asked for.
        last: the newest run that is over: its id; empty where there is none.
        last_due: its time.
        last_state, last_said: how it ended.
        left_out: times at which no run began.
        left_out_said: about the newest of them, in a sentence.
    """

    cron: str = ""
    zone: str = ""
    next: str = ""
    due: str = ""
    until: str = ""
    missed: int = 0
    under_way: str = ""
    under_way_due: str = ""
    waits: bool = False
    last: str = ""
    last_due: str = ""
    last_state: str = ""
    last_said: str = ""
    left_out: int = 0
    left_out_said: str = ""


class ServedJob(Part, frozen=True):
    """A job as the server keeps it.

    Attributes:
        id: of it.
        name: by which it is asked for: its own, and where several of a team have it, with the id.
        called: its own name alone.
        namespace: its team.
        state: as `JobState` has it.
        since: when it came into that state; RFC 3339.
        submitted: RFC 3339.
        said: why it waits, or how it ended, in a sentence; foreign text.
        after: what has to be over first and is not.
        trials: of a sweep.
        times: of a schedule.
    """

    id: str = ""
    name: str = ""
    called: str = ""
    namespace: str = ""
    state: str = ""
    since: str = ""
    submitted: str = ""
    said: str = ""
    after: tuple[AwaitedJob, ...] = ()
    trials: ServedTrials | None = None
    times: ServedTimes | None = None

    @property
    def kind(self) -> str:
        """What it is called in answers."""
        if self.times is not None:
            return "Schedule"
        return "Job" if self.trials is None else "Sweep"
