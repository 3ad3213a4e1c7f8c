"""How to wait for what a queue counts, in words that import and adoption share."""

from __future__ import annotations

from typing import Final

HOLD_AND_WAIT: Final = (
    "wait until that work has ended, and hold new work meanwhile: `kubectl patch clusterqueue {} --type merge --patch "
    '\'{{"spec":{{"stopPolicy":"Hold"}}}}\'`; what runs goes on, and taking the queue over lets new work in again'
)
"""With the ClusterQueue's name. Kueue admits nothing by a queue that is held, and leaves what it has admitted."""
