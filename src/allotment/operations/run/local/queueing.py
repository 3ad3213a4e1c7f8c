"""Who runs next on this machine: the same engine that decides as Kueue does, with real processes around it.

It holds no process and reads no clock. Whoever drives it says what happened (a job came, ended, was withdrawn, has
left) and asks what is to be done; the engine is only ever moved by `settle`, as a simulation is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from allotment.errors import CapacityError
from allotment.model.labels import ACCELERATOR
from allotment.operations.run.local.shares import CPU, DEVICE, MACHINE_FLAVOR, MEMORY, SETTINGS
from allotment.operations.run.plain_reasons import plain_reason
from allotment.ports.backends import ForeseenStart
from allotment.scheduling.kinds import Operator, Requirement
from allotment.scheduling.queueing.cycle import CycleResult
from allotment.scheduling.queueing.engine import QueueingEngine
from allotment.scheduling.queueing.indices import WorkloadId
from allotment.scheduling.queueing.inputs import ClusterState, PodSet, PodSetAdmission, Workload
from allotment.scheduling.queueing.settling import PATIENT, settle
from allotment.scheduling.queueing.states import Place
from allotment.simulation.hopeless import EmptiedQueues
from allotment.simulation.present import WaitReason

_REPLICAS: Final = "main"
"""Name of the one PodSet."""


@dataclass(frozen=True, slots=True)
class QueuedWork:
    """A job as the machine's queues see it.

    Attributes:
        id: of the job.
        team: name of its queue.
        priority: value of its rung.
        queued_since: milliseconds since the epoch; what came first stands first.
        cpu: milli-CPU of one replica.
        memory: bytes of one replica.
        devices: of one replica.
        classes: of accelerators that will do, in order of preference; empty where it needs none.
        replicas: all of them start, or none.
    """

    id: str
    team: str
    priority: int
    queued_since: int
    cpu: int
    memory: int
    devices: int = 0
    classes: tuple[str, ...] = ()
    replicas: int = 1


@dataclass(frozen=True, slots=True)
class Admit:
    """A job is to be started.

    Attributes:
        flavor: class of its devices, or `SLOTS`; empty where it needs none.
    """

    id: str
    flavor: str


@dataclass(frozen=True, slots=True)
class Evict:
    """A job that runs is to be ended, and queued again.

    Attributes:
        by: the job that it makes room for.
        reason: Kueue's word for the rule that fired.
    """

    id: str
    by: str
    reason: str


LocalDecision = Admit | Evict


class MachineQueues:
    """The machine's queues and what runs, by the ids of jobs."""

    def __init__(self, state: ClusterState) -> None:
        """Without any job.

        Args:
            state: of `shares.machine_state`.
        """
        self._state = state
        self._engine = QueueingEngine(state, SETTINGS)
        self._emptied = EmptiedQueues(state, SETTINGS)
        self._index: dict[str, WorkloadId] = {}
        self._id: dict[WorkloadId, str] = {}
        self._shapes: dict[str, QueuedWork] = {}
        self._decided: list[LocalDecision] = []

    def refusal_for_good(self, work: QueuedWork) -> str:
        """Why even the empty machine would not take it; empty where it would."""
        answer = self._emptied.alone(workload_of(work))
        return (answer.message or str(answer.cause.value)) if isinstance(answer, WaitReason) else ""

    def check(self, work: QueuedWork) -> None:
        """Refuse what can never run.

        Raises:
            CapacityError: even the empty machine would not take it.
            InputError: its team has no queue here.
        """
        reason = self.refusal_for_good(work)
        if reason:
            raise CapacityError(
                "it can never run on this machine",
                why=plain_reason(reason),
                fix="ask for less, or use another back end",
            )

    def foreseen(self, work: QueuedWork, now: int) -> ForeseenStart:
        """What would become of a job if it came now, tried on a copy of the engine.

        Args:
            work: a job that could run.
            now: milliseconds since the epoch.
        """
        trial = self._engine.with_state(self._state, wake=False)
        index = trial.add(workload_of(work))
        gone: list[WorkloadId] = []

        def carry_out(result: CycleResult) -> None:
            # Whoever is displaced has ended a moment later, and waits no less for that.
            for preemption in result.preemptions:
                if preemption.preemptor == index:
                    gone.append(preemption.workload)
                trial.mark_evicted(preemption.workload)
                trial.requeue_evicted(preemption.workload)
                trial.wake(trial.tree_of(preemption.workload))

        settle(trial, now, carry_out, PATIENT)
        starts = trial.place(index) is Place.RUNNING
        waits = "" if starts else _refused(trial, index)
        return ForeseenStart(starts, tuple(self._id[each] for each in gone) if starts else (), waits)

    def submit(self, work: QueuedWork) -> None:
        """A job queues.

        Raises:
            CapacityError: even the empty machine would not take it.
            InputError: its team has no queue here.
        """
        self.check(work)
        self._know(work, self._engine.add(workload_of(work)))

    def adopt(self, work: QueuedWork, flavor: str, since: int, *, leaving: bool = False) -> None:
        """A job runs already, of before this process began.

        Args:
            work: the job.
            flavor: what `Admit` said of it.
            since: milliseconds since the epoch, when it was admitted.
            leaving: it is on its way out.
        """
        workload = workload_of(work)
        flavors = tuple(
            (name, flavor if name == DEVICE else MACHINE_FLAVOR) for name, _ in workload.pod_sets[0].requests
        )
        admission = PodSetAdmission(_REPLICAS, work.replicas, flavors)
        self._know(work, self._engine.adopt(workload, (admission,), since, evicted=leaving))

    def ended(self, job: str) -> None:
        """A job that ran is over, however it ended; it queues no more."""
        index = self._forget(job)
        self._engine.finish(index)
        self._engine.wake(self._engine.tree_of(index))

    def left(self, job: str) -> None:
        """A job that was to be ended has ended: it queues again, where it stood by its age."""
        index = self._index[job]
        self._engine.requeue_evicted(index)
        self._engine.wake(self._engine.tree_of(index))

    def withdraw(self, job: str) -> None:
        """A job that waits waits no more."""
        self._engine.withdraw(self._forget(job))

    def decide(self, now: int) -> Sequence[LocalDecision]:
        """What is to be done now, evictions and admissions in the order in which they were decided.

        An evicted job keeps what it holds until `left` or `ended` is said of it.

        Args:
            now: milliseconds since the epoch.
        """
        self._decided = []
        settle(self._engine, now, self._carry_out, PATIENT)
        return self._decided

    def waits_for(self, jobs: Iterable[str]) -> dict[str, str]:
        """Why each of some jobs waits, in Kueue's words; empty where only others stand before it, or it does not wait.

        Args:
            jobs: ids, which need not be known here.
        """
        found: dict[QueuedWork, str] = {}
        told = dict.fromkeys(jobs, "")
        for job in told:
            index = self._index.get(job)
            if index is None or self._engine.place(index) is Place.RUNNING:
                continue
            refusal = self._engine.refusal(index)
            if refusal is not None:
                told[job] = refusal.text
                continue
            # Of jobs that ask for the same the engine tries one alone, and what it finds holds for them all.
            shape = self._shapes[job]
            if shape not in found:
                found[shape] = _refused(self._engine, index)
            told[job] = found[shape]
        return told

    def runs(self, job: str) -> bool:
        """Whether a job holds what it asked for, one on its way out included."""
        index = self._index.get(job)
        return index is not None and self._engine.place(index) is Place.RUNNING

    def _carry_out(self, result: CycleResult) -> None:
        for preemption in sorted(result.preemptions, key=lambda each: each.workload):
            self._engine.mark_evicted(preemption.workload)
            by = self._id[preemption.preemptor]
            self._decided.append(Evict(self._id[preemption.workload], by, preemption.reason.value))
        for index in sorted(result.admitted):
            given = dict(self._engine.admission(index)[0].flavors)
            self._decided.append(Admit(self._id[index], given.get(DEVICE, "")))

    def _know(self, work: QueuedWork, index: WorkloadId) -> None:
        self._index[work.id] = index
        self._id[index] = work.id
        self._shapes[work.id] = replace(work, id="", queued_since=0)

    def _forget(self, job: str) -> WorkloadId:
        index = self._index.pop(job)
        del self._id[index], self._shapes[job]
        return index


def _refused(engine: QueueingEngine, index: WorkloadId) -> str:
    """What stands in the way of one that waits; empty where nothing does.

    One that asks for what another was just refused is not tried by itself, also where that other has gone meanwhile.
    """
    refusal = engine.refusal(index) or engine.look_afresh(index)
    return "" if refusal is None else refusal.text


def workload_of(work: QueuedWork) -> Workload:
    """The job as the engine is told of it."""
    requests = [(CPU, work.cpu), (MEMORY, work.memory)]
    affinity: tuple[tuple[Requirement, ...], ...] = ()
    if work.devices:
        requests.append((DEVICE, work.devices))
        affinity = ((Requirement(ACCELERATOR, Operator.IN, work.classes),),)
    return Workload(
        name=work.id,
        uid=work.id,
        cluster_queue=work.team,
        priority=work.priority,
        queued_since=work.queued_since,
        pod_sets=(PodSet(_REPLICAS, work.replicas, tuple(requests), required_affinity=affinity),),
    )
