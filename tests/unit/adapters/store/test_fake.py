"""The store in memory keeps the contract."""

from __future__ import annotations

import pytest

from allotment.adapters.store.fake import MemoryStore
from tests.unit.adapters.store.contract import StoreContract


@pytest.fixture
def place() -> MemoryStore:
    return MemoryStore()


class TestMemory(StoreContract):
    pass
