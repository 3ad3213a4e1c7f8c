"""Usage-based admission fair sharing: who used much lately comes later (KEP-4136).

Kept per LocalQueue and resource: what was consumed, decaying with a half-life, and penalties of admissions the last
sample has not seen yet. Time is the caller's; nothing decays between two samples.
"""

from __future__ import annotations

from allotment.scheduling.queueing.indices import ResourceId
from allotment.scheduling.queueing.inputs import AdmissionFairSharing, LocalQueue
from allotment.scheduling.queueing.records import WorkloadRecord


class LocalUsage:
    """Decayed usage of all LocalQueues."""

    def __init__(
        self, settings: AdmissionFairSharing, local_queues: tuple[LocalQueue, ...], resource_names: list[str]
    ) -> None:
        """No usage yet.

        Args:
            settings: half-life, sampling interval, weights of resources.
            local_queues: those with a declared weight; all others weigh 1.
            resource_names: names by resource index.
        """
        self._settings: AdmissionFairSharing = settings
        self._resource_names: list[str] = resource_names
        self._resource_weights: dict[str, float] = dict(settings.resource_weights)
        self._weights: dict[tuple[str, str], float] = {
            (each.cluster_queue, each.name): each.fair_weight for each in local_queues
        }
        self._consumed: dict[tuple[str, str], dict[ResourceId, float]] = {}
        self._penalty: dict[tuple[str, str], dict[ResourceId, float]] = {}
        self._running: dict[tuple[str, str], dict[ResourceId, int]] = {}
        self._sampled_at: int = 0

    def admitted(self, workload: WorkloadRecord) -> None:
        """Count an admission at once: part of its requests as a penalty, all of them from the next sample on."""
        key = key_of(workload)
        alpha = self._alpha(self._settings.sampling_interval)
        running = self._running.setdefault(key, {})
        penalty = self._penalty.setdefault(key, {})
        for resource, amount in self._requests(workload):
            running[resource] = running.get(resource, 0) + amount
            penalty[resource] = penalty.get(resource, 0.0) + alpha * amount

    def stopped(self, workload: WorkloadRecord) -> None:
        """A running workload gave its quota back."""
        running = self._running.setdefault(key_of(workload), {})
        for resource, amount in self._requests(workload):
            running[resource] = running.get(resource, 0) - amount

    def sample(self, now: int) -> None:
        """Let usage decay towards what runs now; penalties are settled."""
        alpha = self._alpha(now - self._sampled_at)
        self._sampled_at = now
        for key in set(self._consumed) | set(self._running):
            consumed = self._consumed.setdefault(key, {})
            running = self._running.get(key, {})
            for resource in set(consumed) | set(running):
                before = consumed.get(resource, 0.0)
                consumed[resource] = before * (1.0 - alpha) + running.get(resource, 0) * alpha
        self._penalty.clear()

    def copy_from(self, other: LocalUsage) -> None:
        """Take over another cluster's figures, as far as the resources are the same."""
        index_of = {name: ResourceId(index) for index, name in enumerate(self._resource_names)}
        names = other._resource_names
        for mine, theirs in ((self._consumed, other._consumed), (self._penalty, other._penalty)):
            mine.clear()
            for key, amounts in theirs.items():
                mine[key] = {
                    index_of[names[each]]: amount for each, amount in amounts.items() if names[each] in index_of
                }
        self._sampled_at = other._sampled_at

    def of(self, workload: WorkloadRecord) -> float:
        """Weighted usage of the workload's LocalQueue; infinite for weight 0 once anything was used."""
        key = key_of(workload)
        total = 0.0
        for amounts in (self._consumed.get(key, {}), self._penalty.get(key, {})):
            for resource, amount in amounts.items():
                total += self._resource_weights.get(self._resource_names[resource], 1.0) * amount
        weight = self._weights.get(key, 1.0)
        if weight == 0.0:
            return float("inf") if total > 0.0 else 0.0
        return total / weight

    def _alpha(self, elapsed: int) -> float:
        half_life = self._settings.half_life
        return 1.0 if half_life == 0 else 1.0 - 0.5 ** (elapsed / half_life)

    @staticmethod
    def _requests(workload: WorkloadRecord) -> list[tuple[ResourceId, int]]:
        admission = workload.admission
        counts = [each.count for each in admission.pod_sets] if admission is not None else []
        return [
            (resource, amount * count)
            for pod_set, count in zip(workload.pod_sets, counts, strict=False)
            for resource, amount in pod_set.per_pod
        ]


def key_of(workload: WorkloadRecord) -> tuple[str, str]:
    """(ClusterQueue, LocalQueue) of a workload."""
    return workload.queue.name, workload.spec.local_queue
