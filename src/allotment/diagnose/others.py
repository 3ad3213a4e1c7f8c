"""How other people's work is named in an answer: by name where the asker may know it, and else by what it is."""

from __future__ import annotations

from allotment.diagnose.case import Case, reference_of
from allotment.model.observed.base import Object, Reference
from allotment.model.observed.index import kind_of
from allotment.model.observed.queueing import Workload


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
    """The same as a reference; where the owner was not seen, as the Workload names it."""
    above = work_above(case, each)
    owner = each.metadata.controller
    if above is each and owner is not None:
        return Reference(api_version=owner.api_version, kind=owner.kind, namespace=each.namespace, name=owner.name)
    return reference_of(above)


def called(case: Case, each: Object) -> str:
    """A name for somebody's work: in the asker's namespace its own, elsewhere that it is another team's."""
    above = reference_above(case, each)
    if above.namespace == case.namespace:
        return above.name
    return f"a {kind_of(work_above(case, each)).lower()} of another team"
