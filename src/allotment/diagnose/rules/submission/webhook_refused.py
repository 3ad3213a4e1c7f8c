"""An admission webhook refused the object."""

from __future__ import annotations

import re
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import refusals
from allotment.errors import quoted_message, spelled
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind

_SAYS: Final = re.compile(r'admission webhook "(?P<name>[^"]+)" denied the request(?:: (?P<why>.*))?', re.DOTALL)


def find(case: Case) -> Finding | None:
    """The API server's words for it; what the webhook wants stands in them."""
    for each in refusals(case):
        said = _SAYS.search(each.message)
        if said is None:
            continue
        name, why = said["name"], (said["why"] or "").strip()
        return Finding(
            "admission-webhook-refused",
            CauseVerdict.MISCONFIGURED,
            f"the admission webhook {spelled(name)} refused it: {quoted_message(why) if why else 'it gives no reason'}",
            facts={"webhook": name, "message": why},
            evidence=(Evidence(each.object, each.field, each.message),),
            confidence=each.sureness,
            proposals=(
                Proposal(
                    RemedyKind.FIX_POLICY_VIOLATION,
                    Doer.USER,
                    f"change what the webhook {spelled(name)} objects to, and submit again",
                    case.reference,
                    Patch(PatchOp.SIGNAL, {"webhook": name, "message": why}),
                ),
            ),
        )
    return None
