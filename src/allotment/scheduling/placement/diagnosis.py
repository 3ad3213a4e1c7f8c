"""Why a pod found no node, as data, and the event text kube-scheduler writes about it (v1.36)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sized
from dataclasses import dataclass
from typing import Final

from allotment.scheduling.placement.nodes import Ints
from allotment.scheduling.placement.reasons import Kind, Plugin, Reason, Refusal, refusal

NOT_NAMED: Final = refusal(Kind.NOT_NAMED)
NO_VICTIMS: Final = refusal(Kind.NO_VICTIMS)
NOT_HELPFUL: Final = refusal(Kind.NOT_HELPFUL)
NOTE_LIMIT: Final = 1024
"""Bytes of an event note."""
_CUT: Final = " ..."
NO_NODES: Final = "no nodes available to schedule pods"
NEVER_PREEMPTS: Final = "not eligible due to preemptionPolicy=Never."


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What every node answered.

    Attributes:
        nodes: number of nodes in the cluster.
        rejection: set if the pod was refused for all nodes at once; `refusals` is empty then.
        refusals: first failing filter, with the nodes (ascending indices) that gave this answer.
        limited_by_name: the pod names its nodes; those it does not name were not looked at.
    """

    nodes: int
    rejection: Refusal | None
    refusals: Mapping[Refusal, Ints]
    limited_by_name: bool = False

    @property
    def others(self) -> Refusal | None:
        """The answer of the nodes that are not in `refusals`."""
        return self.rejection or (NOT_NAMED if self.limited_by_name else None)

    @property
    def unnamed(self) -> int:
        """How many nodes are not in `refusals`."""
        return self.nodes - sum(len(nodes) for nodes in self.refusals.values())

    def plugins(self) -> list[Plugin]:
        """The plugins to blame, sorted by name."""
        blamed = {r.plugin for r in self.refusals}
        if self.rejection is not None:
            blamed.add(self.rejection.plugin)
        if self.limited_by_name:
            blamed.add(Plugin.NODE_AFFINITY)
        return sorted(blamed, key=lambda p: p.value)

    def histogram(self) -> dict[Reason, int]:
        """Number of nodes per reason. A node that lacks several resources counts under each."""
        counts = count_reasons(self.refusals)
        if self.others is not None and self.unnamed:
            for reason in self.others.reasons:
                counts[reason] += self.unnamed
        return dict(counts)


def count_reasons(refusals: Mapping[Refusal, Sized]) -> Counter[Reason]:
    """Number of nodes per reason."""
    counts: Counter[Reason] = Counter()
    for refused, nodes in refusals.items():
        for reason in refused.reasons:
            counts[reason] += len(nodes)
    return counts


def _available(nodes: int, counts: Mapping[Reason, int]) -> str:
    parts = sorted(f"{count} {reason.text}" for reason, count in counts.items())
    text = f"0/{nodes} nodes are available:"
    return f"{text} {', '.join(parts)}." if parts else text


def preemption_text(nodes: int, failed: Mapping[Refusal, Sized]) -> str:
    """What default preemption reports when it found no candidate.

    Args:
        nodes: number of nodes in the cluster.
        failed: the outcome on the nodes that were tried; preemption does not help on the others.
    """
    counts = count_reasons(failed)
    rest = nodes - sum(len(tried) for tried in failed.values())
    if rest:
        counts[NOT_HELPFUL.reasons[0]] = rest
    return _available(nodes, counts)


def event_text(diagnosis: Diagnosis, preemption: str | None) -> str:
    """The note of the FailedScheduling event.

    Args:
        diagnosis: what the nodes answered.
        preemption: the report of default preemption, `None` if it found victims.
    """
    if not diagnosis.nodes:
        return NO_NODES
    if diagnosis.rejection is not None:
        # Preemption's first step then misses the state the filters would have left, and says so.
        reason = diagnosis.rejection.reasons[0].text
        return shortened(f"0/{diagnosis.nodes} nodes are available: {reason}. not found")
    text = _available(diagnosis.nodes, diagnosis.histogram())
    return shortened(text if preemption is None else f"{text} no new claims to deallocate, preemption: {preemption}")


def shortened(note: str) -> str:
    """The note within the limit of the Events API, cut as the scheduler cuts it."""
    data = note.encode()
    if len(data) <= NOTE_LIMIT:
        return note
    return data[: NOTE_LIMIT - len(_CUT)].decode(errors="ignore") + _CUT
