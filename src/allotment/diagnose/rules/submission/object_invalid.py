"""The API server does not take the object: a field of it is not valid."""

from __future__ import annotations

import re
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.submission.refused import refused, told, unknown_resources
from allotment.model.explanation import CauseVerdict, Doer, Patch, PatchOp, RemedyKind

_FIELD: Final = re.compile(r"is invalid: (?:\[)?(?P<field>[\w.\[\]\"/-]+): (?P<why>.*)", re.DOTALL)
_UNKNOWN: Final = re.compile(r'unknown field "(?P<field>[^"]+)"')
_CODES: Final = frozenset({400, 422})


def find(case: Case) -> Finding | None:
    """A 422, or a 400 about a field; what other rules know better (a GPU without a limit) they say before."""
    attempt = refused(case)
    if attempt is None or attempt.code not in _CODES or unknown_resources(case):
        return None
    said, unknown = _FIELD.search(attempt.message), _UNKNOWN.search(attempt.message)
    field = said["field"] if said else unknown["field"] if unknown else ""
    why = said["why"].strip() if said else "there is no such field" if unknown else attempt.message
    where = f"{field}: " if field else ""
    return told(
        case,
        "object-invalid",
        CauseVerdict.MISCONFIGURED,
        f"the API server does not take {case.reference.kind} {case.reference.name}: {where}{why}",
        {"field": field or None, "message": attempt.message, "code": attempt.code},
        (
            Proposal(
                RemedyKind.OTHER,
                Doer.USER,
                f"delete the {case.reference.kind} {case.reference.name} that is there, or submit it under another name"
                if "field is immutable" in why
                else f"correct {field or 'the object'} and submit again",
                case.reference,
                Patch(PatchOp.SIGNAL, {"field": field}),
            ),
        ),
    )
