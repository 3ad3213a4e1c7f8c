"""An admission webhook that must be asked cannot be reached, so that nothing it looks at can be made."""

from __future__ import annotations

import re
from typing import Final

from allotment.diagnose.amending import sent_again
from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import refusals
from allotment.errors import spelled
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind

_SAYS: Final = re.compile(r'failed calling webhook "(?P<name>[^"]+)": (?P<why>.*)', re.DOTALL)
_SERVICE: Final = re.compile(r"https://(?P<service>[a-z0-9-]+)\.(?P<namespace>[a-z0-9-]+)\.svc")


def find(case: Case) -> Finding | None:
    """The API server's words for it: 500, or a controller's event that repeats them."""
    for each in refusals(case):
        said = _SAYS.search(each.message)
        if said is None:
            continue
        name, why = spelled(said["name"]), said["why"].strip()
        behind = _SERVICE.search(why)
        service = f"{behind['namespace']}/{behind['service']}" if behind else ""
        serves = f" (service {service})" if service else ""
        return Finding(
            "admission-webhook-unreachable",
            CauseVerdict.BROKEN,
            f"the admission webhook {name}{serves} cannot be reached, and its failurePolicy Fail refuses everything",
            facts={"webhook": name, "service": service or None, "message": why},
            evidence=(Evidence(each.object, each.field, each.message),),
            confidence=each.sureness,
            proposals=(
                Proposal(
                    RemedyKind.OTHER,
                    Doer.PLATFORM,
                    f"bring what serves the webhook {name}{serves} up again",
                    None,
                    Patch(PatchOp.SIGNAL, {"webhook": name, "service": service}),
                    effect=sent_again(case),
                ),
            ),
        )
    return None
