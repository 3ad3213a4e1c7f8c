"""What waiting alone can never help: even with nobody else there, it would be refused."""

from __future__ import annotations

from collections.abc import Iterable

from allotment.scheduling.queueing.cycle import CycleResult
from allotment.scheduling.queueing.engine import QueueingEngine
from allotment.scheduling.queueing.inputs import ClusterState, EngineSettings, PodSet, PodSetAdmission, Workload
from allotment.scheduling.queueing.reasons import Cause
from allotment.scheduling.queueing.settling import PATIENT, settle
from allotment.simulation.present import WaitReason


def refused_by_emptied(
    state: ClusterState, settings: EngineSettings, workloads: Iterable[Workload]
) -> dict[str, WaitReason]:
    """Those of the workloads that the cluster refuses with nothing in it, each with the reason it gives then.

    Each is tried alone, equal ones once. The present's own reason does not tell: Kueue says of a flavor that an earlier
    PodSet filled that the next one exceeds its maximum, and of the twin of a hopeless workload that it waits its turn.

    Args:
        state: the cluster with the nodes that belong to it, those included that are away for a while.
        settings: how its Kueue decides.
        workloads: names are unique.

    Raises:
        InputError: the state is inconsistent, or lacks the queue of a workload.
    """
    emptied = EmptiedQueues(state, settings)
    answers = {workload.name: emptied.alone(workload) for workload in workloads}
    return {name: answer for name, answer in answers.items() if isinstance(answer, WaitReason)}


class EmptiedQueues:
    """Queues that nobody is in, asked for one workload after the other; equal ones are tried once."""

    def __init__(self, state: ClusterState, settings: EngineSettings) -> None:
        """Of a state, as `refused_by_emptied` takes it.

        Raises:
            InputError: the state is inconsistent.
        """
        self._engine = QueueingEngine(state, settings)
        self._answers: dict[tuple[str, tuple[PodSet, ...]], WaitReason | tuple[PodSetAdmission, ...]] = {}

    def alone(self, workload: Workload) -> WaitReason | tuple[PodSetAdmission, ...]:
        """Why a workload is refused, or what it is given.

        Raises:
            InputError: its queue is not there.
        """
        shape = (workload.cluster_queue, workload.pod_sets)
        if shape not in self._answers:
            self._answers[shape] = _alone(self._engine, workload)
        return self._answers[shape]


def _alone(engine: QueueingEngine, workload: Workload) -> WaitReason | tuple[PodSetAdmission, ...]:
    """Why the empty engine refuses the workload, or what it gives it; afterwards it is empty again."""
    index = engine.add(workload)
    settle(engine, 0, _nothing_to_carry_out, PATIENT)
    cause, refusal = engine.cause(index), engine.refusal(index)
    if cause is None:
        given = engine.granted(index)
        engine.finish(index)
        return given
    tree = engine.tree_of(index)
    engine.withdraw(index)
    engine.wake(tree)  # a shape that was refused must not keep the next one of its kind from being looked at
    return WaitReason(cause, "" if refusal is None else refusal.text)


def _nothing_to_carry_out(result: CycleResult) -> None:
    """Nobody else is there, so nobody is preempted."""
    assert not result.preemptions  # noqa: S101


def softened(present: WaitReason) -> WaitReason:
    """The present's reason of a workload that an emptied cluster takes: it waits, whatever Kueue calls it."""
    return WaitReason(Cause.WAITING_FOR_QUOTA, present.message) if present.cause.misconfigured else present
