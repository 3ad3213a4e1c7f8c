"""NodeResourcesFit and NodeResourcesBalancedAllocation: does it fit, and how well. Integer arithmetic throughout."""

from __future__ import annotations

from enum import Enum
from typing import Final

import numpy as np

from allotment.scheduling.placement.nodes import Bools, Ints
from allotment.scheduling.placement.reasons import Code, Kind, Reason, Refusal
from allotment.scheduling.placement.shapes import CompiledShape
from allotment.scheduling.placement.state import CPU_ROW, MEMORY_ROW, ClusterState

MAX_SCORE: Final = 100
_CHANGE_LOG_LIMIT: Final = 1_000_000
_FEW: Final = 16
"""Up to this many changed nodes a loop is faster than arrays (measured)."""


class FitStrategy(Enum):
    """What NodeResourcesFit prefers: emptier nodes (default) or fuller ones (bin packing)."""

    LEAST_ALLOCATED = "LeastAllocated"
    MOST_ALLOCATED = "MostAllocated"


def _fits(state: ClusterState, compiled: CompiledShape, at: Ints | slice) -> Bools:
    ok = state.pod_count[at] < state.nodes.pod_limit[at]
    for row, amount in compiled.requests:
        ok &= state.used[row][at] + amount <= state.alloc[row][at]
    return ok


def _level(capacity: Ints, requested: Ints, strategy: FitStrategy) -> Ints:
    safe = np.maximum(capacity, 1)
    if strategy is FitStrategy.LEAST_ALLOCATED:
        raw = (capacity - requested) * MAX_SCORE // safe
    else:
        raw = requested * MAX_SCORE // safe
    result: Ints = np.where((requested > capacity) | (capacity == 0), 0, raw)
    return result


def fit_score(state: ClusterState, compiled: CompiledShape, at: Ints | slice, strategy: FitStrategy) -> Ints:
    """Mean level of cpu and memory after placing the pod, 0-100; resources a node lacks do not count."""
    cpu, memory = state.alloc[CPU_ROW][at], state.alloc[MEMORY_ROW][at]
    total = _level(cpu, state.nonzero_cpu[at] + compiled.nonzero_cpu, strategy)
    total = total + _level(memory, state.nonzero_memory[at] + compiled.nonzero_memory, strategy)
    counted = (cpu > 0).astype(np.int64) + (memory > 0)
    result: Ints = total // np.maximum(counted, 1)
    return result


def _evenness(cpu: Ints, memory: Ints, used_cpu: Ints, used_memory: Ints) -> Ints:
    share_cpu = np.minimum(used_cpu / np.maximum(cpu, 1), 1.0)
    share_memory = np.minimum(used_memory / np.maximum(memory, 1), 1.0)
    deviation = np.where((cpu > 0) & (memory > 0), np.abs((share_cpu - share_memory) / 2), 0.0)
    return ((1 - deviation) * MAX_SCORE).astype(np.int64)


def balance_score(state: ClusterState, compiled: CompiledShape, at: Ints | slice) -> Ints:
    """How much the pod evens out cpu against memory (v1.36): 50 + (50 + with - without) / 2."""
    cpu, memory = state.alloc[CPU_ROW][at], state.alloc[MEMORY_ROW][at]
    used_cpu, used_memory = state.used[CPU_ROW][at], state.used[MEMORY_ROW][at]
    more = dict(compiled.requests)
    after = _evenness(cpu, memory, used_cpu + more.get(CPU_ROW, 0), used_memory + more.get(MEMORY_ROW, 0))
    before = _evenness(cpu, memory, used_cpu, used_memory)
    return 50 + (50 + after - before) // 2


def _level_of(capacity: int, requested: int, strategy: FitStrategy) -> int:
    if not capacity or requested > capacity:
        return 0
    amount = capacity - requested if strategy is FitStrategy.LEAST_ALLOCATED else requested
    return amount * MAX_SCORE // capacity


def _evenness_of(cpu: int, memory: int, used_cpu: int, used_memory: int) -> int:
    if not cpu or not memory:
        return MAX_SCORE
    deviation = abs((min(used_cpu / cpu, 1.0) - min(used_memory / memory, 1.0)) / 2)
    return int((1 - deviation) * MAX_SCORE)


def _refresh_node(state: ClusterState, compiled: CompiledShape, node: int, strategy: FitStrategy) -> None:
    """The same as the three functions over arrays, for one node: most pods change one node only."""
    alloc, used = state.alloc, state.used
    cpu, memory = alloc[CPU_ROW].item(node), alloc[MEMORY_ROW].item(node)
    used_cpu, used_memory = used[CPU_ROW].item(node), used[MEMORY_ROW].item(node)
    ok = state.pod_count.item(node) < state.nodes.pod_limit.item(node)
    more_cpu = more_memory = 0
    for row, amount in compiled.requests:
        if row == CPU_ROW:
            more_cpu = amount
            ok = ok and used_cpu + amount <= cpu
        elif row == MEMORY_ROW:
            more_memory = amount
            ok = ok and used_memory + amount <= memory
        else:
            ok = ok and used[row].item(node) + amount <= alloc[row].item(node)
    compiled.fit_ok[node] = ok
    total = _level_of(cpu, state.nonzero_cpu.item(node) + compiled.nonzero_cpu, strategy)
    total += _level_of(memory, state.nonzero_memory.item(node) + compiled.nonzero_memory, strategy)
    counted = (cpu > 0) + (memory > 0)
    compiled.fit_level[node] = total // counted if counted else 0
    after = _evenness_of(cpu, memory, used_cpu + more_cpu, used_memory + more_memory)
    before = _evenness_of(cpu, memory, used_cpu, used_memory)
    compiled.fit_balance[node] = 50 + (50 + after - before) // 2


def refresh_fit(state: ClusterState, compiled: CompiledShape, strategy: FitStrategy) -> None:
    """Bring the shape's fit up to date for the nodes that changed since it was last asked for."""
    changed = state.changed
    if len(changed) > _CHANGE_LOG_LIMIT:
        state.forget_changes()
    key = (state.version, strategy)
    stale = len(changed) - compiled.fit_seen
    if compiled.fit_version != key or stale > state.nodes.count // 2:
        everything = slice(None)
        compiled.fit_ok = _fits(state, compiled, everything)
        compiled.fit_level = fit_score(state, compiled, everything, strategy)
        compiled.fit_balance = balance_score(state, compiled, everything)
        compiled.fit_version = key
    elif stale > _FEW:
        at = np.array(changed[compiled.fit_seen :], dtype=np.int64)
        compiled.fit_ok[at] = _fits(state, compiled, at)
        compiled.fit_level[at] = fit_score(state, compiled, at, strategy)
        compiled.fit_balance[at] = balance_score(state, compiled, at)
    elif stale:
        for node in set(changed[compiled.fit_seen :]):
            _refresh_node(state, compiled, node, strategy)
    compiled.fit_seen = len(changed)


def explain_misfits(state: ClusterState, compiled: CompiledShape, nodes: Ints) -> dict[Refusal, Ints]:
    """Why the pod does not fit on nodes it does not fit on: every short resource, pod count first; grouped.

    A request above what the node could ever give makes the refusal unresolvable.
    """
    reasons = [Reason(Kind.POD_LIMIT)]
    patterns = (state.pod_count[nodes] >= state.nodes.pod_limit[nodes]).astype(np.int64)
    hopeless = np.zeros(len(nodes), dtype=np.bool_)
    for row, amount in compiled.requests:
        capacity = state.alloc[row][nodes]
        patterns |= (state.used[row][nodes] + amount > capacity).astype(np.int64) << len(reasons)
        hopeless |= amount > capacity
        reasons.append(Reason(Kind.RESOURCE, state.resource_name(row)))
    patterns = patterns * 2 + hopeless
    found: dict[Refusal, Ints] = {}
    for pattern in np.unique(patterns).tolist():
        short = tuple(reason for bit, reason in enumerate(reasons) if pattern >> (bit + 1) & 1)
        code = Code.UNRESOLVABLE if pattern & 1 else Code.UNSCHEDULABLE
        found[Refusal(short, code)] = nodes[patterns == pattern]
    return found
