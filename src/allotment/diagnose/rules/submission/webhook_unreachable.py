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
_CERTIFICATE: Final = re.compile(r"x509: |tls: |certificate ")
_LATE: Final = re.compile(r"deadline exceeded|i/o timeout|Client.Timeout")
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
            f"{_how(name, serves, why)}, and its failurePolicy Fail refuses everything",
            facts={"webhook": name, "service": service or None, "message": why},
            evidence=(Evidence(each.object, each.field, each.message),),
            confidence=each.sureness,
            proposals=(
                Proposal(
                    RemedyKind.OTHER,
                    Doer.PLATFORM,
                    _mended(name, serves, why),
                    None,
                    Patch(PatchOp.SIGNAL, {"webhook": name, "service": service}),
                    effect=sent_again(case),
                ),
            ),
        )
    return None


def _how(name: str, serves: str, why: str) -> str:
    if _CERTIFICATE.search(why):
        return f"the API server does not trust the certificate of the admission webhook {name}{serves}"
    if _LATE.search(why):
        return f"the admission webhook {name}{serves} does not answer in time"
    return f"the admission webhook {name}{serves} cannot be reached"


def _mended(name: str, serves: str, why: str) -> str:
    if _CERTIFICATE.search(why):
        return f"renew the certificate of the webhook {name}{serves}, and the caBundle of its configuration with it"
    return f"bring what serves the webhook {name}{serves} up again"
