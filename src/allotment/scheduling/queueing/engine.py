"""The queueing engine: Kueue's decisions as a deterministic state machine. Time and events come from the caller."""

from __future__ import annotations

from allotment.scheduling.queueing.admissions import Admissions
from allotment.scheduling.queueing.catalog import Catalog
from allotment.scheduling.queueing.cycle import Cycle, CycleResult
from allotment.scheduling.queueing.flavors import FlavorAssigner
from allotment.scheduling.queueing.gates import Gates, gates_for
from allotment.scheduling.queueing.holdings import Holdings
from allotment.scheduling.queueing.indices import NO_FLAVOR, NO_NODE, TreeId, WorkloadId
from allotment.scheduling.queueing.inputs import ClusterState, EngineSettings, PodSetAdmission, Workload
from allotment.scheduling.queueing.nomination import (
    Nominations,
    Nominator,
    PreemptionOracle,
    RememberingFinder,
    TargetFinder,
)
from allotment.scheduling.queueing.order import Ordering
from allotment.scheduling.queueing.pending.local_usage import LocalUsage
from allotment.scheduling.queueing.preemption.classical import ClassicalPreemption
from allotment.scheduling.queueing.preemption.fair import FairPreemption
from allotment.scheduling.queueing.queues import Queues
from allotment.scheduling.queueing.quota.tree import NO_LIMIT
from allotment.scheduling.queueing.reasons import Cause, Refusal, RefusalKind
from allotment.scheduling.queueing.records import FIT, Assignment, WorkloadRecord
from allotment.scheduling.queueing.states import EVICTED, QUEUED, RUNNING, Place
from allotment.scheduling.queueing.topology.assigner import TopologyAssigner
from allotment.scheduling.queueing.usage import UsageLedger


class QuotaFigures:
    """Quota of one resource of one flavor at a ClusterQueue, in Kueue's internal units.

    Attributes:
        nominal: as declared.
        used: by the queue's own workloads.
        available: what one more workload can get without preempting anybody.
        most: what the queue could use if nobody used anything.
        borrowing_limit, lending_limit: as declared, None = as much as there is.
    """

    __slots__ = ("available", "borrowing_limit", "lending_limit", "most", "nominal", "used")

    def __init__(
        self,
        *,
        nominal: int,
        used: int,
        available: int,
        most: int,
        borrowing_limit: int | None,
        lending_limit: int | None,
    ) -> None:
        self.nominal: int = nominal
        self.used: int = used
        self.available: int = available
        self.most: int = most
        self.borrowing_limit: int | None = borrowing_limit
        self.lending_limit: int | None = lending_limit


def _limit(amount: int) -> int | None:
    return None if amount == NO_LIMIT else amount


class QueueingEngine:
    """Queues, quota and running workloads of one cluster.

    Workloads are addressed by the index `add` returns. All methods are synchronous and deterministic.
    """

    def __init__(
        self, state: ClusterState, settings: EngineSettings, *, like: Catalog | None = None, watching: bool = False
    ) -> None:
        """An engine without workloads; `like` is for `with_state`.

        With `watching`, cycles also tell what hangs on chance in Kueue (`CycleResult.choices`); that costs time.

        Raises:
            InputError: the state is inconsistent or the Kueue version unknown.
        """
        self._settings: EngineSettings = settings
        self._watching: bool = watching
        self._catalog: Catalog = Catalog(state, like)
        self._gates: Gates = gates_for(settings.version)
        self._topology: TopologyAssigner = TopologyAssigner(self._catalog, self._gates)
        self._admissions: Admissions = Admissions(self._catalog, self._topology)
        capacity = None if self._topology.empty else self._topology.capacity
        self._ledger: UsageLedger = UsageLedger(self._catalog.tree, capacity)
        self._local_usage: LocalUsage | None = None
        if settings.admission_fair_sharing is not None:
            self._local_usage = LocalUsage(
                settings.admission_fair_sharing, state.local_queues, self._catalog.resource_names
            )
        finder: TargetFinder
        if settings.fair_sharing:
            finder = FairPreemption(
                self._catalog,
                self._ledger,
                settings.fair_strategies,
                self._gates,
                self._local_usage,
                watching=watching,
            )
        else:
            finder = ClassicalPreemption(self._catalog, self._ledger, self._local_usage)
        self._topology.attach(self._ledger)
        remembering = RememberingFinder(finder)
        oracle = PreemptionOracle(remembering, self._ledger)
        assigner = FlavorAssigner(
            self._catalog, oracle, self._topology, self._gates, fair_sharing=settings.fair_sharing
        )
        nominator = Nominator(assigner, remembering, self._topology, self._gates)
        nominations = Nominations(nominator, self._topology, self._gates)
        self._nominations: Nominations = nominations
        self._holdings: Holdings = Holdings(self._ledger, self._admissions, nominations, self._local_usage)
        hashing = self._gates.scheduling_equivalence_hashing
        self._queues: Queues = Queues(state, self._catalog, self._local_usage, hashing=hashing)
        self._workloads: list[WorkloadRecord] = []
        ordering = Ordering(self._catalog, self._ledger, self._gates, fair_sharing=settings.fair_sharing)
        self._cycle: Cycle = Cycle(
            self._ledger,
            self._queues,
            nominations,
            ordering,
            self._holdings,
            self._gates,
            watching=watching,
        )
        self._cycles: int = 0

    @property
    def cycles(self) -> int:
        """Number of cycles run so far."""
        return self._cycles

    @property
    def idle(self) -> bool:
        """Is every active heap empty?"""
        return self._queues.idle

    def register(self, workload: Workload) -> WorkloadId:
        """Make a workload known without queueing it; returns its index.

        Raises:
            InputError: its ClusterQueue does not exist.
        """
        index = WorkloadId(len(self._workloads))
        self._workloads.append(self._catalog.workload(workload, index))
        return index

    def arrive(self, index: WorkloadId) -> None:
        """A registered workload enters its queue."""
        self._queues.arrive(self._workloads[index])

    def add(self, workload: Workload) -> WorkloadId:
        """`register` and `arrive` in one."""
        index = self.register(workload)
        self.arrive(index)
        return index

    def favour(self, index: WorkloadId) -> None:
        """A workload that waits was the last preemptor of its queue, e.g. in a live cluster: it stands first there."""
        self._queues.favour(self._workloads[index])

    def adopt(
        self, workload: Workload, pod_sets: tuple[PodSetAdmission, ...], reserved_at: int, *, evicted: bool = False
    ) -> WorkloadId:
        """Take over a workload that already holds quota, e.g. read from a live cluster; returns its index.

        Flavors and domains the engine does not know are not charged, as Kueue does not count them either.

        Raises:
            InputError: its ClusterQueue does not exist.
        """
        index = self.register(workload)
        record = self._workloads[index]
        self._holdings.hold(record, self._admissions.assignment(record, pod_sets), reserved_at)
        if evicted:
            record.become(EVICTED)
        return index

    def with_state(self, state: ClusterState, *, wake: bool = True) -> QueueingEngine:
        """This engine as it would be in another cluster: same workloads, indices, places and cycle count.

        The base of every what-if (other quota, weights, nodes, policies); the original stays as it is. What runs keeps
        running even if it no longer fits. Domains of a node that is gone are remembered and charged again when it is
        back. Where quotas of a tree differ, its workloads try their flavors from the first again.

        Args:
            state: the other cluster.
            wake: give everything inadmissible another chance at once. Kueue does so after such a change too, but
                after its wake-up delay: a caller with a clock passes False and calls `wake` then.

        Raises:
            InputError: the state is inconsistent, or lacks the queue of a workload.
        """
        other = QueueingEngine(state, self._settings, like=self._catalog, watching=self._watching)
        other._cycles = self._cycles
        for old in self._workloads:
            new = other._catalog.taken_over(old, self._catalog)
            other._workloads.append(new)
            if old.state in (RUNNING, EVICTED):
                new.granted = self.granted(old.index)
                other._holdings.hold(new, other._admissions.assignment(new, new.granted), old.reserved_at)
                if old.state is EVICTED:
                    new.become(EVICTED)
            elif old.state is QUEUED:
                new.refusal = old.refusal
                new.memory = None if wake else old.memory
                other._queues.take_over(new, old, self._queues, wake=wake)
        renewed: dict[tuple[TreeId, TreeId], bool] = {}
        for queue in self._catalog.queues:
            index = other._catalog.queue_index.get(queue.name)
            if index is not None:
                same = other._catalog.queues[index]
                roots = (queue.root, same.root)
                if roots not in renewed:
                    before, after = self._catalog.quotas_of_tree(queue.root), other._catalog.quotas_of_tree(same.root)
                    renewed[roots] = wake or before != after
                same.generation = queue.generation + (1 if renewed[roots] else 0)
        if self._local_usage is not None and other._local_usage is not None:
            other._local_usage.copy_from(self._local_usage)
        return other

    def tree_of(self, index: WorkloadId) -> TreeId:
        """Identifies the quota tree of a workload; what a wake-up covers."""
        return self._workloads[index].queue.root

    def tree_of_queue(self, cluster_queue: str) -> TreeId:
        """Identifies the quota tree of a ClusterQueue."""
        return self._catalog.queues[self._catalog.queue_index[cluster_queue]].root

    def tree_of_cohort(self, cohort: str) -> TreeId:
        """Identifies the quota tree of a Cohort."""
        return self._catalog.tree.root_of(self._catalog.cohort_index[cohort])

    @property
    def trees(self) -> tuple[TreeId, ...]:
        """All quota trees with a queue."""
        return tuple(self._catalog.queues_of_tree)

    def wake(self, tree: TreeId) -> None:
        """All inadmissible workloads of a tree go back to their heaps."""
        self._queues.wake(tree)

    def nested(self, index: WorkloadId) -> bool:
        """Is there a cohort between the workload's ClusterQueue and the root of its tree?"""
        queue = self._workloads[index].queue
        return queue.parent not in (NO_NODE, queue.root)

    def read_quotas_again(self, tree: TreeId) -> None:
        """A cohort of the tree was read as if it had changed: flavor scans start over. The caller wakes the tree."""
        for queue in self._catalog.queues_of_tree.get(tree, ()):
            self._catalog.queues[queue].generation += 1

    def sample_usage(self, now: int) -> None:
        """Admission fair sharing: let the LocalQueues' usage decay; to be called at every sampling interval."""
        if self._local_usage is not None:
            self._local_usage.sample(now)

    def wake_all(self) -> None:
        """`wake` for every tree."""
        for tree in self._catalog.queues_of_tree:
            self.wake(tree)

    def finish(self, index: WorkloadId) -> None:
        """A running workload is done: its quota is free, it leaves the engine. The caller wakes the tree."""
        workload = self._workloads[index]
        self._holdings.give_back(workload)
        self._queues.delete(workload)

    def withdraw(self, index: WorkloadId) -> None:
        """A workload that waits is deleted: it leaves the engine."""
        self._queues.delete(self._workloads[index])

    def mark_evicted(self, index: WorkloadId) -> None:
        """A running workload is being evicted but still holds its quota."""
        self._holdings.mark_evicted(self._workloads[index])

    def requeue_evicted(self, index: WorkloadId) -> None:
        """An evicted workload has stopped: its quota is free and it queues again as it first came."""
        self._holdings.give_back(self._workloads[index])
        self.arrive(index)

    def replace_node(self, index: WorkloadId, host: str) -> bool:
        """Place the pods of a running workload elsewhere that were on a host; False if that cannot be.

        As Kueue's failed-node replacement does in its second pass: nobody is preempted for it, and quota stays.
        """
        workload = self._workloads[index]
        if workload.admission is None:
            return False
        granted = self._topology.without_node(workload, self.granted(index), host)
        if granted is None:
            return False
        self._holdings.move(workload, granted)
        return True

    def run_cycle(self, now: int) -> CycleResult:
        """One scheduling cycle; `now` becomes the quota-reservation time of what it admits."""
        self._cycles += 1
        return self._cycle.run(self._cycles, now)

    def refusal(self, index: WorkloadId) -> Refusal | None:
        """Result of the last attempt since the workload last became pending; None if it was never the head."""
        return self._workloads[index].refusal

    def place(self, index: WorkloadId) -> Place:
        """Where a workload is, as its owner sees it."""
        workload = self._workloads[index]
        if workload.state in (RUNNING, EVICTED):
            return Place.RUNNING
        if workload.state is not QUEUED:
            return Place.ABSENT
        return Place.INADMISSIBLE if self._queues.inadmissible(workload) else Place.ACTIVE

    def cause(self, index: WorkloadId) -> Cause | None:
        """The one dominant reason a workload is pending; None if it is not."""
        place = self.place(index)
        if place in (Place.ABSENT, Place.RUNNING):
            return None
        if self._workloads[index].queue.stopped:
            return Cause.QUEUE_STOPPED
        refusal = self._workloads[index].refusal
        if refusal is not None:
            return refusal.cause
        return Cause.BEHIND_EQUAL_SHAPE if place is Place.INADMISSIBLE else Cause.NOT_EVALUATED

    def look_afresh(self, index: WorkloadId) -> Refusal | None:
        """What a scan of all its flavors finds now for a workload that waits; None if it fits or has whom to preempt.

        The last attempt may have gone on where the one before it stopped, and then tells only of the later flavors.
        Changes nothing.
        """
        nomination = self._nominations.afresh(self._workloads[index], self._cycles)
        if nomination.assignment.mode is FIT or nomination.targets:
            return None
        return Refusal(RefusalKind.UNASSIGNABLE, nomination.assignment.findings())

    def quota(self, cluster_queue: str, flavor: str, resource: str) -> QuotaFigures | None:
        """Quota of one resource of one flavor at a ClusterQueue as it stands; None if nobody declares such a pair."""
        names = self._catalog
        pair = names.flavor_index.get(flavor, NO_FLAVOR), names.resource_index.get(resource)
        fr = None if pair[1] is None else names.fr_index.get((pair[0], pair[1]))
        if fr is None:
            return None
        tree = names.tree
        cell = tree.cells[names.queue_index[cluster_queue]][fr]
        return QuotaFigures(
            nominal=tree.nominal[cell],
            used=tree.usage[cell],
            available=max(0, tree.available(cell)),
            most=tree.potential[cell],
            borrowing_limit=_limit(tree.borrowing_limit[cell]),
            lending_limit=_limit(tree.lending_limit[cell]),
        )

    def admission(self, index: WorkloadId) -> tuple[PodSetAdmission, ...]:
        """What a running workload got, PodSet by PodSet; empty if it is not running."""
        assignment: Assignment | None = self._workloads[index].admission
        return () if assignment is None else self._admissions.read(assignment)

    def granted(self, index: WorkloadId) -> tuple[PodSetAdmission, ...]:
        """The same with nodes that the state does not have any more: pods on a cordoned node run on."""
        return self._workloads[index].granted or self.admission(index)

    def queue_usage(self, cluster_queue: str) -> dict[tuple[str, str], int]:
        """Usage of a ClusterQueue per (flavor, resource)."""
        names = self._catalog
        cells = names.tree.cells[names.queue_index[cluster_queue]]
        return {
            (names.flavor_names[flavor], names.resource_names[resource]): names.tree.usage[cells[fr]]
            for (flavor, resource), fr in names.fr_index.items()
        }
