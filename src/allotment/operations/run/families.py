"""Sweeps and schedules of a back end that has no word for them: the server keeps them, and makes their members.

Level-triggered, as the reconciler that it acts through: what is to be done follows from what the store holds now. A
member is kept under an id that its number gives it before anything else is said of it, so nobody makes it twice; how
far a family is decided about is said afterwards, so none is left out.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from allotment.errors import AllotmentError, ConflictError, InputError, NotFoundError
from allotment.jobs.trials import trials_of
from allotment.model.jobs.family import FamilyStanding, TrialMetric
from allotment.model.jobs.job import EarlyStop, Job, JobSchedule, Sweep
from allotment.model.jobs.run import JobState, Move, MoveCause
from allotment.operations.run.hearing import MOST_A_LOOK, LogsOf, heard_on
from allotment.operations.run.members import run_of, trial_of
from allotment.operations.run.reconciling import Reconciler
from allotment.operations.run.recording import wants_to_stop
from allotment.operations.run.scheduling import LeftOut, ScheduleDecision, decide_schedule, times_of
from allotment.operations.run.sweeping import SeenTrial, SweepDecision, decide_sweep
from allotment.ports.store import JobsStore
from allotment.ports.stored_jobs import JobEvent, StoredChange, StoredJob, kept_standing

_STOPPED_AT_ONCE: Final = 50
"""Members that are told to end in one pass: others of the machine have their turn in between."""
_LISTEN_EVERY: Final = 1_000
"""Milliseconds between two looks at what trials report."""
_FOREVER: Final = 365 * 86_400_000
"""Milliseconds."""
_NO_LOGS: Final[LogsOf] = lambda _: ()  # noqa: E731 (a default, as short as that)


@dataclass(frozen=True, slots=True)
class FamilyKeeping:
    """Which families a server keeps itself for a back end.

    Attributes:
        sweeps: whether it keeps sweeps.
        schedules: whether it keeps schedules.
        logs: logs of a job, by its id, attempt after attempt.
        wall: milliseconds since the epoch as people's clocks have it, by which schedules go; None where the server's
            own does. Where the machine's clock is set, a server reckons durations by one that is not.
        clear: removes what the members of a family shared, such as their data, once all of them are over; it is told
            the parent's id, and may be told it again.
    """

    sweeps: bool = False
    schedules: bool = False
    logs: LogsOf = _NO_LOGS
    wall: Callable[[], int] | None = None
    clear: Callable[[str], None] = lambda _: None

    def keeps(self, job: Job) -> bool:
        """Whether a job is kept here, and only its members are handed over."""
        return (self.sweeps and job.sweep is not None) or (self.schedules and job.schedule is not None)

    def moment(self, now: int) -> int:
        """The present moment by which schedules go.

        Args:
            now: milliseconds since the epoch, by the server's own clock.
        """
        return now if self.wall is None else self.wall()


NO_FAMILIES: Final = FamilyKeeping()
"""Of a back end that has words for all of them, or refuses them."""


def check_family(job: Job) -> None:
    """Refuse a schedule whose times nobody can tell, and a sweep without a trial.

    Raises:
        InputError: it is one.
    """
    if job.schedule is not None:
        times_of(job.schedule)
    if job.sweep is not None and not trials_of(job.sweep):
        raise InputError("the sweep has no trial", fix="give each parameter a value")


def told_of_family(job: Job, now: int) -> Iterator[str]:
    """What a user should know of a family when it is submitted, in sentences."""
    if job.sweep is not None:
        trials = len(trials_of(job.sweep))
        at_once = min(trials, job.sweep.at_once)
        yield f"it has {trials} trials, {at_once} at the same time; each is admitted, and has its price, by itself"
    if job.schedule is not None:
        times = times_of(job.schedule)
        upcoming = times.after(now)
        yield "no time of it comes" if upcoming is None else f"its first run is at {times.shown(upcoming)}"


def told_of_price(job: Job) -> Iterator[str]:
    """What the price of a sweep is for that its back end runs as a whole, in sentences."""
    trials = 0 if job.sweep is None else len(trials_of(job.sweep))
    at_once = 0 if job.sweep is None else min(trials, job.sweep.at_once)
    if at_once > 1 and job.devices:
        yield f"the price is that of one trial: {at_once} of {trials} run at the same time, for {at_once} times that"


class FamilyKeeper:
    """Of one back end; moves its families. One thread at a time."""

    def __init__(self, store: JobsStore, reconciler: Reconciler, keeping: FamilyKeeping) -> None:
        """Nothing is read yet.

        Args:
            store: where jobs are kept.
            reconciler: of the back end; it moves the members.
            keeping: what is kept here.
        """
        self._store = store
        self._reconciler = reconciler
        self._keeping = keeping
        self._members: dict[str, dict[int, StoredJob]] = {}
        self._listened: dict[str, int] = {}
        self._heard_out: set[str] = set()
        self._settled: dict[str, int] = {}
        self._quiet: dict[str, tuple[int, str]] = {}
        self._looked: dict[str, int] = {}
        self._next: dict[str, int] = {}
        self._troubles: dict[str, str] = {}
        self._told: dict[str, tuple[int | None, str]] = {}
        self._silent_for: int | None = None

    @property
    def trouble(self) -> str:
        """What kept a family from being attended to in the last pass; empty where nothing did."""
        return "; ".join(self._troubles.values())

    def step(self, now: int, silent_since: int | None = None) -> bool:
        """Do what is to be done about each family now; whether anything changed.

        Args:
            now: milliseconds since the epoch.
            silent_since: the same, since when its back end did not answer before this pass; None where it did.
        """
        news = False
        self._silent_for = None if silent_since is None else now - silent_since
        parents = self._reconciler.families()
        for gone in self._members.keys() - {each.id for each in parents}:
            self._heard_out -= {each.id for each in self._members.pop(gone).values()}
            for each in (self._listened, self._settled, self._quiet, self._looked, self._next, self._told):
                each.pop(gone, None)
        self._troubles = {each: self._troubles[each] for each in self._troubles.keys() & {one.id for one in parents}}
        for parent in parents:
            if parent.state not in {JobState.SUBMITTED, JobState.HELD}:
                news = self._attend_guarded(parent, now) or news
        return news

    def _attend_guarded(self, parent: StoredJob, now: int) -> bool:
        """Attend to one family. What goes wrong with it is told, and holds up neither others nor the machine."""
        try:
            news = self._attend(parent, now)
        except Exception as error:  # noqa: BLE001 (what a family's jobs wrote, or a damaged row, must stop nobody else)
            words = error.line if isinstance(error, AllotmentError) else f"{type(error).__name__}: {error}"
            said = f"{parent.job.name} ({parent.id}) is not attended to: {words}"
            if said != self._troubles.get(parent.id) and not isinstance(error, AllotmentError):
                traceback.print_exc()
            self._troubles[parent.id] = said
            return False
        self._troubles.pop(parent.id, None)
        return news

    def stop(self, job_id: str, grace: int | None, said: str, now: int) -> None:
        """End all members of a family that was told to end, the first at once."""
        self._told[job_id] = (grace, said)
        self._stop_some(job_id, now)

    def _stop_some(self, parent: str, now: int) -> bool:
        """End some of the members that were not told to yet; whether any was. The next pass goes on."""
        grace, said = self._told.get(parent, (None, "the whole of it was stopped"))
        mine = (each for each in self._reconciler.jobs.values() if each.parent == parent and not wants_to_stop(each))
        some = list(islice(mine, _STOPPED_AT_ONCE))
        for each in some:
            self._reconciler.stop(each.id, grace, said, now)
            if self._keeping.keeps(each.job):
                self._told[each.id] = (grace, said)
        present = ((each, self._reconciler.jobs.get(each.id)) for each in some)
        return any(found is None or found.version != each.version for each, found in present)

    def _attend(self, parent: StoredJob, now: int) -> bool:
        members = self._look(parent)
        if wants_to_stop(parent) and self._stop_some(parent.id, now):
            return True
        try:
            if parent.job.schedule is not None:
                return self._attend_schedule(parent, parent.job.schedule, members, now)
            if parent.job.sweep is not None:
                return self._attend_sweep(parent, parent.job.sweep, members, now)
        except InputError as error:
            return self._keep(_moved(parent, JobState.FAILED, MoveCause.REFUSED, error.line, now))
        return False

    def _keep(self, change: StoredChange) -> bool:
        """Keep what becomes of a family; whether it could be kept: what cannot is told, and is no news each time."""
        self._reconciler.keep([change])
        return self._reconciler.job(change.id).version != change.version

    def _look(self, parent: StoredJob) -> Mapping[int, StoredJob]:
        """Its members as they are; of a schedule those that are not over, and the newest."""
        members = self._members.get(parent.id)
        if members is None:
            limit = None if parent.job.schedule is None else 1
            members = {each.number: each for each in self._store.members(parent.id, limit)}
            members |= {each.number: each for each in self._reconciler.jobs.values() if each.parent == parent.id}
            self._members[parent.id] = members
            self._settled.pop(parent.id, None)
        for number, known in list(members.items()):
            if known.state.over:
                continue
            present = self._reconciler.jobs.get(known.id) or self._over(known.id)
            if present is None:
                del members[number]
            elif present is not known:
                members[number] = present
            else:
                continue
            self._settled.pop(parent.id, None)
        return members

    def _over(self, job_id: str) -> StoredJob | None:
        """A member that is over; None where it was forgotten, or nobody can read it any more."""
        try:
            return self._store.get(job_id)
        except (NotFoundError, InputError):
            return None

    def _make(self, parent: StoredJob, member: StoredJob) -> None:
        """Keep a member, unless it is kept already."""
        try:
            kept = self._reconciler.take(member)
        except ConflictError as error:
            found = self._over(member.id)
            if found is None:
                return
            if found.parent != parent.id:
                raise InputError(
                    f"the id {member.id} is another job's", why=error.why, fix="submit it again"
                ) from error
            kept = found
        self._members[parent.id][member.number] = kept

    # A sweep.

    def _attend_sweep(self, parent: StoredJob, sweep: Sweep, members: Mapping[int, StoredJob], now: int) -> bool:
        # One that is told to end needs to hear nothing more.
        if (
            sweep.early_stop is not None
            and not wants_to_stop(parent)
            and self._listen(parent, sweep.early_stop, members, now)
        ):
            return True
        if self._settled.get(parent.id) == parent.version:
            return False
        arguments = trials_of(sweep)
        trials = [_seen(each) for each in members.values()]
        before = parent.standing or FamilyStanding()
        decided = decide_sweep(sweep, len(arguments), trials, before, ending=wants_to_stop(parent))
        for number in decided.begin:
            self._make(parent, trial_of(parent, number, arguments[number], now))
        for number, said in decided.stop_early:
            self._reconciler.stop(members[number].id, None, said, now, MoveCause.EARLY_STOP)
        if decided.over is not None:
            # First: what is over is looked at by nobody any more.
            self._keeping.clear(parent.id)
        change = _sweep_change(parent, decided, trials, now)
        news = bool(decided.begin or decided.stop_early)
        if change is not None:
            news = self._keep(change) or news
        if not news:
            self._settled[parent.id] = parent.version
        return news

    def _listen(self, parent: StoredJob, rule: EarlyStop, members: Mapping[int, StoredJob], now: int) -> bool:
        """Keep what trials have reported since the last time; whether one that is over has more to be heard."""
        last = self._listened.get(parent.id)
        unheard = {number: each for number, each in members.items() if each.attempts and each.id not in self._heard_out}
        if last is None or not 0 <= now - last < _LISTEN_EVERY:
            self._listened[parent.id] = now
        else:
            unheard = {number: each for number, each in unheard.items() if each.state.over}
        goes_on = False
        for number, trial in unheard.items():
            metric = heard_on(trial, rule, self._keeping.logs, MOST_A_LOOK // len(unheard))
            if metric != (trial.metric or TrialMetric()):
                self._reconciler.keep([StoredChange(trial.id, trial.version, metric=metric)])
                self._members[parent.id][number] = self._reconciler.job(trial.id)
                self._settled.pop(parent.id, None)
                goes_on = goes_on or trial.state.over
            elif trial.state.over:
                self._heard_out.add(trial.id)
        return goes_on

    # A schedule.

    def _attend_schedule(
        self, parent: StoredJob, schedule: JobSchedule, members: Mapping[int, StoredJob], now: int
    ) -> bool:
        running = next((each for each in members.values() if not each.state.over), None)
        wall = self._keeping.moment(now)
        if wants_to_stop(parent):
            if running is None:
                return self._keep(_moved(parent, JobState.STOPPED, MoveCause.BY_HAND, "", now))
            return False
        if (
            self._quiet.get(parent.id) == (parent.version, running.id if running else "")
            and self._looked[parent.id] <= wall < self._next[parent.id]
        ):
            return False
        before = parent.standing or FamilyStanding(passed=wall)
        # No time before it was submitted is its own: a row that says so is damaged.
        known = before.passed if before.passed >= 0 else min(wall, parent.history.moves[0].at)
        passed = max([known, *(each for each in members if each <= wall)])
        decided = decide_schedule(schedule, passed, wall, busy=running is not None)
        if decided.run is not None:
            for over in [number for number, each in members.items() if each.state.over]:
                del self._members[parent.id][over]
            self._make(parent, run_of(parent, decided.run, now))
            made = self._members[parent.id].get(decided.run)
            running = None if made is None or made.state.over else made  # the clock was set back: it has had its run
        silent_since = None if self._silent_for is None else wall - self._silent_for
        nobody = _why_nobody(parent.backend, decided.left_out, silent_since)
        standing, events = _after_schedule(schedule, decided, before, running, members, now, nobody)
        news = standing != parent.standing or bool(events)
        if news:
            news = self._keep(StoredChange(parent.id, parent.version, events=events, standing=standing))
        # Nothing is to be done before its next time comes, its run is over, or somebody changes it.
        self._quiet[parent.id] = self._reconciler.job(parent.id).version, running.id if running else ""
        self._looked[parent.id] = wall
        self._next[parent.id] = wall + _FOREVER if decided.next is None else decided.next
        return news or decided.run is not None


def _seen(trial: StoredJob) -> SeenTrial:
    early = any(each.cause is MoveCause.EARLY_STOP for each in trial.history.moves)
    return SeenTrial(trial.number, trial.state, wants_to_stop(trial), early, trial.metric)


def _sweep_change(
    parent: StoredJob, decided: SweepDecision, trials: Iterable[SeenTrial], now: int
) -> StoredChange | None:
    """What is to be kept of a sweep; None where nothing is new."""
    moves = []
    begun = any(each.state.holds or each.state.over for each in trials)
    if parent.state is JobState.QUEUED and begun and not wants_to_stop(parent):
        moves.append(Move(now, JobState.RUNNING, MoveCause.STARTED))
    if decided.over is not None:
        cause = MoveCause.BY_HAND if decided.over is JobState.STOPPED else MoveCause.ENDED
        moves.append(Move(now, decided.over, cause, said=decided.said))
    standing = kept_standing(decided.standing)
    if not moves and standing == parent.standing:
        return None
    return StoredChange(parent.id, parent.version, moves=tuple(moves), standing=standing)


def _after_schedule(
    schedule: JobSchedule,
    decided: ScheduleDecision,
    before: FamilyStanding,
    running: StoredJob | None,
    members: Mapping[int, StoredJob],
    now: int,
    nobody: str,
) -> tuple[FamilyStanding, tuple[JobEvent, ...]]:
    times = times_of(schedule)
    upcoming = "no time of it comes any more" if decided.next is None else f"next run {times.shown(decided.next)}"
    said = upcoming if running is None else f"{running.id} is under way; {upcoming}"
    missed = decided.left_out
    standing = replace(
        before, said=said, passed=decided.passed, left_out=before.left_out + (0 if missed is None else missed.times)
    )
    if missed is None:
        return standing, ()
    return standing, (JobEvent(now, "left-out", _left_out(schedule, missed, members, nobody)),)


def _why_nobody(backend: str, missed: LeftOut | None, silent_since: int | None) -> str:
    """Why nobody started what no run of its own kept back; both moments by the clock of the schedule."""
    if missed is not None and silent_since is not None and missed.last >= silent_since:
        return f"{backend} did not answer"
    return "nobody was there to start it in time"


def _left_out(schedule: JobSchedule, missed: LeftOut, members: Mapping[int, StoredJob], nobody: str) -> str:
    times = times_of(schedule)
    busy = [each for each in members.values() if each.ended is not None and each.ended >= missed.first]
    why = f"{busy[0].id} was under way" if busy else nobody
    if missed.times == 1:
        return f"the run of {times.shown(missed.first)} was left out: {why}"
    return f"{missed.said} runs from {times.shown(missed.first)} to {times.shown(missed.last)} were left out: {why}"


def _moved(job: StoredJob, state: JobState, cause: MoveCause, said: str, now: int) -> StoredChange:
    return StoredChange(job.id, job.version, moves=(Move(now, state, cause, said=said),))
