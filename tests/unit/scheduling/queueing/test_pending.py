"""The queue of one ClusterQueue: order, requeue rules, refusal of equal shapes, wake-up, the sticky preemptor."""

from allotment.scheduling.queueing.catalog import Catalog
from allotment.scheduling.queueing.pending.queue import PendingQueue, RequeueReason
from allotment.scheduling.queueing.records import FlavorMemory, WorkloadRecord
from tests.unit.scheduling.queueing.states import queue, state, workload


class Line:
    """A queue and the workloads made for it."""

    def __init__(self, *, strict: bool = False, hashing: bool = True) -> None:
        self.catalog = Catalog(state(queue("q")))
        self.pending = PendingQueue(strict=strict, hashing=hashing)
        self.made: list[WorkloadRecord] = []

    def arrive(self, name: str, cpu: int = 1, *, priority: int = 0, since: int = 0) -> WorkloadRecord:
        record = self.catalog.workload(workload(name, "q", cpu, priority=priority, since=since), len(self.made))
        self.made.append(record)
        self.pending.arrive(record)
        return record

    def pop_all(self) -> str:
        names = []
        while (head := self.pending.pop()) is not None:
            names.append(head.spec.name)
        return " ".join(names)


def test_priority_then_age_then_uid() -> None:
    line = Line()
    line.arrive("c", since=5)
    line.arrive("b", since=3)
    line.arrive("z", since=9, priority=7)
    line.arrive("a", 2, since=3)
    assert line.pop_all() == "z a b c"


def test_a_refused_shape_waits_together_until_the_wake_up() -> None:
    line = Line()
    head = line.arrive("a", 5, since=1)
    line.arrive("same", 5, since=2)
    line.arrive("other", 1, since=3)
    assert line.pending.pop() is head
    assert line.pending.requeue(head, RequeueReason.NO_FIT)
    late = line.arrive("late", 5, since=0)
    assert line.pending.inadmissible(late)
    assert line.pending.active == 1
    assert line.pop_all() == "other"
    line.pending.wake()
    assert line.pending.active == 3
    assert line.pop_all() == "late a same"


def test_without_hashing_only_the_head_waits() -> None:
    line = Line(hashing=False)
    head = line.arrive("a", 5, since=1)
    line.arrive("same", 5, since=2)
    line.pending.pop()
    line.pending.requeue(head, RequeueReason.NO_FIT)
    assert line.pop_all() == "same"


def test_a_strict_head_blocks() -> None:
    line = Line(strict=True)
    head = line.arrive("a", 5, since=1)
    line.arrive("b", 1, since=2)
    line.pending.pop()
    assert not line.pending.requeue(head, RequeueReason.NO_FIT)
    assert line.pending.pop() is head


def test_an_untried_flavor_brings_the_head_back_at_once() -> None:
    line = Line()
    head = line.arrive("a")
    line.pending.pop()
    head.memory = FlavorMemory(0, 1)
    head.memory.tried.append({0: 0})
    assert not line.pending.requeue(head, RequeueReason.NO_FIT)
    assert line.pending.pop() is head


def test_the_preemptor_is_sticky_until_it_leaves() -> None:
    line = Line()
    head = line.arrive("preemptor", since=5)
    line.pending.pop()
    line.pending.requeue(head, RequeueReason.PENDING_PREEMPTION)
    line.arrive("urgent", priority=9)
    assert line.pending.pop() is head
    line.pending.requeue(head, RequeueReason.NO_FIT)
    line.pending.wake()
    assert line.pending.pop() is head, "becoming unschedulable does not clear the mark"
    line.pending.delete(head)
    line.pending.arrive(head)
    assert line.pop_all() == "urgent preemptor"


def test_deleting_a_queued_workload() -> None:
    line = Line()
    gone = line.arrive("gone")
    line.arrive("stays", since=1)
    line.pending.delete(gone)
    assert line.pending.active == 1
    assert line.pop_all() == "stays"
