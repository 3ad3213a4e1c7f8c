"""Credentials of clusters: sealed where they are kept, told to nobody, and opened for their own cluster alone."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from allotment.adapters.clock import FixedClock
from allotment.adapters.sealing.key_file import sealing_of
from allotment.adapters.store.sqlite import SqlitePlace
from allotment.errors import InputError, NotFoundError
from allotment.model.access.caller import Caller, CallerKind
from allotment.operations.fleet.credentials import ClusterCredentials
from allotment.operations.fleet.one_context import one_context
from allotment.ports.sealing import UnsealableError
from allotment.ports.store import JobsStore
from tests.unit.operations.fleet.test_one_context import CANARY, files, kubeconfig

EVE = Caller("eve@acme.example", CallerKind.PERSON, "10.1.2.3")
NOW = dt.datetime(2026, 11, 29, tzinfo=dt.UTC)


def office(store: JobsStore, key: Path, platform: str = "acme") -> ClusterCredentials:
    return ClusterCredentials(store, lambda: sealing_of(key, {}), lambda: platform, FixedClock(NOW))


def given(name: str = "training") -> dict[str, object]:
    return one_context(kubeconfig(), "one", name, files)


def test_a_credential_is_there_after_a_restart_and_in_no_file_in_the_clear(tmp_path: Path) -> None:
    place, key = SqlitePlace(tmp_path / "store.db"), tmp_path / "key"
    changed: list[str] = []
    with place.writer("a test") as store:
        credentials = office(store, key)
        credentials.on_change(changed.append)
        credentials.connect(EVE, "training", given())
        assert (credentials.opened("training"), credentials.opened("dev")) == (given(), None)
        place.backup(tmp_path / "backup.db")
        acts = [each.act for each in store.whole_audit()]
    assert [(each.verb, each.who, each.subject) for each in acts] == [("cluster.connect", EVE.name, "cluster/training")]
    assert changed == ["training"]
    assert CANARY not in json.dumps([str(each) for each in acts])
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path
            assert b"one.example" not in path.read_bytes(), path
    with place.writer("another") as store:
        assert office(store, key).opened("training") == given()
        with pytest.raises(UnsealableError, match="another key"):
            office(store, tmp_path / "other").opened("training")


def test_what_is_kept_of_one_cluster_or_platform_opens_as_no_other_s(tmp_path: Path) -> None:
    place, key = SqlitePlace(tmp_path / "store.db"), tmp_path / "key"
    with place.writer("a test") as store:
        kept = office(store, key).connect(EVE, "training", given())
        for platform, cluster in (("acme", "dev"), ("other", "training")):
            moved = type(kept)(platform, cluster, kept.sealed, kept.at, kept.by)
            store.keep_cluster_credentials([moved])
            with pytest.raises(UnsealableError, match="was changed"):
                office(store, key, platform).opened(cluster)


def test_it_is_taken_back_once(tmp_path: Path) -> None:
    with SqlitePlace(tmp_path / "store.db").writer("a test") as store:
        credentials = office(store, tmp_path / "key")
        credentials.connect(EVE, "training", given())
        credentials.disconnect(EVE, "training")
        assert credentials.opened("training") is None
        assert store.cluster_credentials("acme") == ()
        with pytest.raises(NotFoundError):
            credentials.disconnect(EVE, "training")
        verbs = [each.act.verb for each in store.whole_audit()]
        assert verbs == ["cluster.connect", "cluster.disconnect"]


def test_nothing_is_kept_of_what_is_refused(tmp_path: Path) -> None:
    with SqlitePlace(tmp_path / "store.db").writer("a test") as store:
        document = given()
        document["users"] = [{"name": "training", "user": {"exec": {"command": CANARY}}}]
        with pytest.raises(InputError):
            office(store, tmp_path / "key").connect(EVE, "training", document)
        assert store.cluster_credentials("acme") == ()
        assert list(store.whole_audit()) == []
    assert not (tmp_path / "key").exists(), "a key is made when something is to be sealed"


def test_a_new_key_seals_all_anew_and_the_old_one_opens_nothing(tmp_path: Path) -> None:
    key = tmp_path / "key"
    with SqlitePlace(tmp_path / "store.db").writer("a test") as store:
        credentials = office(store, key)
        for name in ("training", "dev"):
            credentials.connect(EVE, name, given(name))
        old, before = key.read_bytes(), store.cluster_credentials("acme")
        assert credentials.rotate_key(EVE) == 2
        after = store.cluster_credentials("acme")
        assert not {each.sealed for each in before} & {each.sealed for each in after}
        assert [(each.at, each.by) for each in before] == [(each.at, each.by) for each in after]
        assert office(store, key).opened("dev") == given("dev")
        (tmp_path / "old").write_bytes(old)
        (tmp_path / "old").chmod(0o600)
        with pytest.raises(UnsealableError):
            office(store, tmp_path / "old").opened("dev")
        assert len(key.read_text().splitlines()) == 1
        assert [each.act.verb for each in store.whole_audit()][-1] == "key.rotate"


def test_a_change_of_keys_that_broke_off_goes_on(tmp_path: Path) -> None:
    """After the new key was made, or after all was sealed with it: both keys are in the file, and nothing is lost."""
    key = tmp_path / "key"
    with SqlitePlace(tmp_path / "store.db").writer("a test") as store:
        office(store, key).connect(EVE, "training", given())
        sealing_of(key, {}).add_key()
        assert office(store, key).opened("training") == given()
        assert office(store, key).rotate_key(EVE) == 1
        assert len(key.read_text().splitlines()) == 1
        sealing_of(key, {}).add_key()
        assert office(store, key).rotate_key(EVE) == 1
        assert office(store, key).opened("training") == given()


def test_where_one_cannot_be_opened_none_is_sealed_anew(tmp_path: Path) -> None:
    key = tmp_path / "key"
    with SqlitePlace(tmp_path / "store.db").writer("a test") as store:
        credentials = office(store, key)
        credentials.connect(EVE, "training", given())
        office(store, tmp_path / "other").connect(EVE, "dev", given("dev"))
        before = store.cluster_credentials("acme")
        with pytest.raises(UnsealableError):
            office(store, key).rotate_key(EVE)
        assert store.cluster_credentials("acme") == before
        assert len(key.read_text().splitlines()) == 1
