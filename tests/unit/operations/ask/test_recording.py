"""A snapshot every so often: at its time, whole, and nothing where the cluster was silent."""

from __future__ import annotations

import datetime as dt
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from allotment.adapters import folders
from allotment.adapters.kube.fake import FakeKube
from allotment.errors import UnreachableError
from allotment.operations.ask.opening import SnapshotRequest, open_snapshot
from allotment.operations.ask.recorded import recording
from allotment.operations.ask.recording import Cadence, record
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
    looks = list(record(kube, folders, clock, tmp_path, Cadence(HALF_A_MINUTE, count=3)))
    assert [look.path.name for look in looks if look.path] == [
        "2026-11-27T120000Z.json.gz", "2026-11-27T120030Z.json.gz", "2026-11-27T120100Z.json.gz",
    ]  # fmt: skip
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert [each.taken_at[11:19] for each in recording(folders, str(tmp_path)).snapshots()] == [
        "12:00:00",
        "12:00:30",
        "12:01:00",
    ]


def test_it_ends_after_its_time(tmp_path: Path) -> None:
    looks = record(kube, folders, Turning(), tmp_path, Cadence(HALF_A_MINUTE, span=dt.timedelta(minutes=1)))
    assert len(list(looks)) == 3


def test_a_silent_moment_has_no_file_and_nothing_is_made_up_for(tmp_path: Path) -> None:
    clock = Turning()
    silences = iter([False, True, False, False])

    def connect() -> AbstractContextManager[KubePort]:
        if next(silences):
            clock.sleep(100)
            raise UnreachableError("no answer")
        return kube()

    looks = list(record(connect, folders, clock, tmp_path, Cadence(HALF_A_MINUTE, count=4)))
    assert [look.error is not None for look in looks] == [False, True, False, False]
    assert [look.path.name[11:17] for look in looks if look.path] == ["120000", "120210", "120240"]


def test_a_snapshot_is_opened_from_a_file_or_a_cluster(tmp_path: Path) -> None:
    clock = Turning()
    live = open_snapshot(SnapshotRequest(), folders, kube, clock)
    list(record(kube, folders, clock, tmp_path, Cadence(HALF_A_MINUTE, count=1)))
    (file,) = tmp_path.iterdir()

    def nobody() -> AbstractContextManager[KubePort]:
        raise AssertionError("a file was named")

    assert open_snapshot(SnapshotRequest(str(file)), folders, nobody, clock) == live
