"""Adoptions, and their end, as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from allotment.operations.adopt.giving_back import Return
from allotment.operations.adopt.looking import AdoptionLook
from allotment.operations.adopt.taking_over import Handled
from allotment.operations.directory.teams import Edit
from allotment.plan.adoption.adopting import Adoption
from allotment.reports.documents.objects import field_document, object_document


def status_of(row: Adoption | Return, handled: Handled | None) -> str:
    """What became of it; before anything is done, whether it can be."""
    return handled.fate.value if handled else "held" if row.hindrances else "possible"


def look_document(
    look: AdoptionLook, rows: Sequence[Adoption], handled: Sequence[Handled], edit: Edit | None
) -> Mapping[str, Any]:
    """The whole as JSON; statuses stand in the items."""
    fates = {each.key: each for each in handled}
    return {
        "kind": "AdoptionSummary",
        "platform": look.platform,
        "cluster": look.cluster,
        "summary": {"possible": len(look.possible), "held": len(look.adoptions) - len(look.possible)},
        "diff": edit.diff if edit else "",
        "items": [adoption_document(row, fates.get(row.key)) for row in rows],
    }


def adoption_document(row: Adoption, handled: Handled | None) -> Mapping[str, Any]:
    """An object to take over as JSON; `handled`: what was done with it."""
    return {
        "object": object_document(row.key),
        "status": status_of(row, handled),
        "message": handled.message if handled else "",
        "from": [{"kind": one.kind.value, "name": one.name, "since": one.since} for one in row.origins],
        "fields": [field_document(field) for field in row.fields],
        "atStake": list(row.facts.stake),
        "networkPoliciesLeftOut": row.facts.left_out,
        "cuts": [{"policy": cut.name, "what": cut.what} for cut in row.facts.cuts],
        "notes": list(row.remarks),
        "hindrances": [{"why": one.why, "fix": one.fix} for one in row.hindrances],
    }


def returns_document(
    platform: str, cluster: str, returns: Sequence[Return], handled: Sequence[Handled], rows: Sequence[Return]
) -> Mapping[str, Any]:
    """The whole as JSON."""
    fates = {each.key: each for each in handled}
    return {
        "kind": "ReturnSummary",
        "platform": platform,
        "cluster": cluster,
        "summary": dict(Counter(each.fate.value for each in returns)),
        "items": [return_document(row, fates.get(row.key)) for row in rows],
    }


def return_document(row: Return, handled: Handled | None) -> Mapping[str, Any]:
    """An object to give back as JSON; `handled`: what was done with it."""
    written = row.written
    return {
        "object": object_document(row.key),
        "what": row.fate.value,
        "status": status_of(row, handled),
        "message": handled.message if handled else "",
        "takenOver": written.at if written else "",
        "from": list(written.origins) if written else [],
        "fields": [field_document(field) for field in row.fields],
        "atStake": list(row.stake),
        "notes": list(row.remarks),
        "hindrances": [{"why": one.why, "fix": one.fix} for one in row.hindrances],
    }
