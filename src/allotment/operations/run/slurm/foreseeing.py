"""What would become of a job if a Slurm got it now: the rules of `allot why` are asked about it as if it waited there.

Nothing is told that cannot be seen. Which priority Slurm would give it is not known, nor whom it would end for it:
where one of these decides, that is said instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final

from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.slurm.places import jobs_ahead
from allotment.diagnose.rules.slurm.table import SLURM_RULES
from allotment.diagnose.slurm.room import holders_of, room_for
from allotment.diagnose.slurm.view import SlurmView
from allotment.errors import AllotmentError, CapacityError, unquoted
from allotment.jobs.slurm.rendering import SlurmPlace
from allotment.model.explanation import Confidence
from allotment.model.grammar import count
from allotment.model.jobs.job import Job
from allotment.model.observed.slurm import SlurmFacts
from allotment.model.observed.snapshot import Gap, Source
from allotment.model.slurm.seen import SlurmAssociation, SlurmJob, SlurmPartition
from allotment.model.slurm.submission import SlurmSubmission
from allotment.operations.run.slurm.described_words import PARTITION, UnknownWord, WordsThere, unknown_words
from allotment.operations.run.slurm.hopeless import Hopeless, hopeless_there
from allotment.ports.backends import ForeseenStart, JobRefusedError, JobToStart, NeverStartsError
from allotment.ports.clock import Clock

_MOST_TRIED: Final = 64
_MOST_HIGHER: Final = 4
"""Numbers of replicas that are tried below and above the one that was asked for."""
_HELD: Final = 10.0
"""Seconds for which what was read is believed: slurmctld answers one at a time, and others ask, too."""
_USUAL: Final = "normal"
"""The quality of service that Slurm gives unless it is told otherwise."""
_NOT_ALLOWED: Final = "slurm-not-allowed"
_RESOURCES: Final = "slurm-resources"
_PRIORITY: Final = "slurm-priority"
_LIMITS: Final = ("associations", "qualities", "reservations")


class ForeseenOnSlurm:
    """The starts of jobs on one Slurm, which is read when it is asked about."""

    def __init__(
        self,
        read: Callable[[], Source],
        asked: Callable[[JobToStart], SlurmSubmission],
        clock: Clock,
        place: Callable[[], SlurmPlace],
        whence: str = "its description",
    ) -> None:
        """Nothing is read yet.

        Args:
            read: reads it.
            asked: what would be handed in of a job.
            clock: time.
            place: what its description says.
            whence: where the description lies.
        """
        self._place = place
        self._whence = whence
        self._reader = read
        self._asked = asked
        self._clock = clock
        self._read: tuple[float, Source | AllotmentError] | None = None

    def check(self, order: JobToStart) -> None:
        """Refuse what could never run there, by what the Slurm shows now; where it shows nothing, nothing is refused.

        Raises:
            CapacityError: it asks for more than there is, or than it may ever have.
            JobRefusedError: the description sends it to a partition that is not there.
        """
        try:
            asked = self._asked(order)
            source, now = self._source()
        except AllotmentError:
            return
        facts = source.slurm or SlurmFacts()
        wrong = next((each for each in self._unknown(order.job, facts) if each.kind == PARTITION), None)
        if wrong is not None:
            raise JobRefusedError(
                f"{order.job.name} cannot be handed in to {source.name}",
                why=wrong.told(source.name),
                fix=self._correct(wrong),
            )
        found = _hopeless(facts, asked, now)
        if found is not None:
            kind = CapacityError if found.amounts else NeverStartsError
            fix = "; ".join(filter(None, (found.fix, self._replicas_that_fit(order, facts, now))))
            raise kind(f"{order.job.name} could never start on {source.name}", why=found.why, fix=fix)

    def _replicas_that_fit(self, order: JobToStart, facts: SlurmFacts, now: float) -> str:
        """The next numbers of replicas below and above with which it could start: all nodes get the same number."""
        replicas = order.job.replicas
        if replicas == 1 or order.job.sweep is not None:
            return ""

        def fits(number: int) -> bool:
            try:
                asked = self._asked(replace(order, job=replace(order.job, replicas=number)))
            except AllotmentError:
                return False
            return _hopeless(facts, asked, now) is None

        below = range(replicas - 1, max(0, replicas - _MOST_TRIED), -1)
        found = [next(filter(fits, below), 0), next(filter(fits, range(replicas + 1, replicas + _MOST_HIGHER)), 0)]
        numbers = " or ".join(count(each, "replica") for each in found if each)
        return f"{numbers} would fit: each node gets the same number" if numbers else ""

    def told(self, order: JobToStart) -> Iterator[str]:
        """What its description names for a job and the Slurm does not have, where not every Slurm refuses that."""
        with suppress(AllotmentError):
            source, _ = self._source()
            for each in self._unknown(order.job, source.slurm or SlurmFacts()):
                if each.kind != PARTITION:
                    yield f"{each.told(source.name)}; it is refused unless Slurm lets that pass: {self._correct(each)}"

    def _unknown(self, job: Job, facts: SlurmFacts) -> Iterator[UnknownWord]:
        there = WordsThere.of(facts.partitions, facts.qualities, facts.associations)
        return unknown_words(self._place(), there, rungs=(job.priority,), teams=(job.team,))

    def _correct(self, wrong: UnknownWord) -> str:
        return f"correct {wrong.field} in {self._whence}, then `allot down` and `allot up`"

    def foreseen(self, order: JobToStart) -> ForeseenStart:
        """What would become of a job that could be handed in."""
        try:
            asked = self._asked(order)
            source, now = self._source()
        except AllotmentError as error:
            return ForeseenStart(untold=error.line)
        return foreseen_start(source.slurm or SlurmFacts(), asked, source.gaps, now)

    def _source(self) -> tuple[Source, float]:
        """The Slurm, and when it was read, in seconds since 1970.

        Raises:
            AllotmentError: it cannot be read; nor could it a moment ago.
        """
        now = self._clock.now().timestamp()
        if self._read is None or not 0 <= now - self._read[0] <= _HELD:
            try:
                self._read = now, self._reader()
            except AllotmentError as error:
                self._read = now, error
        at, read = self._read
        if isinstance(read, AllotmentError):
            raise read
        return read, at


def _hopeless(facts: SlurmFacts, asked: SlurmSubmission, now: float) -> Hopeless | None:
    view = SlurmView(facts, supposed_job(facts, asked), now, supposed=True)
    return hopeless_there(view, timed=asked.minutes > 0)


def foreseen_start(facts: SlurmFacts, asked: SlurmSubmission, gaps: tuple[Gap, ...], now: float) -> ForeseenStart:
    """What would become of a job.

    Args:
        facts: the Slurm at a moment.
        asked: what would be handed in.
        gaps: what of it could not be read.
        now: the moment, seconds since 1970.
    """
    job = supposed_job(facts, asked)
    if not any(each.name in job.partition.split(",") for each in facts.partitions):
        return ForeseenStart(untold="in which partition it would wait is not known")
    view = SlurmView(facts, job, now, supposed=True)
    found = [finding for _, _, _, rule in SLURM_RULES if (finding := rule(view)) is not None]
    first = next((each for each in found if each.confidence is Confidence.SURE), found[0] if found else None)
    if first is not None and not (first.cause == _PRIORITY and _leave_room(view)):
        return _kept(view, first)
    unread = sorted({each.what for each in gaps} & set(_LIMITS))
    if unread:
        return ForeseenStart(untold=f"{' and '.join(unread)} could not be read: which limits bind it is not known")
    return ForeseenStart(now=True)


def supposed_job(facts: SlurmFacts, asked: SlurmSubmission) -> SlurmJob:
    """What Slurm would show of a job that was just handed in."""
    partitions = asked.partitions or tuple(each.name for each in facts.partitions if each.default)[:1]
    lane = next((each for each in facts.partitions if each.name in partitions), None)
    account = asked.account.lower()
    return SlurmJob(
        job_id=1 + max((max(each.job_id, each.array_id) for each in facts.jobs), default=0),
        name=asked.job_name,
        user=facts.user,
        states=("PENDING",),
        account=account,
        partition=",".join(partitions),
        qos=asked.qos or _quality(facts, account),
        requested=_requested(asked),
        node_count=asked.nodes,
        tasks=asked.tasks,
        minutes=asked.minutes or _longest(lane),
        dependency=",".join(map(str, asked.dependencies)),
        features="&".join(asked.features),
        reservation=asked.reservation,
    )


def _requested(asked: SlurmSubmission) -> Mapping[str, int]:
    """All that it asks for, as Slurm counts it."""
    cpus = asked.tasks * asked.cpus_per_task
    found = {"cpu": cpus, "mem": asked.memory_mib * asked.nodes, "node": asked.nodes}
    for each in asked.gres:
        for name in {f"gres/{each.name}", f"gres/{each.name}:{each.type}".rstrip(":")}:
            found[name] = found.get(name, 0) + each.count * asked.nodes
    return found


def _longest(lane: SlurmPartition | None) -> int | None:
    if lane is None:
        return None
    return lane.minutes if lane.default_minutes is None else lane.default_minutes


def _quality(facts: SlurmFacts, account: str) -> str:
    """The quality of service of a job that names none."""
    mine = next((each.qos for each in _associations(facts, account) if each.qos), ())
    return mine[0] if len(mine) == 1 else _USUAL


def _associations(facts: SlurmFacts, account: str) -> Iterator[SlurmAssociation]:
    """Of the user in the account first, of the account then."""
    for user in dict.fromkeys((facts.user, "")):
        yield from (each for each in facts.associations if (each.account, each.user) == (account, user))


def _kept(view: SlurmView, finding: Finding) -> ForeseenStart:
    said = unquoted(finding.summary)
    if finding.cause == _PRIORITY:
        waiting = len(finding.facts.get("ahead", ()))
        return ForeseenStart(
            untold=f"there is room for it, but others wait for these nodes ({waiting}), and the priority that Slurm "
            "would give it is not known"
        )
    if finding.cause == _NOT_ALLOWED or finding.confidence is not Confidence.SURE:
        return ForeseenStart(untold=f"it may have to wait: {said}")
    if finding.cause == _RESOURCES and _may_displace(view):
        return ForeseenStart(untold=f"{said}; Slurm may end some of these for it")
    waits_for = f"as things are it could never start: {said}" if finding.never else said
    return ForeseenStart(now=False, waits_for=waits_for, never=finding.never)


def _leave_room(view: SlurmView) -> bool:
    """Whether those that wait before it cannot take enough of the nodes that have room for it."""
    room = room_for(view)
    wanted = {node.name for each in jobs_ahead(view) for node in room_for(SlurmView(view.facts, each, view.now)).ever}
    return len({each.name for each in room.now} - wanted) >= room.need.nodes


def _may_displace(view: SlurmView) -> bool:
    """Whether any that holds what it needs is one that Slurm may end for it: of a lower tier or quality of service."""
    lanes = {each.name: each for each in view.facts.partitions}
    tier = max((each.tier for each in view.partitions), default=0)
    below = () if view.qos is None else view.qos.preempts
    for each in holders_of(view, room_for(view).empty):
        lane = lanes.get(each.partition)
        if each.qos in below or (lane is not None and lane.tier < tier and lane.preemption.lower() != "off"):
            return True
    return False
