"""What else may become of a store in a file: each is told in our words, and nothing that was kept is lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from allotment.adapters.store import sqlite as subject
from allotment.adapters.store.schema import HEAD
from allotment.adapters.store.sqlite import SqlitePlace, driver
from allotment.errors import AllotmentError, ConflictError, InputError, NotFoundError, TimedOutError
from allotment.model.jobs.run import JobState
from allotment.ports.device_times import DeviceTurn, DeviceUse
from allotment.ports.store import JobFilter, SchemaError, StoreError
from allotment.ports.stored_jobs import JobEvent
from tests.unit.adapters.store.jobs import NOW, devices, moved, submitted

pytestmark = pytest.mark.corpus
ROOT = Path(__file__).resolve().parents[3]


def ids(place: SqlitePlace) -> list[str]:
    with place.reader() as store:
        return sorted(each.id for each in store.page(JobFilter(), limit=1000).rows)


def keep(place: SqlitePlace, *names: str) -> None:
    with place.writer("a test") as store:
        for name in names:
            store.add(submitted(name))


def execute(path: Path, *statements: str) -> None:
    with closing(driver().connect(str(path), isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 600 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    argv = ["mount", "-t", "tmpfs", "-o", "size=600k", "none", str(folder)]
    if subprocess.run(argv, check=False, capture_output=True).returncode != 0:
        pytest.skip("a file system may not be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_told_and_what_was_kept_is_there_when_there_is_room(small_disk: Path) -> None:
    place, kept = SqlitePlace(small_disk / "store.db"), []
    ballast = small_disk / "ballast"
    with place.writer("a test") as store:
        store.add(submitted("first"))
        ballast.write_bytes(b"x" * (shutil.disk_usage(small_disk).free - (40 << 10)))
        with pytest.raises(StoreError) as caught:
            kept.extend(store.add(submitted(f"j{number}")).id for number in range(1000))
        assert "the disk is full" in caught.value.whole.what
        assert "nothing that was kept before is lost" in caught.value.whole.why
        change = replace(moved(store.get("first"), JobState.QUEUED), events=(JobEvent(1, "a", "b" * 999),) * 100)
        with pytest.raises(StoreError) as caught:
            store.record([change], [DeviceTurn(devices(1)[0], 1, DeviceUse("x"))])
        assert "the disk is full" in caught.value.whole.what
        assert store.get("first").state is JobState.SUBMITTED
        assert store.in_use("local") == ()

        ballast.unlink()
        store.record([moved(store.get("first"), JobState.QUEUED)])
    assert ids(place) == sorted(["first", *kept])


def test_no_store_is_begun_on_a_full_disk_and_a_later_start_begins_one(small_disk: Path) -> None:
    ballast, place = small_disk / "ballast", SqlitePlace(small_disk / "store" / "store.db")
    ballast.write_bytes(b"x" * (shutil.disk_usage(small_disk).free - (16 << 10)))
    with pytest.raises(StoreError) as caught, place.writer("a test"):
        pass
    assert "disk is full" in str(caught.value.whole)
    ballast.unlink()
    keep(place, "j1")
    assert ids(place) == ["j1"]


def unprivileged(folder: Path, act: Callable[[], Any]) -> str:
    """What an act says that a user without rights does; root may write whatever its mode."""
    reading, telling = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            act()
            os.write(telling, b"nothing was refused")
        except AllotmentError as error:
            os.write(telling, str(error.whole).encode())
        except BaseException as error:  # noqa: BLE001 (a child of pytest must not go on as pytest)
            os.write(telling, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(telling)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as said:
        return said.read().decode()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Where every user may look, and only root may write."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_what_may_not_be_read_or_written_is_told(open_folder: Path) -> None:
    place = SqlitePlace(open_folder / "store.db")
    keep(place, "j1")
    closed = unprivileged(open_folder, lambda: ids(place))
    place.path.chmod(0o644)
    open_folder.joinpath("store.db.lock").chmod(0o666)
    read_only = unprivileged(open_folder, lambda: keep(place, "j2"))
    nowhere = unprivileged(open_folder, lambda: keep(SqlitePlace(open_folder / "new" / "store.db"), "j2"))

    assert "cannot be opened" in closed
    assert "store.db cannot be opened or written\nwhy: Permission denied" in read_only
    assert "cannot be opened or written\nwhy: Permission denied" in nowhere
    assert ids(place) == ["j1"]


def test_a_folder_that_becomes_read_only_while_the_server_runs(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "none", str(folder)], check=False, capture_output=True).returncode != 0:
        pytest.skip("a file system may not be mounted here")
    try:
        keep(SqlitePlace(folder / "store.db"), "j1")
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        with pytest.raises(StoreError, match="cannot be opened or written") as caught:
            keep(SqlitePlace(folder / "store.db"), "j2")
        assert caught.value.why == "Read-only file system"
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
        assert ids(SqlitePlace(folder / "store.db")) == ["j1"]
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_file_that_another_program_holds_is_waited_for_and_then_told(place: SqlitePlace) -> None:
    hasty = SqlitePlace(place.path, patience=0.05)
    with hasty.writer("a test") as store:
        store.add(submitted("j1"))
        with closing(driver().connect(str(place.path), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(TimedOutError) as caught:
                store.add(submitted("j2"))
            assert "locked by another program" in caught.value.whole.what
            assert store.get("j1").id == "j1", "reading goes on"
            other.execute("ROLLBACK")
        store.add(submitted("j2"))
    assert ids(place) == ["j1", "j2"]


def test_a_reader_sees_one_moment_and_holds_up_nobody(place: SqlitePlace) -> None:
    keep(place, "j1")
    with closing(driver().connect(str(place.path), isolation_level=None)) as reader:
        reader.execute("BEGIN")
        before = reader.execute("SELECT count(*) FROM jobs").fetchone()
        keep(place, "j2")
        assert before == reader.execute("SELECT count(*) FROM jobs").fetchone() == (1,)
    assert ids(place) == ["j1", "j2"]


def as_folder(path: Path) -> None:
    path.mkdir()


def as_text(path: Path) -> None:
    path.write_text("my notes\n" * 500)


def as_foreign_database(path: Path) -> None:
    execute(path, "CREATE TABLE mine (a)", "INSERT INTO mine VALUES (1)")


def as_marked_database(path: Path) -> None:
    execute(path, "PRAGMA application_id = 7")


@pytest.mark.parametrize("lay", [as_folder, as_text, as_foreign_database, as_marked_database])
def test_what_is_no_store_is_told_and_left_as_it_is(tmp_path: Path, lay: Callable[[Path], None]) -> None:
    path = tmp_path / "store.db"
    lay(path)
    before = path.read_bytes() if path.is_file() else sorted(path.iterdir())
    place = SqlitePlace(path)
    for act in (lambda: ids(place), lambda: keep(place, "j1"), place.status, lambda: place.backup(tmp_path / "b")):
        with pytest.raises(StoreError) as caught:
            act()
        assert caught.value.fix
    assert before == (path.read_bytes() if path.is_file() else sorted(path.iterdir()))
    assert not (tmp_path / "b").exists()


def test_an_empty_file_becomes_a_store_and_is_none_before(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path / "store.db")
    with pytest.raises(NotFoundError, match="no store"):
        ids(place)
    place.path.touch()
    with pytest.raises(StoreError, match="is no store"):
        ids(place)
    keep(place, "j1")
    assert ids(place) == ["j1"]


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    place, before = SqlitePlace(tmp_path / "new" / "store.db"), os.umask(0)
    try:
        with place.writer("a test") as store:
            store.add(submitted("j1"))
            modes = {each.name: each.stat().st_mode & 0o777 for each in place.path.parent.iterdir()}
        place.backup(tmp_path / "backup")
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("store.db", "store.db-wal", "store.db-shm", "store.db.lock"), 0o600)
    assert place.path.parent.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o600


def test_a_link_is_not_written_through(tmp_path: Path, place: SqlitePlace) -> None:
    (tmp_path / "link.db").symlink_to(place.path)
    with pytest.raises(StoreError, match="is a link"):
        keep(SqlitePlace(tmp_path / "link.db"), "j1")


def test_a_log_without_its_store_is_not_taken_for_a_new_ones(tmp_path: Path) -> None:
    (tmp_path / "store.db-wal").write_bytes(b"x" * 4096)
    with pytest.raises(ConflictError, match="without its store"):
        keep(SqlitePlace(tmp_path / "store.db"), "j1")


def test_a_newer_store_is_refused_with_both_versions_and_left_as_it_is(place: SqlitePlace, tmp_path: Path) -> None:
    keep(place, "j1")
    execute(place.path, "UPDATE alembic_version SET version_num = '9999'")
    for act in (
        lambda: ids(place),
        lambda: keep(place, "j2"),
        lambda: SqlitePlace(tmp_path / "other.db").restore(place.path),
    ):
        with pytest.raises(SchemaError, match="newer version of Allotment") as caught:
            act()
        assert "9999" in caught.value.why
        assert HEAD in caught.value.why
    assert place.status().schema == "9999"
    execute(place.path, f"UPDATE alembic_version SET version_num = '{HEAD}'")
    assert ids(place) == ["j1"]


def test_an_old_sqlite_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysqlite3", None)
    monkeypatch.setitem(sys.modules, "pysqlite3.dbapi2", None)
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 2))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.51.2")
    with pytest.raises(StoreError, match=r"SQLite 3.51.2 is too old") as caught:
        driver()
    assert "pysqlite3" in caught.value.fix
    monkeypatch.setattr(sqlite3, "sqlite_version_info", subject.SOUND)
    assert driver() is sqlite3


def test_a_backup_beside_a_busy_writer_holds_one_moment(place: SqlitePlace, tmp_path: Path) -> None:
    done, backups = threading.Event(), []

    def write() -> None:
        with place.writer("the server") as store:
            number = 0
            while not done.is_set():
                stored = store.add(submitted(f"j{number:05d}"))
                store.record(
                    [moved(stored, JobState.QUEUED)], [DeviceTurn(devices(1)[0], number, DeviceUse(stored.id))]
                )
                number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            file = tmp_path / f"backup-{number}"
            assert place.backup(file) == file.stat().st_size
            backups.append(file)
    finally:
        done.set()
        writer.join()

    counts = []
    for number, file in enumerate(backups):
        restored = SqlitePlace(tmp_path / f"restored-{number}.db")
        status = restored.restore(file)
        found = ids(restored)
        assert found == [f"j{each:05d}" for each in range(len(found))]
        # A job is added, then moved with its device's turn: at any moment one job at most is in between.
        assert status.jobs.get(JobState.SUBMITTED, 0) <= 1
        assert status.intervals == status.jobs.get(JobState.QUEUED, 0)
        counts.append(len(found))
    assert counts == sorted(counts)
    assert ids(place)[: counts[-1]] == [f"j{each:05d}" for each in range(counts[-1])]


def test_a_backup_replaces_nothing_and_neither_does_what_is_restored(place: SqlitePlace, tmp_path: Path) -> None:
    keep(place, "j1")
    (tmp_path / "mine").write_text("precious")
    for target in (tmp_path / "mine", tmp_path, place.path):
        with pytest.raises(ConflictError, match="is there already"):
            place.backup(target)
    with pytest.raises(StoreError, match="cannot be opened or written"):
        place.backup(tmp_path / "no" / "folder")
    place.backup(tmp_path / "backup")
    with pytest.raises(ConflictError, match="is there already"):
        place.restore(tmp_path / "backup")
    other = SqlitePlace(tmp_path / "other.db")
    (tmp_path / "other.db-wal").write_bytes(b"x")
    with pytest.raises(ConflictError, match=r"other\.db-wal is there already"):
        other.restore(tmp_path / "backup")

    assert (tmp_path / "mine").read_text() == "precious"
    assert ids(place) == ["j1"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["backup", "mine", "other.db-wal", "other.db.lock"]


def test_a_store_that_is_written_to_is_not_restored_over(place: SqlitePlace, tmp_path: Path) -> None:
    place.backup(tmp_path / "backup")
    with place.writer("the server"), pytest.raises(ConflictError, match="another server") as caught:
        place.restore(tmp_path / "backup")
    assert "the server" in caught.value.whole.why


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def scratched(data: bytes) -> bytes:
    """One byte of a page's head is another."""
    return data[:8192] + bytes([data[8192] ^ 0xFF]) + data[8193:]


@pytest.mark.parametrize("damage", [cut, scratched, lambda _: b"", lambda _: b"my notes"])
def test_a_damaged_backup_is_refused(place: SqlitePlace, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    keep(place, *(f"j{each}" for each in range(20)))
    place.backup(tmp_path / "backup")
    (tmp_path / "damaged").write_bytes(damage((tmp_path / "backup").read_bytes()))
    other = SqlitePlace(tmp_path / "other.db")
    with pytest.raises(InputError):
        other.restore(tmp_path / "damaged")
    assert not other.path.exists()
    assert len(ids(place)) == 20


def test_a_row_that_belongs_to_nothing_is_seen_in_a_backup(place: SqlitePlace, tmp_path: Path) -> None:
    place.backup(tmp_path / "backup")
    execute(
        tmp_path / "backup",
        "PRAGMA foreign_keys = OFF",
        "INSERT INTO events (job, number, at, kind, said) VALUES ('nobody', 0, 1, 'a', 'b')",
    )
    with pytest.raises(InputError, match="damaged"):
        SqlitePlace(tmp_path / "other.db").restore(tmp_path / "backup")


def test_what_is_kept_is_on_the_disk_when_it_is_told(place: SqlitePlace) -> None:
    with place.writer("a test") as store:
        connection = store._connect()
        for pragma, value in (("synchronous", 2), ("journal_mode", "wal"), ("foreign_keys", 1)):
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
        connection.rollback()


def test_a_clock_that_jumps_an_hour_does_no_harm(place: SqlitePlace) -> None:
    hour = 3_600_000
    with place.writer("a test") as store:
        job = store.add(submitted("j1"))
        for at, state in [(hour, JobState.QUEUED), (0, JobState.RUNNING), (2 * hour, JobState.SUCCEEDED)]:
            (job,) = store.record(
                [moved(job, state, at=NOW + at)], [DeviceTurn(devices(1)[0], NOW + at, DeviceUse(state.value))]
            )
        line = store.device_times(0, NOW + 3 * hour)
    assert [each.at - NOW for each in job.history.moves] == [0, hour, hour, 2 * hour]
    assert [(each.start - NOW, (each.end or 0) - NOW) for each in line] == [(hour, 2 * hour), (2 * hour, 3 * hour)]
