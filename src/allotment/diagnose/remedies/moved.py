"""Work that is submitted in another namespace: where it lies now, and where it will."""

from __future__ import annotations

import msgspec

from allotment.diagnose.case import Case
from allotment.model.explanation import Patch, PatchOp
from allotment.model.observed.base import Reference


def lies_at(case: Case, target: Reference, patch: Patch) -> Reference:
    """The object that a patch starts from: the subject itself where it is to be made anew elsewhere."""
    if patch.op is not PatchOp.RESUBMIT or not isinstance(patch.body, dict):
        return target
    elsewhere = patch.body.get("metadata", {}).get("namespace", "")
    if not elsewhere or elsewhere != target.namespace or elsewhere == case.namespace:
        return target
    return msgspec.structs.replace(target, namespace=case.namespace)
