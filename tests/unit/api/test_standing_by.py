"""A server that waits for its turn says why, and goes on saying it where something is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any, cast

import pytest

from allotment.adapters.store.fake import MemoryStore
from allotment.api.standing_by import led_store
from allotment.errors import AllotmentError, UnreachableError
from allotment.ports.store import StoreInUseError, StorePlace

AWAY, LED = UnreachableError("the store does not answer"), StoreInUseError("another server leads")


class Place:
    """A store that nobody can lead for as long as it is asked so often; each look lasts."""

    def __init__(self, refusals: list[AllotmentError], lasts: float) -> None:
        self.refusals = refusals
        self.lasts = lasts
        self.at = 0.0

    def supplant(self) -> str:
        return ""

    @contextmanager
    def writer(self, _who: str) -> Iterator[Any]:
        self.at += self.lasts
        if self.refusals:
            raise self.refusals.pop(0)
        yield MemoryStore()

    def pause(self, seconds: float) -> None:
        self.at += seconds


@pytest.mark.parametrize(
    ("refusals", "told"),
    [
        ([AWAY] * 20, ["stands by: the store does not answer", *["stands by: still: the store does not answer"] * 3]),
        ([LED] * 20, ["stands by: another server leads"]),
        ([LED, AWAY, LED], [f"stands by: {each.line}" for each in (LED, AWAY, LED)]),
        ([], []),
    ],
)
def test_what_is_wrong_is_told_every_half_minute(
    refusals: list[AllotmentError], told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(list(refusals), 4.5)
    with ExitStack() as opened:
        store = led_store(cast("StorePlace", place), "me", opened, nullcontext, place.pause, lambda: place.at)
    assert isinstance(store, MemoryStore)
    assert capsys.readouterr().err.splitlines() == told
