"""The situations, a file a subject."""

from __future__ import annotations

from benchmarks.why.scenes.checks import SITUATIONS as CHECKS
from benchmarks.why.scenes.claims import SITUATIONS as CLAIMS
from benchmarks.why.scenes.machines import SITUATIONS as MACHINES
from benchmarks.why.scenes.queues import SITUATIONS as QUEUES

SITUATIONS = (*QUEUES, *CHECKS, *MACHINES, *CLAIMS)
