"""Build Karpenter with its KWOK provider into the user's cache, as `allot sandbox build` does a sandbox's programs.

    python -m tools.build_karpenter

The nightly tests of what is said of a real autoscaler need it; the first time takes some six minutes on two cores.
"""

from __future__ import annotations

import sys

from allotment import wiring
from allotment.adapters.sandbox.manifests import KARPENTER_KINDS
from allotment.adapters.sandbox.versions import AUTOSCALER
from allotment.ports.sandboxes import Step


def told(step: Step) -> None:
    """Say what was built."""
    if step.done:
        print(f"[{step.number}/{step.total}] {step.what}: {step.elapsed_seconds:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    wiring.sandboxes().tools(AUTOSCALER, told, manifests=(KARPENTER_KINDS,))
