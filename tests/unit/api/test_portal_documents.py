"""What the portal reads of answers is in them: the fields of its types are those of the documents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import pytest

from allotment.reports.documents.drift import drift_document, drift_rows
from tests.unit.api.test_answers import GROUPS, House, house
from tests.unit.operations.test_drift import QUOTA, look, pods, settled, target
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
    "queue-trends": {"": "QueueTrends", "items": "QueueTrend"},
    "quotas?all=true": {"": "Quotas", "items": "QuotaUse"},
    "books": {"": "Books", "findings": "BookFinding"},
    "why": {"": "Explanations", "groups": "CauseGroup", "items": "Explained", "groups.subjects": "Subject"},
    "whatif?cluster=training-eastus&budget=0s&all=true&change=quota%3Anlp%2Fa100-on-demand%2Fnvidia.com%2Fgpu%3D2": {
        "": "WhatIf",
        "settings": "ChangedSetting",
        "queues": "QueueFutures",
        "jobs": "ChangedJob",
        "jobs.job": "NamedWork",
    },
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
        found = [inner for each in found for inner in _inside(each[name])]
    return found


def _inside(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("route", READ)
def test_the_portal_reads_what_documents_have(house: House, route: str) -> None:
    name, _, query = route.partition("?")
    document = house.answer(house.session("eve", GROUPS["admin"]), name, query)["document"]
    for path, kind in READ[route].items():
        found = reached(document, path)
        assert found, f"the example has nothing at {path}"
        for each in found:
            assert fields_of(kind) <= set(each), (path, kind)


def test_the_portal_reads_what_drift_has() -> None:
    world = settled()
    world.edit(QUOTA, pods("99"))
    report = look(target(world))
    document = drift_document(report, drift_rows(report))
    (cluster,) = document["clusters"]
    (found,) = cluster["objects"]
    told = {"DriftReport": document, "ClusterDrift": cluster, "DriftObject": found, "DriftField": found["fields"][0]}
    for kind, value in told.items():
        assert fields_of(kind) <= set(value), kind
    assert found["fields"][0]["by"] == "kubectl-edit"
