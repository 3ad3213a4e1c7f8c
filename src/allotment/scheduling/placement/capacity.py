"""How many more pods of one kind a cluster can take, found by placing them and taking them back."""

from __future__ import annotations

from dataclasses import dataclass

from allotment.scheduling.placement.cycle import Options, Refused, evaluate, first_of
from allotment.scheduling.placement.diagnosis import Diagnosis
from allotment.scheduling.placement.model import Pod, PodShape
from allotment.scheduling.placement.state import ClusterState

LIMIT = 100_000
_SEARCH_ALL = Options(sampled=False)


@dataclass(frozen=True, slots=True)
class Headroom:
    """What a cluster can still take.

    Attributes:
        count: pods that still fit, placed one after the other by the default policy.
        stopped_by: what the nodes answered the first one that did not fit; `None` if the limit was reached.
    """

    count: int
    stopped_by: Diagnosis | None


def headroom(state: ClusterState, shape: PodShape, limit: int = LIMIT) -> Headroom:
    """Count how many more pods of the shape fit. The state is unchanged afterwards.

    Args:
        state: the cluster.
        shape: the kind of pod.
        limit: stop counting here.
    """
    mark = state.checkpoint()
    try:
        for count in range(limit):
            # A name no cluster has: Kubernetes names contain no "#".
            pod = Pod(f"#{count}", shape)
            found = evaluate(state, pod, None, _SEARCH_ALL)
            if isinstance(found, Refused):
                return Headroom(count, found.diagnosis)
            state.add(pod, first_of(found.best))
        return Headroom(limit, None)
    finally:
        state.rollback(mark)
