"""Quota against hardware, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from allotment.accounting.books import FlavorBook
from allotment.operations.ask.books import BooksAnswer, MendedFinding
from allotment.operations.ask.lending import LendingPlan


def books_document(answer: BooksAnswer, rows: Sequence[FlavorBook]) -> Mapping[str, Any]:
    """Books and findings; amounts are units of the resource."""
    return {
        "kind": "Books",
        "flavors": [flavor_book_document(row) for row in rows],
        "findings": [_finding(each) for each in answer.findings],
        "whole": answer.whole,
        "remarks": list(answer.remarks),
    }


def flavor_book_document(book: FlavorBook) -> Mapping[str, Any]:
    """One flavor and resource; `minimum` and `maximum` null where nobody says, those of nodes where none were seen."""
    return {
        "cluster": book.cluster,
        "flavor": book.flavor,
        "resource": book.resource,
        "nominal": book.nominal,
        "lendable": book.lendable,
        "nodes": list(book.nodes),
        "capacity": book.capacity if book.known else None,
        "allocatable": book.allocatable if book.known else None,
        "healthy": book.healthy if book.known else None,
        "schedulable": book.schedulable if book.known else None,
        "minimum": book.bounds.least,
        "maximum": book.bounds.most,
        "boundsBy": book.bounds.by or None,
    }


def _finding(mended: MendedFinding) -> Mapping[str, Any]:
    found = mended.finding
    return {
        "code": found.fault,
        "cluster": found.cluster,
        "subject": found.subject,
        "what": found.what,
        "evidence": dict(found.evidence),
        "mend": found.mend,
        "nodes": list(found.nodes),
        "changes": [
            {
                "kind": edit.quota.kind,
                "name": edit.quota.name,
                "flavor": edit.quota.flavor,
                "resource": edit.quota.resource,
                "field": edit.field,
                "before": edit.before,
                "after": edit.after,
            }
            for edit in found.edits
        ],
        "commands": list(mended.commands),
        "diff": mended.diff,
        "byHand": mended.by_hand,
    }


def lending_document(plan: LendingPlan, *, done: bool) -> Mapping[str, Any]:
    """What was changed, or would be; a limit of null is none."""
    return {
        "kind": "LendingLimits",
        "undo": plan.undo,
        "done": done,
        "changes": [
            {
                "clusterQueue": change.queue,
                "flavor": change.flavor,
                "resource": change.resource,
                "before": change.before,
                "after": change.after,
            }
            for change in plan.changes
        ],
        "declared": list(plan.declared),
        "unclear": [
            {"kind": each.kind, "name": each.name, "flavor": each.flavor, "resource": each.resource}
            for each in plan.unclear
        ],
    }
