"""What the portal reads of answers is in them: the fields of its types are those of the documents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import pytest

from tests.unit.api.test_answers import GROUPS, House, house
from tools.portal import SOURCES

__all__ = ["house"]  # a fixture
TYPES: Final = SOURCES / "src" / "answers" / "documents.ts"
READ: Final[Mapping[str, Mapping[str, str]]] = {
    "waste": {"": "Waste", "entries": "WasteEntry", "causes": "WasteGroup", "groups": "WasteGroup"},
    "who": {"": "Holdings", "items": "Holding"},
    "gpus": {"": "Rooms", "items": "Room"},
    "queues": {
        "": "Queues",
        "items": "QueueStanding",
        "items.quotas": "QueueUse",
        "items.quotas.borrowsFrom": "Lender",
    },
    "quotas?all=true": {"": "Quotas", "items": "QuotaUse"},
    "books": {"": "Books", "findings": "BookFinding"},
    "why": {"": "Explanations", "groups": "CauseGroup", "items": "Explained", "groups.subjects": "Subject"},
    "clusters": {"": "ClusterStates", "items": "ClusterState"},
    "teams": {"": "DeclaredTeams", "items": "DeclaredTeam", "items.placements": "TeamPlacement"},
    "causes": {"": "CauseList", "items": "CauseLine"},
    "causes/ALT-1316": {"": "CausePage"},
}
"""Routes, each with what of its document is read as which type."""


def fields_of(name: str) -> set[str]:
    """Fields of an interface that always are there."""
    text, pattern = TYPES.read_text(encoding="utf-8"), rf"export interface {name}\b[^{{]*\{{\n(.*?)^\}}"
    found = re.search(pattern, text, re.MULTILINE | re.DOTALL)
    assert found is not None, name
    return set(re.findall(r"^  readonly (\w+):", found[1], re.MULTILINE))


def reached(document: Any, path: str) -> list[Any]:
    """What lies in a document at the end of names with dots in between."""
    found = [document]
    for name in filter(None, path.split(".")):
        found = [inner for each in found for inner in each[name]]
    return found


@pytest.mark.parametrize("route", READ)
def test_the_portal_reads_what_documents_have(house: House, route: str) -> None:
    name, _, query = route.partition("?")
    document = house.answer(house.session("eve", GROUPS["admin"]), name, query)["document"]
    for path, kind in READ[route].items():
        found = reached(document, path)
        assert found, f"the example has nothing at {path}"
        for each in found:
            assert fields_of(kind) <= set(each), (path, kind)
