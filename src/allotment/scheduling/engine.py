"""The queueing engine: Kueue's decisions as a deterministic state machine. Time and events come from the caller."""

from __future__ import annotations

from allotment.scheduling.admissions import Admissions
from allotment.scheduling.catalog import Catalog
from allotment.scheduling.choices import Choice, races, tosses
from allotment.scheduling.cycle import Cycle
from allotment.scheduling.entry import Entry
from allotment.scheduling.flavors import FlavorAssigner
from allotment.scheduling.gates import Gates, gates_for
from allotment.scheduling.inputs import (
    ClusterState,
    EngineSettings,
    PodSetAdmission,
    Workload,
)
from allotment.scheduling.nomination import Nominator, PreemptionOracle, RememberingFinder, TargetFinder
from allotment.scheduling.preemption_classical import ClassicalPreemption
from allotment.scheduling.preemption_fair import FairPreemption
from allotment.scheduling.queueing.local_usage import LocalUsage
from allotment.scheduling.queueing.pending import PendingQueue
from allotment.scheduling.queueing.usage_based import UsageBasedQueue
from allotment.scheduling.quota.tree import NO_PARENT
from allotment.scheduling.reasons import Cause, Refusal
from allotment.scheduling.records import (
    QUEUED,
    RUNNING,
    Assignment,
    Nomination,
    PreemptionReason,
    WorkloadRecord,
)
from allotment.scheduling.topology.assigner import TopologyAssigner
from allotment.scheduling.usage import UsageLedger


class Preemption:
    """An eviction the cycle asks for. Carrying it out is the caller's business."""

    __slots__ = ("preemptor", "reason", "workload")

    def __init__(self, workload: int, reason: PreemptionReason, preemptor: int) -> None:
        self.workload: int = workload
        self.reason: PreemptionReason = reason
        self.preemptor: int = preemptor


class CycleResult:
    """What one cycle decided.

    Attributes:
        number: 1-based count of cycles.
        admitted: workloads that now hold quota.
        preemptions: evictions to carry out (workloads already being evicted are not repeated).
        refused: heads that went back to their queue; see `QueueingEngine.refusal`.
        heaps_changed: the set of workloads in the active heaps differs from before, evictions not counted.
        choices: what hangs on chance in Kueue, where the engine watches for it.
    """

    __slots__ = ("admitted", "choices", "heaps_changed", "number", "preemptions", "refused")

    def __init__(self, number: int) -> None:
        self.number: int = number
        self.admitted: list[int] = []
        self.preemptions: list[Preemption] = []
        self.refused: list[int] = []
        self.heaps_changed: bool = False
        self.choices: list[Choice] = []


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
        self._fair: bool = settings.fair_sharing
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
        self._nominator: Nominator = Nominator(assigner, remembering, self._topology, self._gates)
        hashing = self._gates.scheduling_equivalence_hashing
        self._pending: list[PendingQueue] = []
        for spec, queue in zip(state.cluster_queues, self._catalog.queues, strict=True):
            if spec.usage_based and self._local_usage is not None:
                self._pending.append(UsageBasedQueue(self._local_usage, strict=queue.strict, hashing=hashing))
            else:
                self._pending.append(PendingQueue(strict=queue.strict, hashing=hashing))
        self._with_heads: set[int] = set()
        self._workloads: list[WorkloadRecord] = []
        self._versions: dict[int, int] = {}
        self._cycle: int = 0

    @property
    def cycles(self) -> int:
        """Number of cycles run so far."""
        return self._cycle

    @property
    def idle(self) -> bool:
        """Is every active heap empty?"""
        return not self._with_heads

    def register(self, workload: Workload) -> int:
        """Make a workload known without queueing it; returns its index.

        Raises:
            InputError: its ClusterQueue does not exist.
        """
        self._workloads.append(self._catalog.workload(workload, len(self._workloads)))
        return len(self._workloads) - 1

    def arrive(self, index: int) -> None:
        """A registered workload enters its queue."""
        workload = self._workloads[index]
        queue = workload.queue.index
        self._pending[queue].arrive(workload)
        self._note_heads(queue)

    def add(self, workload: Workload) -> int:
        """`register` and `arrive` in one."""
        index = self.register(workload)
        self.arrive(index)
        return index

    def adopt(
        self, workload: Workload, pod_sets: tuple[PodSetAdmission, ...], reserved_at: int, *, evicted: bool = False
    ) -> int:
        """Take over a workload that already holds quota, e.g. read from a live cluster; returns its index.

        Flavors and domains the engine does not know are not charged, as Kueue does not count them either.

        Raises:
            InputError: its ClusterQueue does not exist.
        """
        index = self.register(workload)
        self._hold(self._workloads[index], self._admissions.assignment(self._workloads[index], pod_sets), reserved_at)
        self._workloads[index].evicted = evicted
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
        other._cycle = self._cycle
        for old in self._workloads:
            new = other._catalog.taken_over(old, self._catalog)
            other._workloads.append(new)
            if old.place == RUNNING:
                new.granted = self.granted(old.index)
                other._hold(new, other._admissions.assignment(new, new.granted), old.reserved_at)
                new.evicted = old.evicted
            elif old.place == QUEUED:
                new.refusal = old.refusal
                new.memory = None if wake else old.memory
                waiting = not wake and self._pending[old.queue.index].inadmissible(old)
                sticky = self._pending[old.queue.index].is_sticky(old)
                other._pending[new.queue.index].restore(new, refused=waiting, sticky=sticky)
                other._note_heads(new.queue.index)
        renewed: dict[tuple[int, int], bool] = {}
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

    def tree_of(self, index: int) -> int:
        """Identifies the quota tree of a workload; what a wake-up covers."""
        return self._workloads[index].queue.root

    def tree_of_queue(self, cluster_queue: str) -> int:
        """Identifies the quota tree of a ClusterQueue."""
        return self._catalog.queues[self._catalog.queue_index[cluster_queue]].root

    def tree_of_cohort(self, cohort: str) -> int:
        """Identifies the quota tree of a Cohort."""
        return self._catalog.tree.root_of(self._catalog.cohort_index[cohort])

    @property
    def trees(self) -> tuple[int, ...]:
        """All quota trees with a queue."""
        return tuple(self._catalog.queues_of_tree)

    def queues_of(self, tree: int) -> tuple[str, ...]:
        """Names of the ClusterQueues of a tree."""
        return tuple(self._catalog.queues[queue].name for queue in self._catalog.queues_of_tree.get(tree, ()))

    def wake(self, tree: int) -> None:
        """All inadmissible workloads of a tree go back to their heaps."""
        for queue in self._catalog.queues_of_tree.get(tree, ()):
            self._pending[queue].wake()
            self._note_heads(queue)

    def nested(self, index: int) -> bool:
        """Is there a cohort between the workload's ClusterQueue and the root of its tree?"""
        queue = self._workloads[index].queue
        return queue.parent not in (NO_PARENT, queue.root)

    def read_quotas_again(self, tree: int) -> None:
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

    def finish(self, index: int) -> None:
        """A running workload is done: its quota is free, it leaves the engine. The caller wakes the tree."""
        workload = self._workloads[index]
        self._stop(workload)
        self._pending[workload.queue.index].delete(workload)

    def mark_evicted(self, index: int) -> None:
        """A running workload is being evicted but still holds its quota."""
        workload = self._workloads[index]
        workload.evicted = True
        workload.queue.generation += 1
        self._touch(workload)

    def requeue_evicted(self, index: int) -> None:
        """An evicted workload has stopped: its quota is free and it queues again as it first came."""
        workload = self._workloads[index]
        self._stop(workload)
        self.arrive(index)

    def replace_node(self, index: int, host: str) -> bool:
        """Place the pods of a running workload elsewhere that were on a host; False if that cannot be.

        As Kueue's failed-node replacement does in its second pass: nobody is preempted for it, and quota stays.
        """
        workload = self._workloads[index]
        if workload.admission is None:
            return False
        granted = self._topology.without_node(workload, self.granted(index), host)
        if granted is None:
            return False
        self._ledger.release(workload)
        workload.granted = granted
        workload.admission = self._admissions.assignment(workload, granted)
        self._ledger.charge(workload)
        self._touch(workload)
        return True

    def run_cycle(self, now: int) -> CycleResult:
        """One scheduling cycle; `now` becomes the quota-reservation time of what it admits."""
        self._cycle += 1
        result = CycleResult(self._cycle)
        heads = self._pop_heads()
        entries = [Entry(workload, self._nominate(workload)) for workload in heads]
        cycle = Cycle(
            self._catalog,
            self._ledger,
            self._nominator,
            self._gates,
            self._cycle,
            fair_sharing=self._fair,
            watching=self._watching,
        )
        cycle.run(entries)
        if self._watching:
            result.choices = [*tosses(entries), *races(cycle.ties)]
        for entry in entries:
            if entry.admitted:
                self._admit(entry, now)
                result.admitted.append(entry.workload.index)
                result.heaps_changed = True
            elif self._requeue(entry, result):
                result.heaps_changed = True
        for entry in entries:
            for target in entry.issuing:
                if not target.workload.evicted:
                    result.preemptions.append(Preemption(target.workload.index, target.reason, entry.workload.index))
        return result

    def _pop_heads(self) -> list[WorkloadRecord]:
        heads: list[WorkloadRecord] = []
        for queue in sorted(self._with_heads):
            head = self._pending[queue].pop()
            if head is not None:
                heads.append(head)
            self._note_heads(queue)
        return heads

    def _nominate(self, workload: WorkloadRecord) -> Nomination:
        """The nomination; the last one again if nothing it depends on has changed since."""
        memory = workload.memory
        if memory is not None and memory.generation < workload.queue.generation:
            fresh = self._gates.flavor_fungibility_preserve_scan_progress and self._cycle - memory.cycle <= 1
            if not fresh:
                memory = workload.memory = None
        version = self._versions.get(workload.queue.root, 0)
        everywhere = 0 if self._topology.empty else self._versions.get(-1, 0)
        key = [version, everywhere]
        if memory is not None:
            for tried in memory.tried:
                key.append(-2)
                key.extend(tried.values())
        frozen = tuple(key)
        nomination = workload.nomination
        if nomination is None or workload.nomination_key != frozen:
            nomination = self._nominator.nominate(workload, self._cycle)
            workload.nomination = nomination
            workload.nomination_key = frozen
        nomination.assignment.memory.cycle = self._cycle
        nomination.assignment.memory.generation = workload.queue.generation
        return nomination

    def _admit(self, entry: Entry, now: int) -> None:
        self._pending[entry.workload.queue.index].delete(entry.workload)
        self._hold(entry.workload, entry.assignment, now)

    def _hold(self, workload: WorkloadRecord, assignment: Assignment, now: int) -> None:
        """From now on the workload holds the quota of `assignment`."""
        workload.place = RUNNING
        workload.admission = assignment
        workload.reserved_at = now
        workload.refusal = None
        workload.nomination = None
        workload.queue.running[workload.index] = workload
        self._ledger.charge(workload)
        if self._local_usage is not None:
            self._local_usage.admitted(workload)
        self._touch(workload)

    def _requeue(self, entry: Entry, result: CycleResult) -> bool:
        workload = entry.workload
        workload.refusal = entry.refusal
        result.refused.append(workload.index)
        queue = workload.queue.index
        changed = self._pending[queue].requeue(workload, entry.requeue_reason)
        self._note_heads(queue)
        return changed

    def _stop(self, workload: WorkloadRecord) -> None:
        """Take a running workload's usage out of the cache."""
        self._ledger.release(workload)
        if self._local_usage is not None:
            self._local_usage.stopped(workload)
        del workload.queue.running[workload.index]
        workload.queue.generation += 1
        workload.admission = None
        workload.granted = ()
        workload.evicted = False
        workload.memory = None
        workload.nomination = None
        self._touch(workload)

    def _touch(self, workload: WorkloadRecord) -> None:
        """Nominations in this tree (with topologies: anywhere) may come out differently from now on."""
        root = workload.queue.root
        self._versions[root] = self._versions.get(root, 0) + 1
        self._versions[-1] = self._versions.get(-1, 0) + 1

    def _note_heads(self, queue: int) -> None:
        if self._pending[queue].active and not self._catalog.queues[queue].stopped:
            self._with_heads.add(queue)
        else:
            self._with_heads.discard(queue)

    def refusal(self, index: int) -> Refusal | None:
        """Result of the last attempt since the workload last became pending; None if it was never the head."""
        return self._workloads[index].refusal

    def place(self, index: int) -> str:
        """One of "active", "inadmissible", "running", or empty if the workload is not here."""
        workload = self._workloads[index]
        if workload.place == RUNNING:
            return "running"
        if workload.place != QUEUED:
            return ""
        return "inadmissible" if self._pending[workload.queue.index].inadmissible(workload) else "active"

    def cause(self, index: int) -> Cause | None:
        """The one dominant reason a workload is pending; None if it is not."""
        place = self.place(index)
        if place in ("", "running"):
            return None
        if self._workloads[index].queue.stopped:
            return Cause.QUEUE_STOPPED
        refusal = self._workloads[index].refusal
        if refusal is not None:
            return refusal.cause
        return Cause.BEHIND_EQUAL_SHAPE if place == "inadmissible" else Cause.NOT_EVALUATED

    def admission(self, index: int) -> tuple[PodSetAdmission, ...]:
        """What a running workload got, PodSet by PodSet; empty if it is not running."""
        assignment: Assignment | None = self._workloads[index].admission
        return () if assignment is None else self._admissions.read(assignment)

    def granted(self, index: int) -> tuple[PodSetAdmission, ...]:
        """The same with nodes that the state does not have any more: pods on a cordoned node run on."""
        return self._workloads[index].granted or self.admission(index)

    def queue_usage(self, cluster_queue: str) -> dict[tuple[str, str], int]:
        """Usage of a ClusterQueue per (flavor, resource)."""
        names = self._catalog
        base = names.queue_index[cluster_queue] * names.tree.width
        return {
            (names.flavor_names[flavor], names.resource_names[resource]): names.tree.usage[base + fr]
            for (flavor, resource), fr in names.fr_index.items()
        }
