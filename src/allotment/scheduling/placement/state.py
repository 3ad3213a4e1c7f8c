"""The state of a cluster that placement works on: one copy, changed in place, undone by a journal.

What-if and gangs take a checkpoint, change the state, and roll back; nothing is copied per pod.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from allotment.errors import ConflictError, NotFoundError
from allotment.scheduling.placement.matching import MatchIndex
from allotment.scheduling.placement.model import HostPort, Node, Pod, PodShape
from allotment.scheduling.placement.nodes import Bools, Ints, NodeTable
from allotment.scheduling.placement.shapes import CompiledShape, NodeRules, NodeRulesKey

CPU_ROW: Final = 0
MEMORY_ROW: Final = 1


class Running(NamedTuple):
    """A pod on a node."""

    pod: Pod
    node: int
    compiled: CompiledShape


@dataclass(frozen=True, slots=True)
class _Added:
    key: str


@dataclass(frozen=True, slots=True)
class _Removed:
    running: Running


@dataclass(frozen=True, slots=True)
class _Cordoned:
    node: int
    before: bool


@dataclass(frozen=True, slots=True)
class _Promised:
    key: str
    before: Running | None


@dataclass(frozen=True, slots=True)
class _Searched:
    before: int


class ClusterState:
    """Nodes, the pods on them, and the indexes that make one decision cheap.

    Args:
        nodes: the nodes, in the order answers list them.
        namespaces: labels of namespaces; one that is absent carries only its name.
    """

    __slots__ = (
        "_checkpoints",
        "_editions",
        "_journal",
        "_node_rules",
        "_shapes_by_id",
        "_shapes_by_value",
        "alloc",
        "changed",
        "cordoned",
        "edition",
        "index",
        "namespaces",
        "next_start",
        "nodes",
        "nonzero_cpu",
        "nonzero_memory",
        "pod_count",
        "pods",
        "pods_on",
        "ports",
        "promised",
        "rows",
        "unschedulable",
        "used",
        "version",
    )

    def __init__(self, nodes: Sequence[Node], namespaces: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self.nodes = NodeTable(nodes)
        self.namespaces: dict[str, Mapping[str, str]] = dict(namespaces or {})
        count = self.nodes.count
        self.index = MatchIndex(count, self.namespaces)
        self.rows: dict[str, int] = {name: i for i, name in enumerate(self.nodes.resource_names())}
        self.alloc: list[Ints] = [
            np.array([n.allocatable.get(name, 0) for n in self.nodes.nodes], dtype=np.int64) for name in self.rows
        ]
        self.used: list[Ints] = [np.zeros(count, dtype=np.int64) for _ in self.rows]
        self.nonzero_cpu: Ints = np.zeros(count, dtype=np.int64)
        self.nonzero_memory: Ints = np.zeros(count, dtype=np.int64)
        self.pod_count: Ints = np.zeros(count, dtype=np.int64)
        self.unschedulable: Bools = np.array([n.unschedulable for n in self.nodes.nodes], dtype=np.bool_)
        self.cordoned = int(self.unschedulable.sum())
        self.pods: dict[str, Running] = {}
        self.pods_on: list[dict[str, Running]] = [{} for _ in range(count)]
        self.ports: dict[HostPort, dict[int, int]] = {}
        # Pods that wait for their victims to leave, by key, with the node they are nominated for.
        self.promised: dict[str, Running] = {}
        # Nodes in the order in which their use changed: shapes read on from where they stopped.
        self.changed: list[int] = []
        self.version = 0
        # Of what was put in, taken out and promised: as long as the number is the same, so is all of that.
        self.edition = 0
        self.next_start = 0
        self._shapes_by_id: dict[int, CompiledShape] = {}
        self._shapes_by_value: dict[PodShape, CompiledShape] = {}
        self._node_rules: dict[NodeRulesKey, NodeRules] = {}
        self._journal: list[_Added | _Removed | _Cordoned | _Searched | _Promised] = []
        self._checkpoints: list[int] = []
        self._editions = 0

    def compiled(self, shape: PodShape) -> CompiledShape:
        """The compiled form of a shape; equal shapes share it."""
        found = self._shapes_by_id.get(id(shape))
        if found is not None and found.shape is shape:
            return found
        found = self._shapes_by_value.get(shape)
        if found is None:
            for name, _ in shape.requests:
                self._row(name)
            found = CompiledShape(shape, self.nodes, self.index, self.rows, self._node_rules)
            self._shapes_by_value[shape] = found
            self._shapes_by_id[id(shape)] = found
        return found

    def _row(self, resource: str) -> int:
        row = self.rows.get(resource)
        if row is None:
            row = self.rows[resource] = len(self.rows)
            self.alloc.append(np.zeros(self.nodes.count, dtype=np.int64))
            self.used.append(np.zeros(self.nodes.count, dtype=np.int64))
        return row

    def node_index(self, name: str) -> int:
        """The index of a node.

        Raises:
            NotFoundError: there is no such node.
        """
        found = self.nodes.index.get(name)
        if found is None:
            raise NotFoundError(f"no node named {name}", fix="take one of the cluster's nodes")
        return found

    def add(self, pod: Pod, node: int) -> Running:
        """Let a pod run on a node. Capacity is not checked: a recorded cluster may be in any state.

        Raises:
            ConflictError: a pod of that name is already there.
        """
        key = pod.key
        if key in self.pods:
            raise ConflictError(f"pod {key} already runs", why="a name is used once per namespace")
        running = Running(pod, node, self.compiled(pod.shape))
        self._account(running, 1)
        if self._checkpoints:
            self._journal.append(_Added(key))
        return running

    def fill(self, pods: Mapping[str, tuple[Pod, int]]) -> None:
        """Let many pods run at once, outside of checkpoints. Capacity is not checked.

        Args:
            pods: by key, each with its node.

        Raises:
            ConflictError: a pod of that name is already there, or a checkpoint is open.
        """
        if self._checkpoints:
            raise ConflictError("a checkpoint is open", fix="add pods one by one: only that is undone")
        taken = self.pods.keys() & pods.keys()
        if taken:
            raise ConflictError(f"pod {min(taken)} already runs", why="a name is used once per namespace")
        known: dict[int, tuple[CompiledShape, list[int]]] = {}
        for key, (pod, node) in pods.items():
            found = known.get(id(pod.shape))
            if found is None:
                found = known[id(pod.shape)] = (self.compiled(pod.shape), [])
            compiled, nodes = found
            self.pods[key] = self.pods_on[node][key] = Running(pod, node, compiled)
            nodes.append(node)
        for compiled, nodes in known.values():
            self._fill_alike(compiled, np.bincount(nodes, minlength=self.nodes.count))
        self.forget_changes()
        self._edit()

    def _fill_alike(self, compiled: CompiledShape, counts: Ints) -> None:
        for row, amount in compiled.requests:
            self.used[row] += counts * amount
        self.nonzero_cpu += counts * compiled.nonzero_cpu
        self.nonzero_memory += counts * compiled.nonzero_memory
        self.pod_count += counts
        for node in np.flatnonzero(counts).tolist():
            for port in compiled.shape.host_ports:
                self._account_port(port, node, int(counts[node]))
            self.index.add(compiled.labels, compiled.carried, node, int(counts[node]))

    def remove(self, key: str) -> Running:
        """Take a pod (`namespace/name`) away.

        Raises:
            NotFoundError: no such pod runs.
        """
        running = self.pods.get(key)
        if running is None:
            raise NotFoundError(f"no running pod {key}")
        self._account(running, -1)
        if self._checkpoints:
            self._journal.append(_Removed(running))
        return running

    def cordon(self, node: int, *, unschedulable: bool = True) -> None:
        """Mark a node (un)schedulable."""
        before = bool(self.unschedulable[node])
        self._mark(node, unschedulable=unschedulable)
        if self._checkpoints:
            self._journal.append(_Cordoned(node, before))

    def _edit(self) -> None:
        self._editions += 1
        self.edition = self._editions

    def _mark(self, node: int, *, unschedulable: bool) -> None:
        self._edit()
        self.cordoned += int(unschedulable) - int(self.unschedulable[node])
        self.unschedulable[node] = unschedulable

    def search_from(self, node: int) -> None:
        """Move the place where the next search begins."""
        if self._checkpoints and node != self.next_start:
            self._journal.append(_Searched(self.next_start))
        self.next_start = node

    def promise(self, pod: Pod, node: int | None) -> None:
        """Nominate a waiting pod for a node: pods of lower priority must leave it that room. `None` ends it."""
        self._edit()
        before = self.promised.pop(pod.key, None)
        if node is not None:
            self.promised[pod.key] = Running(pod, node, self.compiled(pod.shape))
        if self._checkpoints and (before is not None or node is not None):
            self._journal.append(_Promised(pod.key, before))

    def resource_name(self, row: int) -> str:
        """The resource of a row."""
        return list(self.rows)[row]

    def _account(self, running: Running, delta: int) -> None:
        self._edit()
        node, compiled = running.node, running.compiled
        if delta > 0:
            self.pods[running.pod.key] = running
            self.pods_on[node][running.pod.key] = running
        else:
            del self.pods[running.pod.key]
            del self.pods_on[node][running.pod.key]
        for row, amount in compiled.requests:
            self.used[row][node] += delta * amount
        self.nonzero_cpu[node] += delta * compiled.nonzero_cpu
        self.nonzero_memory[node] += delta * compiled.nonzero_memory
        self.pod_count[node] += delta
        for port in compiled.shape.host_ports:
            self._account_port(port, node, delta)
        self.index.add(compiled.labels, compiled.carried, node, delta)
        self.changed.append(node)

    def _account_port(self, port: HostPort, node: int, delta: int) -> None:
        holders = self.ports.setdefault(port, {})
        holders[node] = holders.get(node, 0) + delta
        if not holders[node]:
            del holders[node]

    def checkpoint(self) -> int:
        """Begin recording; returns the mark to roll back to. Every checkpoint is rolled back or released."""
        self._checkpoints.append(self.edition)
        return len(self._journal)

    def rollback(self, mark: int) -> None:
        """Restore the state at the checkpoint, and close it."""
        journal, self._journal = self._journal[mark:], self._journal[:mark]
        for entry in reversed(journal):
            if isinstance(entry, _Added):
                self._account(self.pods[entry.key], -1)
            elif isinstance(entry, _Removed):
                self._account(entry.running, 1)
            elif isinstance(entry, _Cordoned):
                self._mark(entry.node, unschedulable=entry.before)
            elif isinstance(entry, _Promised):
                self.promised.pop(entry.key, None)
                if entry.before is not None:
                    self.promised[entry.key] = entry.before
            else:
                self.next_start = entry.before
        self.edition = self._close()

    def release(self, mark: int) -> None:
        """Keep what was done since the checkpoint, and close it. An outer checkpoint can still undo it."""
        if mark > len(self._journal):
            raise ConflictError("checkpoint is not open", fix="release each mark once, inner ones first")
        self._close()

    def _close(self) -> int:
        """End the innermost checkpoint; returns the edition that it was opened at."""
        edition = self._checkpoints.pop()
        if not self._checkpoints:
            self._journal.clear()
        return edition

    def forget_changes(self) -> None:
        """Shorten the change log once it is long; every shape then looks at all nodes again."""
        self.changed.clear()
        self.version += 1

    def port_conflicts(self, wanted: Iterable[HostPort]) -> set[int]:
        """Nodes on which one of the ports is taken."""
        return {
            node
            for ask in wanted
            for held, holders in self.ports.items()
            if ports_conflict(ask, held)
            for node in holders
        }


def ports_conflict(a: HostPort, b: HostPort) -> bool:
    """Whether two host ports exclude each other on a node; the wildcard address overlaps every other."""
    wildcard = HostPort(0).ip
    return a.port == b.port and a.protocol == b.protocol and (a.ip == b.ip or wildcard in {a.ip, b.ip})
