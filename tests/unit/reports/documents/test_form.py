"""What all documents share."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from allotment.model.moments import rfc3339
from allotment.reports.documents.form import plain, seconds, versioned


def test_documents_hold_plain_values_only() -> None:
    moment = dt.datetime(2026, 11, 22, 9, 30, 0, 999, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    assert rfc3339(moment) == "2026-11-22T08:30:00Z"
    assert plain(
        {"at": moment, "day": dt.date(2027, 1, 31), "set": frozenset({"b", "a"}), "pair": (1, None, True)}
    ) == {
        "at": "2026-11-22T08:30:00Z",
        "day": "2027-01-31",
        "set": ["a", "b"],
        "pair": [1, None, True],
    }


def test_a_document_names_its_version_first() -> None:
    assert list(versioned({"kind": "Plan"}).items()) == [("apiVersion", "allotment.dev/v1"), ("kind", "Plan")]


def test_words_of_an_enum_become_text() -> None:
    word = StrEnum("Word", {"ONE": "one"})("one")
    assert type(plain([word])[0]) is str


def test_milliseconds_become_seconds() -> None:
    assert (seconds(1500), seconds(0.4)) == (1.5, 0.0)
