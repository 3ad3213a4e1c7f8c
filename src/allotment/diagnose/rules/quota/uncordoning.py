"""Nodes of a topology that are cordoned, and with which Kueue would place the subject."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from allotment.diagnose import by_hand
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Proposal
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.scheduling.snapshot.attempts import AttemptOutcome, Settlement
from allotment.scheduling.snapshot.queues import placed_nodes

_TRIES: Final = 16
"""Cordoned nodes that are tried."""


def uncordoned(case: Case, key: str) -> Iterator[Proposal]:
    """As few of them as let it start.

    Args:
        case: the subject.
        key: of its workload, ``namespace/name``.
    """
    names = [each.name for each in case.index.nodes.values() if each.spec.unschedulable and each.ready]
    if case.brief or not names or not _starts(case, key, names):
        return
    chosen = next(([each] for each in names[:_TRIES] if _starts(case, key, [each])), names)
    for each in tuple(chosen) if 1 < len(chosen) <= _TRIES else ():
        rest = [other for other in chosen if other != each]
        chosen = rest if _starts(case, key, rest) else chosen
    acts = [
        (reference_of(case.index.nodes[each]), Patch(PatchOp.MERGE, {"spec": {"unschedulable": None}}))
        for each in chosen
    ]
    command = by_hand.line("kubectl", "uncordon", *(f"node/{each}" for each in chosen))
    yield Proposal(
        RemedyKind.UNCORDON,
        Doer.PLATFORM,
        f"uncordon {', '.join(chosen)}",
        *acts[0],
        then=tuple(acts[1:]),
        command=command,
    )


def _starts(case: Case, key: str, names: Iterable[str]) -> bool:
    view, back = case.twins.queueing, set(names)
    there = {each.name for each in view.state.nodes}
    every = placed_nodes(case.index, all_of_them=True)
    nodes = tuple(each for each in every if each.name in there or each.name in back)
    changed = replace(view, state=replace(view.state, nodes=nodes))
    return Settlement(changed).of(key).outcome is AttemptOutcome.STARTS
