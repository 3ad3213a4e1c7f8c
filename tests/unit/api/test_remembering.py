"""Who is let in is asked for once a second, and whoever is shut out is so at once."""

from __future__ import annotations

from collections import Counter

import pytest

from allotment.adapters.store.fake import MemoryStore
from allotment.api.remembering import RememberingStore
from allotment.errors import NotFoundError
from allotment.model.access.person import Person
from allotment.model.access.token import ApiToken
from tests.unit.adapters.store.jobs import NOW, person, token


class AskedStore(MemoryStore):
    """Counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()
        self.meanwhile = lambda: None

    def token(self, token_id: str) -> ApiToken:
        self.asked["token"] += 1
        found = super().token(token_id)
        self.meanwhile()
        return found

    def person(self, person_id: str) -> Person:
        self.asked["person"] += 1
        return super().person(person_id)


def remembering() -> tuple[AskedStore, RememberingStore, list[float]]:
    behind, now = AskedStore(), [0.0]
    return behind, RememberingStore(behind, lambda: now[0]), now  # type: ignore[arg-type]


def test_a_token_is_asked_for_once_a_second() -> None:
    behind, store, now = remembering()
    store.add_token(token("t1"))
    for seconds, asked in ((0.0, 1), (0.9, 1), (1.0, 2), (1.5, 2)):
        now[0] = seconds
        assert store.token("t1").id == "t1"
        assert behind.asked["token"] == asked


def test_what_is_not_there_is_asked_for_each_time() -> None:
    behind, store, _ = remembering()
    for _ in range(2):
        with pytest.raises(NotFoundError):
            store.token("t1")
    assert behind.asked["token"] == 2
    store.add_token(token("t1"))
    assert store.token("t1").id == "t1"


def test_whoever_is_shut_out_is_so_with_the_call_itself() -> None:
    _, store, _ = remembering()
    ada = person("ada")
    store.signed_in(ada, token("s1", person=ada.id))
    assert store.token("s1").revoked is None
    assert store.person(ada.id).suspended is None
    store.shut_out(ada.id, NOW + 1)
    assert store.person(ada.id).suspended is not None
    assert store.token("s1").revoked is not None
    store.let_in(ada.id)
    assert store.person(ada.id).suspended is None


def test_whoever_is_told_of_a_change_asks_the_store_and_remembers_nothing_of_then() -> None:
    """Streams look again because of the very change, before the call that makes it is over."""
    behind, store, now = remembering()
    store.add_token(token("t1"))
    assert store.token("t1").revoked is None
    seen: list[int | None] = []

    def told() -> None:
        assert store.recalled("t1") is None
        asked = behind.asked["token"]
        seen.append(store.token("t1").revoked)
        assert behind.asked["token"] == asked + 1
        assert store.recalled("t1") is None

    behind.on_change(told)
    store.revoke_token("t1", NOW + 1)
    assert seen == [NOW + 1]
    now[0] = 0.5
    assert store.token("t1").revoked == NOW + 1
    assert store.recalled("t1") is not None


def test_what_was_asked_for_while_it_was_revoked_is_not_remembered() -> None:
    behind, store, _ = remembering()
    store.add_token(token("t1"))

    def revoke() -> None:
        behind.meanwhile = lambda: None
        store.revoke_token("t1", NOW + 1)

    behind.meanwhile = revoke
    assert store.token("t1").revoked is None, "as it was asked for"
    assert store.token("t1").revoked is not None
