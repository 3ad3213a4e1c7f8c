"""The pods name a service account that does not exist in the namespace."""

from __future__ import annotations

import re
from typing import Final

from allotment.diagnose.amending import changed_pods, sent_again, worked_on
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import RefusedAttempt, missing_pods, refusals, sureness
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from allotment.model.spelling import nearest

_SAYS: Final = re.compile(
    r'serviceaccount "(?P<name>[^"]+)" not found|service account [^/ ]+/(?P<other>[^: ]+):.*not found'
)
_DEFAULT: Final = "default"


def find(case: Case) -> Finding | None:
    """A name that no service account of the namespace has; where none could be listed, only what was refused tells."""
    if not (missing_pods(case) or case.subject is None):
        return None
    known = sorted(each.name for each in case.index.service_accounts_in.get(case.namespace, ()))
    names = {part.template.spec.service_account_name or _DEFAULT for part in case.to_come}
    refused = next(((each, match) for each in refusals(case) if (match := _SAYS.search(each.message))), None)
    said = (refused[1]["name"] or refused[1]["other"]) if refused is not None else ""
    absent = sorted(name for name in names if name not in known)
    name = said if said in absent else next(iter(absent), "")
    # A namespace always has an account; a list without one was not taken.
    listed = bool(known) and case.seen("serviceaccounts")
    if not name or (name != said and not listed):
        return None
    work = worked_on(case)
    target = case.reference if work is None else reference_of(work)
    return Finding(
        "service-account-missing",
        CauseVerdict.MISCONFIGURED,
        f"the service account {name} does not exist in namespace {case.namespace}",
        facts={"service_account": name, "namespace": case.namespace, "existing": known},
        evidence=(Evidence(target, "serviceAccountName", name, "no such service account in the namespace"),),
        confidence=_sureness(case, refused[0] if refused is not None and name == said else None, listed=listed),
        proposals=(*_others(case, name, known), _created(case, name)),
    )


def _sureness(case: Case, said: RefusedAttempt | None, *, listed: bool) -> Confidence:
    """That it is not among the accounts is seen; else it is as sure as the words by which that is known."""
    if said is None or said.by_event:
        return sureness(case) if listed else Confidence.LIKELY
    return Confidence.SURE


def _others(case: Case, name: str, known: list[str]) -> list[Proposal]:
    meant = nearest(name, known)
    order = [each for each in (meant, _DEFAULT) if each and each != name]
    return [
        changed_pods(
            RemedyKind.OTHER,
            f"use the service account {other}",
            case,
            {"serviceAccountName": other, "serviceAccount": None},
            cost=position + 1,
        )
        for position, other in enumerate(dict.fromkeys(order))
    ]


def _created(case: Case, name: str) -> Proposal:
    metadata = {"name": name, "namespace": case.namespace}
    return Proposal(
        RemedyKind.OTHER,
        Doer.USER,
        f"create the service account {name}",
        Reference(api_version="v1", kind="ServiceAccount", namespace=case.namespace, name=name),
        Patch(PatchOp.CREATE, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
        effect=sent_again(case),
    )
