"""What would become of a job if a Slurm got it now: the rules of `allot why` are asked about it as if it waited there.

Nothing is told that cannot be seen. Which priority Slurm would give it is not known, nor whom it would end for it:
where one of these decides, that is said instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.slurm.table import SLURM_RULES
from allotment.diagnose.slurm.room import holders_of, room_for
from allotment.diagnose.slurm.view import SlurmView
from allotment.errors import AllotmentError, unquoted
from allotment.model.explanation import Confidence
from allotment.model.observed.slurm import SlurmFacts
from allotment.model.observed.snapshot import Gap, Snapshot
from allotment.model.slurm.seen import SlurmAssociation, SlurmJob, SlurmPartition
from allotment.model.slurm.submission import SlurmSubmission
from allotment.ports.backends import ForeseenStart, JobToStart
from allotment.ports.clock import Clock

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
        self, snapshot: Callable[[], Snapshot], asked: Callable[[JobToStart], SlurmSubmission], clock: Clock
    ) -> None:
        """Nothing is read yet.

        Args:
            snapshot: reads it.
            asked: what would be handed in of a job.
            clock: time.
        """
        self._snapshot = snapshot
        self._asked = asked
        self._clock = clock
        self._read: tuple[float, Snapshot] | None = None

    def foreseen(self, order: JobToStart) -> ForeseenStart:
        """What would become of a job that could be handed in."""
        now = self._clock.now().timestamp()
        try:
            asked = self._asked(order)
            if self._read is None or not 0 <= now - self._read[0] <= _HELD:
                self._read = now, self._snapshot()
        except AllotmentError as error:
            return ForeseenStart(untold=error.line)
        (source,) = self._read[1].sources
        facts = source.slurm
        return foreseen_start(SlurmFacts() if facts is None else facts, asked, source.gaps, self._read[0])


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
    if first is not None:
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
    return ForeseenStart(now=False, waits_for=f"as things are it could never start: {said}" if finding.never else said)


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
