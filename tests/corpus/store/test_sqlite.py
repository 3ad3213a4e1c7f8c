"""A store in a file keeps the contract, and does what the store in memory does, whatever is done to both."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.adapters.store.fake import MemoryStore
from allotment.adapters.store.sqlite import SqlitePlace
from tests.by_day import by_day
from tests.unit.adapters.store.contract import StoreContract
from tests.unit.adapters.store.jobs import Acts, everything

pytestmark = pytest.mark.corpus


class TestFile(StoreContract):
    pass


@settings(max_examples=by_day(30), deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 25))
def test_whatever_is_done_both_stores_answer_alike(
    empty_store: bytes, quick_folder: Path, rng: random.Random, length: int
) -> None:
    acts, memory = Acts(rng), MemoryStore()
    with tempfile.TemporaryDirectory(dir=quick_folder) as folder:
        path = Path(folder) / "store.db"
        path.write_bytes(empty_store)
        with SqlitePlace(path).writer("a test") as store:
            for _ in range(length):
                act = acts.draw(memory)
                assert act.on(store) == act.on(memory), act
            for here, there in zip(everything(store), everything(memory), strict=True):
                assert here == there
