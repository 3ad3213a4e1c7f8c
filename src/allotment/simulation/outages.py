"""Which running jobs have pods on which nodes, and which of them stand still because such a node is down.

Only jobs placed by topology down to the node are known here: of all others nobody can say where their pods are.
"""

from __future__ import annotations

from collections.abc import Iterable

from allotment.scheduling.queueing.domains.forest import HOSTNAME
from allotment.scheduling.queueing.indices import WorkloadId
from allotment.scheduling.queueing.inputs import Node, PodSetAdmission


class Outages:
    """Nodes that are down, and the jobs on them. Jobs are addressed as in the engine."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        """No job yet, every node up."""
        self._host_of: dict[str, str] = {node.name: dict(node.labels).get(HOSTNAME, node.name) for node in nodes}
        self._node_of: dict[str, str] = {host: node for node, host in self._host_of.items()}
        self._down: set[str] = set()
        self._failures: dict[str, int] = {}
        self._nodes: dict[WorkloadId, frozenset[str]] = {}
        self._due: dict[WorkloadId, int] = {}
        self._since: dict[WorkloadId, int] = {}
        self._over: list[tuple[WorkloadId, int, int]] = []

    def started(self, job: WorkloadId, pod_sets: tuple[PodSetAdmission, ...], due: int) -> None:
        """A job runs and would finish at `due`."""
        self._due[job] = due
        self.moved(job, pod_sets)

    def moved(self, job: WorkloadId, pod_sets: tuple[PodSetAdmission, ...]) -> None:
        """A running job has its pods here now."""
        self._nodes[job] = frozenset(
            self._node_of.get(domain.values[-1], domain.values[-1])
            for part in pod_sets
            if part.levels and part.levels[-1] == HOSTNAME
            for domain in part.domains
        )

    def host(self, node: str) -> str:
        """The host that domains name for a node."""
        return self._host_of.get(node, node)

    def ended(self, job: WorkloadId, now: int) -> None:
        """A job finished or was evicted."""
        self._nodes.pop(job, None)
        self._due.pop(job, None)
        since = self._since.pop(job, None)
        if since is not None:
            self._over.append((job, since, now))

    def on(self, node: str) -> list[WorkloadId]:
        """Jobs with a pod on a node."""
        return sorted(job for job, nodes in self._nodes.items() if node in nodes)

    def lost(self, job: WorkloadId) -> frozenset[str]:
        """Nodes of a job that are down."""
        return self._nodes.get(job, frozenset()) & self._down

    def fail(self, node: str, now: int) -> tuple[list[WorkloadId], int]:
        """A node goes down: jobs that stand still from now on, and the number of this failure of the node."""
        if node not in self._down:
            self._down.add(node)
            self._failures[node] = self._failures.get(node, 0) + 1
        stopped = [job for job in self.on(node) if job not in self._since]
        self._since.update(dict.fromkeys(stopped, now))
        return stopped, self._failures[node]

    def repair(self, node: str, now: int) -> list[tuple[WorkloadId, int]]:
        """A node is up again: jobs that go on, and when each finishes now."""
        self._down.discard(node)
        return [(job, self.resume(job, now)) for job in self.on(node) if job in self._since and not self.lost(job)]

    def resume(self, job: WorkloadId, now: int) -> int:
        """A job that stood still goes on where it stopped; when it finishes now."""
        since = self._since.pop(job)
        self._over.append((job, since, now))
        self._due[job] += now - since
        return self._due[job]

    def stands_still(self, job: WorkloadId) -> bool:
        """Does it wait for a node?"""
        return job in self._since

    def is_down(self, node: str, failure: int) -> bool:
        """Is a node down, and has been since its failure of that number?"""
        return node in self._down and self._failures[node] == failure

    def standstills(self) -> list[tuple[WorkloadId, int, int | None]]:
        """Every (job, start, end) so far, in the order in which they began."""
        return sorted([*self._over, *((job, since, None) for job, since in self._since.items())], key=_by_start)


def _by_start(each: tuple[WorkloadId, int, int | None]) -> tuple[int, int]:
    return each[1], each[0]
