"""How other people's work is named in an answer: by name where the asker may know it, and else by what it is.

What is in a snapshot its asker was allowed to read. A view is read by others than who saved it: there the work of other
teams has lost its names, and is told by its kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Proposal
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Object, Reference
from allotment.model.observed.index import kind_of
from allotment.model.observed.pods import Pod
from allotment.model.observed.queueing import Workload
from allotment.observe.unknown_owners import is_well_formed, makes_pods

_MOST_LISTED: Final = 5


def work_above(case: Case, each: Object) -> Object:
    """What a person submitted: the owner of a Workload or pod, or the object itself."""
    chain = case.index.chain(each.metadata)
    if chain:
        return chain[-1]
    if isinstance(each, Workload):
        for owner in each.metadata.owner_references:
            found = case.index.owner(owner, each.metadata)
            if found is not None:
                return found
    return each


def reference_above(case: Case, each: Object) -> Reference:
    """The same as a reference: what may be changed. An owner that was not seen is never it; then it is the object."""
    return reference_of(work_above(case, each))


def named_above(case: Case, each: Object) -> Reference:
    """For a name alone: where the owner was not seen, as the object names it, if anything can be called so.

    Of the kinds that are read, only those that make pods: whoever writes the reference may name any object of theirs.
    """
    above = work_above(case, each)
    owner = each.metadata.controller
    if above is each and owner is not None and is_well_formed(owner) and makes_pods(owner):
        return Reference(api_version=owner.api_version, kind=owner.kind, namespace=each.namespace, name=owner.name)
    return reference_of(above)


def listed(names: Sequence[str]) -> str:
    """Names in a sentence, the first few of many: ``a``, ``a and b``, ``a, b, c, d, e and 7 more``."""
    told = [*names[:_MOST_LISTED], *([f"{len(names) - _MOST_LISTED} more"] if len(names) > _MOST_LISTED else ())]
    return told[0] if len(told) == 1 else f"{', '.join(told[:-1])} and {told[-1]}"


def called(case: Case, each: Object) -> str:
    """A name for somebody's work: within the subject's namespace its own, elsewhere with kind and namespace.

    In a view elsewhere is another team's, and only that is said.
    """
    above = named_above(case, each)
    if above.namespace == case.namespace:
        return above.name
    kind = kind_of(work_above(case, each)).lower()
    return f"a {kind} of another team" if case.snapshot.view else f"{kind}/{above.name} in {above.namespace}"


def deletion(
    case: Case, workloads: Sequence[Workload], summary: str, ends: Iterable[Object], cost: int = 0
) -> Proposal:
    """That what a person submitted of some workloads is deleted by its owner.

    Args:
        case: the subject.
        workloads: theirs.
        summary: of the proposal.
        ends: what goes with it.
        cost: among the proposals of the same doer.
    """
    above = list(dict.fromkeys(reference_above(case, each) for each in workloads))
    gone = [(each, Patch(PatchOp.DELETE)) for each in above]
    under = [reference_of(each) for each in ends]
    return Proposal(
        RemedyKind.OTHER,
        Doer.TEAM_OWNER,
        summary,
        gone[0][0],
        gone[0][1],
        then=tuple(gone[1:]),
        effect=tuple((each, Patch(PatchOp.DELETE)) for each in under if each not in above),
        cost=cost,
    )


def pods_of(case: Case, workload: Workload) -> list[Pod]:
    """Pods under its owners; pods of a group own their Workload themselves."""
    found: list[Pod] = []
    for owner in case.index.owners_of(workload.metadata):
        if owner.kind == "Pod":
            pod = case.index.pods.get(f"{workload.namespace}/{owner.name}")
            found += [pod] if pod is not None else []
        else:
            found += [pod for pod in case.index.pods_under(owner.uid) if pod.namespace == workload.namespace]
    return found
