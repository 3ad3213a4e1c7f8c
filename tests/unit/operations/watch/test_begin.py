"""A hub whose journal cannot be read begins again, and leaves nothing of the times before."""

from __future__ import annotations

import threading

import pytest

from allotment.adapters.store.fake import MemoryStore
from allotment.errors import UnreachableError
from allotment.operations.watch.hub import ChangeHub
from tests.unit.adapters.store.jobs import submitted


class Full(MemoryStore):
    """Writes nothing while its disk is full."""

    full = True

    def mark_journal(self) -> int:
        if self.full:
            raise UnreachableError("the disk is full", fix="make room")
        return super().mark_journal()


def test_each_time_it_cannot_begin_leaves_no_bell() -> None:
    store = Full()
    hub = ChangeHub(store, threading.Event(), beside=lambda _work: None)
    for _ in range(5):
        with pytest.raises(UnreachableError):
            hub.begin()
    store.full = False
    hub.begin()
    assert len(store._journal._tell) == 1
    assert hub._news.is_set(), "what came before it could hear is looked for"
    hub._news.clear()
    store.add(submitted("j1"))
    assert hub._news.is_set()
