"""How a pod that holds a volume lets go of it: by what made it, for a pod that is deleted alone comes back."""

from __future__ import annotations

from allotment.diagnose.amending import Effect, described
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Proposal
from allotment.diagnose.others import named_above, work_above
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Object
from allotment.model.observed.pods import Pod
from allotment.model.observed.work import Replicas


def blocks_itself(case: Case, holder: Pod) -> bool:
    """Whether the holder is a pod of the very service whose other pod waits for the volume: that never ends."""
    above = work_above(case, holder)
    return isinstance(above, Replicas) and any(work_above(case, pod) is above for pod in _needing(case, holder))


def _needing(case: Case, holder: Pod) -> list[Pod]:
    return [pod for pod in (*case.waiting_pods, *case.starting_pods) if pod.key != holder.key]


def _one_replica(work: Replicas, holder: Pod) -> Proposal:
    """Replicas that share a volume for one of them: whoever holds it goes on."""
    return Proposal(
        RemedyKind.FIX_VOLUME,
        Doer.USER,
        f"scale {described(work)} to 1: only {holder.name} can have the volume; more replicas need a claim that many "
        "nodes may use (ReadWriteMany)",
        reference_of(work),
        Patch(PatchOp.MERGE, {"spec": {"replicas": 1}}),
        cost=1,
    )


def _old_first(work: Object, holder: Pod, effect: Effect) -> Proposal:
    """A new pod that comes before the old one goes never gets a volume that only one of them may have."""
    return Proposal(
        RemedyKind.FIX_VOLUME,
        Doer.USER,
        f"let old pods go first: strategy Recreate ({holder.name} holds the volume)",
        reference_of(work),
        Patch(PatchOp.MERGE, {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}),
        effect=((reference_of(holder), Patch(PatchOp.DELETE)), *effect),
    )


def holder_ended(case: Case, holder: Pod, effect: Effect = (), *, lost: bool = False) -> tuple[Proposal, ...]:
    """Wait for it where it ends by itself, or end it.

    Args:
        case: whose pod the volume is kept from.
        holder: the pod that has the volume.
        effect: what else follows from that, for trying.
        lost: its node is gone: nothing that it does ends by itself.
    """
    above = work_above(case, holder)
    if isinstance(above, Replicas) and blocks_itself(case, holder) and not lost:
        old = any(pod.metadata.controller != holder.metadata.controller for pod in _needing(case, holder))
        rolls = old and above.kind == "Deployment"
        return (_old_first(above, holder, effect) if rolls else _one_replica(above, holder),)
    alone = isinstance(above, Pod) or holder.key in {each.key for each in case.pods} or lost
    gone: Effect = ((reference_of(holder), Patch(PatchOp.DELETE)),)
    by = named_above(case, holder)
    if isinstance(above, Pod) and by.kind != "Pod" and not lost:
        # What made it was not seen, and makes it again.
        target, patch = by, Patch(PatchOp.SIGNAL, {"end": by.name})
        what, gone = f"end {by.kind} {by.name}, whose pod {holder.name} holds the volume", ()
    elif alone:
        target, patch = reference_of(holder), Patch(PatchOp.DELETE)
        what, gone = f"delete the pod {holder.name}, which holds the volume", ()
    elif isinstance(above, Replicas):
        target, patch = reference_of(above), Patch(PatchOp.MERGE, {"spec": {"replicas": 0}})
        what, gone = f"scale {described(above)} to 0: its pod {holder.name} holds the volume", ()
    else:
        target, patch = reference_of(above), Patch(PatchOp.DELETE)
        what = f"end {described(above)}, which holds the volume"
    on = f" on {holder.spec.node_name}" if holder.spec.node_name else ""
    act = Proposal(RemedyKind.FIX_VOLUME, Doer.USER, what + on, target, patch, effect=(*gone, *effect), cost=1)
    if lost or by.kind not in {"Job", "Pod"}:
        return (act,)
    wait = Proposal(
        RemedyKind.FIX_VOLUME,
        Doer.USER,
        f"wait for {by.kind} {by.name} to end",
        by,
        Patch(PatchOp.WAIT, {"until": "completed"}),
    )
    return wait, act
