"""The situations, a file a subject."""

from __future__ import annotations

from benchmarks.why.scenes.checks import SITUATIONS as CHECKS
from benchmarks.why.scenes.claims import SITUATIONS as CLAIMS
from benchmarks.why.scenes.keeping import SITUATIONS as KEEPING
from benchmarks.why.scenes.machines import SITUATIONS as MACHINES
from benchmarks.why.scenes.node_pools import SITUATIONS as NODE_POOLS
from benchmarks.why.scenes.nodes import SITUATIONS as NODES
from benchmarks.why.scenes.queues import SITUATIONS as QUEUES
from benchmarks.why.scenes.shapes import SITUATIONS as SHAPES
from benchmarks.why.scenes.workers import SITUATIONS as WORKERS

SITUATIONS = tuple(
    sorted(
        (*QUEUES, *SHAPES, *KEEPING, *CHECKS, *MACHINES, *NODES, *CLAIMS, *NODE_POOLS, *WORKERS),
        key=lambda situation: situation.id,
    )
)
