"""Build Prometheus and promtool into the user's cache, as `allot sandbox build` does a sandbox's programs.

    python -m tools.build_prometheus

The tests of what is read from a Prometheus need them; the first time takes some five minutes on two cores.
"""

from __future__ import annotations

import sys

from allotment import wiring
from allotment.adapters.sandbox.versions import METRICS
from allotment.ports.sandboxes import Step


def told(step: Step) -> None:
    """Say what was built."""
    if step.done:
        print(f"[{step.number}/{step.total}] {step.what}: {step.elapsed_seconds:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    wiring.sandboxes().tools(METRICS, told)
