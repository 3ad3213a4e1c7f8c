"""The NodePool of Karpenter that would make the node is not ready: Karpenter passes it over, and tells no pod."""

from __future__ import annotations

from allotment.diagnose import by_hand
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.scheduler.answering import about_room, together
from allotment.diagnose.rules.scheduler.holders import waits
from allotment.diagnose.rules.scheduler.karpenter import PoolView, could_grow, named, pool_views
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.errors import quoted
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.names import is_dns_subdomain
from allotment.model.observed.base import Condition


def find(case: Case) -> Finding | None:
    """No pool that is ready may make a node for it, and one that is not could, by its taints and labels."""
    it = placing(case)
    willing = [each for each in pool_views(case).unready if each.could]
    # A pool with a limit of the device is meant to have some; of the others nobody says it.
    willing.sort(key=lambda each: (it.device not in each.pool.spec.limits, each.name))
    if it.refused is None or not willing or could_grow(case):
        return None
    first = willing[0]
    said = next(iter(_troubles(first)), None)
    if said is None:
        return None
    name = first.name if is_dns_subdomain(first.name) else "NAME"
    mend = Proposal(
        RemedyKind.OTHER,
        Doer.PLATFORM,
        f"make NodePool {first.name} ready again: {said.type} is {said.status} ({said.reason})",
        reference_of(first.pool),
        Patch(PatchOp.SIGNAL, {"condition": said.type, "until": "True"}),
        command=by_hand.line("kubectl", "describe", f"nodepool.karpenter.sh/{name}"),
    )
    return about_room(
        "autoscaler-pool-not-ready",
        CauseVerdict.BROKEN,
        f"no node that would do is free, and Karpenter passes over {named(willing)}: "
        f"{said.type} is {said.status}{f', {quoted(said.message)}' if said.message else ''}",
        it,
        together((mend,), waits(it)),
        {"node_group": first.name, "condition": said.type, "reason": said.reason},
        (Evidence(reference_of(first.pool), f"status.conditions[{said.type}]", said.message or said.reason),),
    )


def _troubles(view: PoolView) -> list[Condition]:
    """Its conditions that do not hold, the one that only sums them up last."""
    return sorted(
        (each for each in view.pool.status.conditions if each.status == "False"), key=lambda each: each.type == "Ready"
    )
