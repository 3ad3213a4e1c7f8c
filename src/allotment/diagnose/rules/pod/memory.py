"""More memory for a container that ran out of it."""

from __future__ import annotations

from typing import Any, Final

from allotment.diagnose.amending import amended, changed_pods, containers_patch
from allotment.diagnose.case import Case
from allotment.diagnose.finding import Proposal
from allotment.diagnose.rules.pod.containers import Stuck
from allotment.diagnose.rules.policy.amounts import amount, written
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind

_STEPS: Final = (2, 4)
"""Times the present limit that is proposed: what ran out wants more than a little."""


def more_memory(case: Case, each: Stuck) -> tuple[Proposal, ...]:
    """The limit doubled, with the request where there is one; four times that, should it not do."""
    container, own = each.container, each.container.resources
    limit = own.limits.get("memory") or own.requests.get("memory")
    if limit is None:
        what = f"ask for as much memory as {container.name} needs: without, it gets what the others of its node leave"
        target, _ = amended(case, {})
        return (Proposal(RemedyKind.FIX_LIMITS, Doer.USER, what, target, Patch(PatchOp.SIGNAL, {"memory": "…"})),)
    found = []
    for position, times in enumerate(_STEPS):
        value = written("memory", amount(limit) * times)
        resources: dict[str, Any] = {"limits": {"memory": value}}
        if "memory" in own.requests:
            resources["requests"] = {"memory": value}
        found.append(
            changed_pods(
                RemedyKind.FIX_LIMITS,
                f"give {container.name} {value} of memory instead of {limit}",
                case,
                containers_patch({container.name: {"resources": resources}}, each.listed),
                cost=position,
            )
        )
    return tuple(found)
