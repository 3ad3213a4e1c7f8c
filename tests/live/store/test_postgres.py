"""A store in a real PostgreSQL keeps the contract, and what only a server can do to it is told."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allotment.adapters.store.fake import MemoryStore
from allotment.adapters.store.postgres import PostgresPlace
from allotment.adapters.store.schema import HEAD
from allotment.errors import NotFoundError, UnreachableError, UsageError
from allotment.ports.store import JobFilter, SchemaError, StoreError, StoreInUseError
from tests.by_day import by_day
from tests.corpus.store.test_kill import killed
from tests.live.store.server import Server
from tests.unit.adapters.store.contract import StoreContract
from tests.unit.adapters.store.jobs import Acts, everything, submitted

pytestmark = pytest.mark.live


class TestPostgres(StoreContract):
    pass


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return iter(range(10_000))


@settings(max_examples=by_day(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False), st.integers(1, 25))
def test_whatever_is_done_it_answers_as_the_store_in_memory(
    server: Server, numbers: Iterator[int], rng: random.Random, length: int
) -> None:
    acts, memory = Acts(rng), MemoryStore()
    with PostgresPlace(server.make(f"random_{next(numbers)}")).writer("a test") as store:
        for _ in range(length):
            act = acts.draw(memory)
            assert act.on(store) == act.on(memory), act
        for here, there in zip(everything(store), everything(memory), strict=True):
            assert here == there


@pytest.mark.nightly  # by day the server over it is killed
def test_a_killed_writer_leaves_all_that_it_kept_and_nothing_in_part(address: str) -> None:
    found = killed(address, 1, 5)
    assert (found["rounds"], found["done"] > 5) == (5, True)


def ended(address: str, who: str) -> None:
    """As an administrator, or a broken line, ends a session."""
    with psycopg.connect(address, autocommit=True) as connection:
        query = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s"
        assert connection.execute(query, [who]).fetchall() == [(True,)]


def test_a_lost_line_loses_nothing_and_is_opened_again(place: PostgresPlace, address: str) -> None:
    with place.writer("the server") as store:
        store.add(submitted("j1"))
        ended(address, "the server")
        with pytest.raises(UnreachableError):
            store.add(submitted("j2"))
        store.add(submitted("j3"))
        assert {each.id for each in store.page(JobFilter()).rows} == {"j1", "j3"}


def test_whoever_lost_the_line_and_with_it_the_lock_writes_no_more(place: PostgresPlace, address: str) -> None:
    with place.writer("the first server") as store:
        ended(address, "the first server")
        with place.writer("the second") as other:
            other.add(submitted("j1"))
            for kind in (UnreachableError, StoreInUseError, StoreInUseError):
                with pytest.raises(kind):
                    store.add(submitted("j2"))
        # Nobody holds the lock by now, and what it has in mind is old all the same.
        for act in (lambda: store.add(submitted("j3")), store.beat):
            with pytest.raises(StoreInUseError, match=r"has written into .* since"):
                act()
        with place.writer("a third") as third:
            assert {each.id for each in third.page(JobFilter()).rows} == {"j1"}


def test_a_line_that_was_lost_and_led_by_nobody_else_is_gone_on_with(place: PostgresPlace, address: str) -> None:
    with place.writer("the server") as store:
        for number in range(3):
            ended(address, "the server")
            with pytest.raises(UnreachableError):
                store.beat()
            store.beat()
            store.add(submitted(f"j{number}"))
        assert place.status().writer == "the server"


@pytest.mark.parametrize(
    ("silent_for", "supplanted"),
    [pytest.param(1, "", id="it lives"), pytest.param(60, "the server", id="it hangs")],
)
def test_whoever_gives_no_sign_of_life_is_supplanted(
    place: PostgresPlace, address: str, silent_for: int, supplanted: str
) -> None:
    with place.writer("the server") as store:
        store.beat()
        with psycopg.connect(address) as connection:
            connection.execute("UPDATE leader SET seen = seen - %s", [silent_for * 1000])
        assert place.supplant() == supplanted
        if not supplanted:
            store.add(submitted("j1"))
            return
        with place.writer("the standby"), pytest.raises(UnreachableError):
            store.add(submitted("j1"))
        with pytest.raises(StoreInUseError):
            store.add(submitted("j1"))


def test_whoever_is_of_a_version_without_signs_of_life_is_never_supplanted(place: PostgresPlace, address: str) -> None:
    """As before the tables of this version, and as where such a one leads again on them."""
    with place.writer("the old server"), psycopg.connect(address, autocommit=True) as connection:
        connection.execute("UPDATE leader SET session = 0, seen = 0")
        assert place.supplant() == ""
        connection.execute("DROP TABLE leader")
        assert place.supplant() == ""


def test_who_waits_for_the_lock_brings_nothing_forward(place: PostgresPlace, address: str) -> None:
    with place.writer("the old server"), psycopg.connect(address, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0009'")
        connection.execute("DROP TABLE queue_hours, leader, calls, journal, derived, cluster_credentials")
        connection.execute("DROP INDEX jobs_counted")
        with pytest.raises(StoreInUseError), place.writer("the new server"):
            pass
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0009",)
    with place.writer("the new server") as store:
        store.add(submitted("j1"))
    assert place.status().schema == HEAD


def test_the_server_is_asked_to_see_when_a_writer_is_gone(place: PostgresPlace, address: str) -> None:
    with place.writer("the server") as store:
        shown = {
            name: store._connect().exec_driver_sql(f"SHOW {name}").scalar()
            for name in ("tcp_keepalives_idle", "tcp_user_timeout")
        }
        store._connect().rollback()
    assert shown == {"tcp_keepalives_idle": "10", "tcp_user_timeout": "25000"}


def test_numbers_go_on_where_another_server_takes_over(place: PostgresPlace, address: str) -> None:
    """Somebody reads all the time: what he has read up to stays all that there was."""
    over, seen = threading.Event(), list[int]()

    def read(begin: int) -> None:
        after = begin
        with place.reader() as store:
            while not (over.is_set() and after == store.journal_head()):
                page = store.changes(after, 3)
                assert page.known
                seen.extend(each.entry.number for each in page.changes)
                after = page.until

    with place.writer("the first server") as store:
        begin = store.journal_head()
        reading = threading.Thread(target=read, args=(begin,))
        reading.start()
        for each in range(20):
            store.add(submitted(f"a{each}"))
        ended(address, "the first server")
        with place.writer("the second") as other:
            for each in range(20):
                other.add(submitted(f"b{each}"))
                with pytest.raises((UnreachableError, StoreInUseError)):
                    store.add(submitted(f"c{each}"))
            over.set()
            reading.join()
            every = [each.entry.number for each in other.changes(begin).changes]
    assert len(every) == 40
    assert seen == every


def test_a_server_that_is_down_is_told_and_written_to_when_it_is_back(server: Server, place: PostgresPlace) -> None:
    with place.writer("a test") as store:
        server.stop()
        try:
            for _ in range(2):
                with pytest.raises(UnreachableError):
                    store.add(submitted("j1"))
            with pytest.raises(UnreachableError):
                store.get("j1")
            with pytest.raises(UnreachableError), place.reader():
                pass
        finally:
            server.start()
        store.add(submitted("j1"))
        assert store.get("j1").id == "j1"


def test_what_is_there_and_is_no_store_of_this_version(server: Server, place: PostgresPlace, address: str) -> None:
    for open_it in (place.status, lambda: place.reader().__enter__()):
        with pytest.raises(NotFoundError, match="no store"):
            open_it()
    with pytest.raises(UnreachableError) as refused, PostgresPlace(server.address("nowhere")).reader():
        pass
    assert "nowhere" in refused.value.whole.why
    with place.writer("a test"):
        pass
    with psycopg.connect(address) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for opened in (place.reader, lambda: place.writer("a test")):
        with pytest.raises(SchemaError, match="newer version") as caught, opened():
            pass
        assert "9999" in caught.value.why
        assert HEAD in caught.value.why


def test_a_server_that_takes_no_writes_is_told(place: PostgresPlace, address: str) -> None:
    with place.writer("a test") as store:
        store.add(submitted("j1"))
    with psycopg.connect(address, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(StoreError) as caught, place.writer("a test"):
        pass
    assert "read-only" in caught.value.whole.what
    with place.reader() as reader:
        assert [each.id for each in reader.page(JobFilter()).rows] == ["j1"]


def test_backups_are_its_own_tools(place: PostgresPlace, tmp_path: Path) -> None:
    for act in (place.backup, place.restore):
        with pytest.raises(UsageError, match="own tool") as caught:
            act(tmp_path / "backup")
        assert f"--dbname={place.shown}" in caught.value.fix.replace("'", "")
