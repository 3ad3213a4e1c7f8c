"""A snapshot every so often: at its time, whole, and nothing where the cluster was silent."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, cast

import pytest

from allotment.adapters import folders
from allotment.adapters.kube.fake import FakeKube
from allotment.errors import AllotmentError, ConflictError, InputError, NotSignedInError, UnreachableError
from allotment.model.observed.snapshot import Snapshot
from allotment.observe.written import encode, is_written
from allotment.operations.ask.keeping import check_target, keep, keep_in
from allotment.operations.ask.looking import FreshLooks, watched_looks
from allotment.operations.ask.opening import SnapshotRequest, open_snapshot
from allotment.operations.ask.recorded import recording
from allotment.operations.ask.recording import Cadence, record
from allotment.ports.files import FilesPort
from allotment.ports.kube import KubePort
from tests.unit.observe.objects import two_teams

BEGAN = dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC)
HALF_A_MINUTE = dt.timedelta(seconds=30)


class Turning:
    """A clock that moves when somebody waits."""

    def __init__(self) -> None:
        self.moment = BEGAN

    def now(self) -> dt.datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.moment += dt.timedelta(seconds=seconds)


def kube() -> AbstractContextManager[KubePort]:
    fake = FakeKube()
    fake.put(*two_teams())
    return nullcontext(fake)


def test_each_look_is_a_file_at_its_time(tmp_path: Path) -> None:
    clock = Turning()
    looks = list(
        record(FreshLooks({"": kube}, clock, ()).look, folders, clock, tmp_path, Cadence(HALF_A_MINUTE, count=3))
    )
    assert [look.path.name for look in looks if look.path] == [
        "2026-11-27T120000Z.json.gz", "2026-11-27T120030Z.json.gz", "2026-11-27T120100Z.json.gz",
    ]  # fmt: skip
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert [each.taken_at[11:19] for each in recording(folders, str(tmp_path)).snapshots()] == [
        "12:00:00",
        "12:00:30",
        "12:01:00",
    ]


def test_two_looks_of_one_second_are_two_files(tmp_path: Path) -> None:
    same = FreshLooks({"": kube}, Turning(), ()).look()
    looks = list(record(lambda: same, folders, Turning(), tmp_path, Cadence(HALF_A_MINUTE, count=2)))
    written = {look.path.name for look in looks if look.path}
    assert len(written) == 2
    assert {path.name for path in tmp_path.iterdir()} == written


def test_what_is_no_regular_file_is_left_out_and_named(tmp_path: Path) -> None:
    folder = tmp_path / "recorded"
    list(
        record(FreshLooks({"": kube}, Turning(), ()).look, folders, Turning(), folder, Cadence(HALF_A_MINUTE, count=1))
    )
    (written,) = folder.iterdir()
    written.rename(tmp_path / "elsewhere.json.gz")
    (folder / "a\x1b.json").symlink_to(tmp_path / "elsewhere.json.gz")
    os.mkfifo(folder / "b.json")
    with pytest.raises(InputError) as refused:
        recording(folders, str(folder))
    assert "no regular files, left out: a\\x1b.json, b.json" in refused.value.why

    (folder / "c.json").write_bytes((tmp_path / "elsewhere.json.gz").read_bytes())
    (folder / "d.json").write_text("half", encoding="utf-8")
    found = recording(folders, str(folder))
    (folder / "d.json").unlink()
    # A link that comes between listing and reading is not followed either.
    (folder / "d.json").symlink_to(tmp_path / "elsewhere.json.gz")
    assert len(list(found.snapshots())) == 1
    assert found.remarks() == ("no regular files, left out: a\\x1b.json, b.json", "no snapshots, left out: d.json")


def test_a_look_replaces_nothing_that_is_no_snapshot(tmp_path: Path) -> None:
    theirs = tmp_path / "2026-11-27T120000Z.json.gz"
    theirs.write_text("mine", encoding="utf-8")
    clock = Turning()
    with pytest.raises(ConflictError, match="no snapshot"):
        list(record(FreshLooks({"": kube}, clock, ()).look, folders, clock, tmp_path, Cadence(HALF_A_MINUTE, count=1)))
    assert theirs.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("put", ["a link", "a folder", "nothing"])
def test_a_folder_that_is_swapped_meanwhile_is_left(tmp_path: Path, put: str) -> None:
    clock, folder, elsewhere = Turning(), tmp_path / "recorded", tmp_path / "elsewhere"
    elsewhere.mkdir()
    looks = record(FreshLooks({"": kube}, clock, ()).look, folders, clock, folder, Cadence(HALF_A_MINUTE, count=3))
    next(looks)
    found = recording(folders, str(folder))
    folder.rename(tmp_path / "moved")
    if put == "a link":
        folder.symlink_to(elsewhere)
    elif put == "a folder":
        folder.mkdir()
    with pytest.raises(AllotmentError, match="no longer the folder that was written to"):
        next(looks)
    assert [*elsewhere.iterdir()] == []
    assert len([*(tmp_path / "moved").iterdir()]) == 1
    # What is read is what was opened, too.
    assert [each.taken_at for each in found.snapshots()] == ["2026-11-27T12:00:00Z"]


@pytest.mark.parametrize("swapped", [False, True], ids=["before", "between look and writing"])
def test_a_link_in_the_folder_is_not_written_through(tmp_path: Path, *, swapped: bool) -> None:
    folder, theirs = folders.open_folder(tmp_path / "recorded", make=True), tmp_path / "theirs"
    theirs.write_bytes(encode(Snapshot()))
    before, link = theirs.read_bytes(), folder.path / "a.json.gz"
    if not swapped:
        link.symlink_to(theirs)
        with pytest.raises(InputError, match="no regular file"):
            keep_in(folder, link.name, Snapshot())
        link.unlink()
    assert folder.at_stake(link.name, 10) is None
    link.symlink_to(theirs)
    with pytest.raises(InputError, match="no regular file"):
        folder.write_bytes(link.name, b"new")
    assert theirs.read_bytes() == before
    assert [each.name for each in folder.path.iterdir()] == [link.name]


class Swapping:
    """The file system, on which something else stands once it has been looked at what is there."""

    def __init__(self, swap: Callable[[Path], None]) -> None:
        self._swap = swap

    def __getattr__(self, name: str) -> Any:
        return getattr(folders, name)

    def at_stake(self, path: Path, most: int) -> bytes | None:
        found = folders.at_stake(path, most)
        path.unlink(missing_ok=True)
        self._swap(path)
        return found


@pytest.mark.parametrize("linked", [False, True], ids=["itself", "behind a link"])
def test_a_pipe_that_is_swapped_in_gets_nothing(tmp_path: Path, *, linked: bool) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    swap = Swapping(lambda path: path.symlink_to(pipe) if linked else path.hardlink_to(pipe))
    try:
        with pytest.raises(InputError, match="no regular file"):
            keep(cast("FilesPort", swap), tmp_path / "fleet.json.gz", Snapshot())
        assert os.read(reader, 1) == b""
    finally:
        os.close(reader)
    assert {each.name for each in tmp_path.iterdir()} == {"pipe", "fleet.json.gz"}


def test_a_link_that_is_swapped_in_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("mine", encoding="utf-8")
    place = tmp_path / "fleet.json.gz"
    keep(cast("FilesPort", Swapping(lambda path: path.symlink_to(tmp_path / "theirs"))), place, Snapshot())
    assert (tmp_path / "theirs").read_text(encoding="utf-8") == "mine"
    assert is_written(place.read_bytes())
    assert not place.is_symlink()


def test_what_came_while_the_cluster_was_read_is_kept(tmp_path: Path) -> None:
    place = tmp_path / "fleet.json.gz"
    check_target(folders, place)
    place.write_text("mine", encoding="utf-8")
    with pytest.raises(ConflictError, match="no snapshot"):
        keep(folders, place, Snapshot())
    keep(folders, place, Snapshot(), force=True)
    assert is_written(place.read_bytes())


def test_it_ends_after_its_time(tmp_path: Path) -> None:
    clock = Turning()
    cadence = Cadence(HALF_A_MINUTE, span=dt.timedelta(minutes=1))
    looks = record(FreshLooks({"": kube}, clock, ()).look, folders, clock, tmp_path, cadence)
    assert len(list(looks)) == 3


def test_a_followed_cluster_is_connected_to_once_and_anew_once_credentials_have_expired(tmp_path: Path) -> None:
    clock, fakes = Turning(), []

    def connect() -> AbstractContextManager[KubePort]:
        fakes.append(FakeKube())
        fakes[-1].put(*two_teams())
        return nullcontext(fakes[-1])

    def expired(_call: object) -> None:
        raise NotSignedInError("expired")

    with watched_looks(connect, clock, ()) as looking:
        for look in record(looking.look, folders, clock, tmp_path, Cadence(HALF_A_MINUTE, count=4)):
            if look.number == 2:
                assert len(fakes) == 1
                fakes[0].hook = expired
                fakes[0].log.end_streams()
                looking.wait(20)
    assert len(fakes) == 2
    assert len([each for each in recording(folders, str(tmp_path)).snapshots() if each.sources[0].objects.pods]) == 4


def test_a_silent_moment_has_no_file_and_nothing_is_made_up_for(tmp_path: Path) -> None:
    clock = Turning()
    silences = iter([False, True, False, False])

    def connect() -> AbstractContextManager[KubePort]:
        if next(silences):
            clock.sleep(100)
            raise UnreachableError("no answer")
        return kube()

    looks = list(
        record(FreshLooks({"": connect}, clock, ()).look, folders, clock, tmp_path, Cadence(HALF_A_MINUTE, count=4))
    )
    assert [look.error is not None for look in looks] == [False, True, False, False]
    assert [look.path.name[11:17] for look in looks if look.path] == ["120000", "120210", "120240"]


def test_a_snapshot_is_opened_from_a_file_or_a_cluster(tmp_path: Path) -> None:
    clock = Turning()
    live = open_snapshot(SnapshotRequest(), folders, {"": kube}, clock)
    list(record(FreshLooks({"": kube}, clock, ()).look, folders, clock, tmp_path, Cadence(HALF_A_MINUTE, count=1)))
    (file,) = tmp_path.iterdir()

    def nobody() -> AbstractContextManager[KubePort]:
        raise AssertionError("a file was named")

    assert open_snapshot(SnapshotRequest(str(file)), folders, {"": nobody}, clock) == live
