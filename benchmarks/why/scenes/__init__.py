"""The situations, a file a subject."""

from __future__ import annotations

from benchmarks.why.scenes.queues import SITUATIONS as QUEUES

SITUATIONS = (*QUEUES,)
