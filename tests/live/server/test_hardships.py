"""What befalls machines: full disks, a foreign file as the store, clocks that jump. Told, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from allotment.adapters.clock import SystemClock
from allotment.adapters.local.packing import FolderPacker
from allotment.adapters.store.sqlite import SqlitePlace, driver
from allotment.errors import AllotmentError
from allotment.model.jobs.job import CheckpointPolicy, CodeFolder
from allotment.model.jobs.run import JobState
from allotment.model.quantity import Bytes
from allotment.operations.run.starting import bring_down
from allotment.ports.job_service import JobSubmission
from allotment.ports.store import JobFilter
from allotment.ports.stored_jobs import StoredJob
from tests.live.server.conftest import Server, clock_by
from tests.live.server.test_running import cmdline, ended, shell, until

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.getuid() != 0, reason="mounts a file system, and fills it")]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Take all that is free; the file that does."""
    file = disk / "ballast"
    with file.open("wb", buffering=0) as ballast:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    ballast.write(b"x" * size)
            except OSError:
                continue
    return file


def test_on_a_full_disk_nothing_is_taken_and_nothing_is_lost(small_disk: Path, tmp_path: Path) -> None:
    server = Server(tmp_path, state=small_disk)
    server.up()
    try:
        running = server.service.submit(JobSubmission(shell("sleep 2; echo done"), "local")).job
        time.sleep(1)
        ballast = fill(small_disk)
        refused = 0
        for _ in range(20):
            try:
                server.service.submit(JobSubmission(shell("true"), "local"))
            except AllotmentError:
                refused += 1
        assert refused
        time.sleep(2)
        ballast.unlink()
        assert ended(server, running.id).state is JobState.SUCCEEDED
        for row in server.service.page(JobFilter(), limit=100).rows:
            assert ended(server, row.id).state in {JobState.SUCCEEDED, JobState.FAILED}
        after = server.service.submit(JobSubmission(shell("true"), "local")).job
        assert ended(server, after.id).state is JobState.SUCCEEDED
        assert server.service.status().backends[0].unreachable == ""
    finally:
        bring_down(server.process, SystemClock(), stop_jobs=True)
        server.reap()


@pytest.mark.nightly
def test_a_foreign_file_in_the_stores_place_is_told_and_left(server: Server) -> None:
    store = Path(server.environment["XDG_STATE_HOME"]) / "allotment" / "store" / "store.db"
    store.parent.mkdir(parents=True, mode=0o700)
    store.write_bytes(b"mine" * 1000)
    with pytest.raises(AllotmentError) as caught:
        server.up()
    assert "store" in caught.value.why
    assert store.read_bytes() == b"mine" * 1000
    store.unlink()


def store_of(server: Server) -> Path:
    return Path(server.environment["XDG_STATE_HOME"]) / "allotment" / "store" / "store.db"


@pytest.mark.nightly
def test_a_read_only_database_is_told_and_nothing_is_lost(server: Server) -> None:
    pid = server.up()
    one = server.service.submit(JobSubmission(shell("sleep 3; echo done"), "local")).job
    time.sleep(1)
    server.kill(pid)
    folder = store_of(server).parent
    subprocess.run(["mount", "--bind", str(folder), str(folder)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        with pytest.raises(AllotmentError) as caught:
            server.up()
        assert "Read-only file system" in caught.value.why
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
    server.up()
    assert ended(server, one.id).state is JobState.SUCCEEDED


@pytest.mark.nightly
def test_a_row_that_cannot_be_read_hinders_nobody_and_can_be_got_rid_of(server: Server) -> None:
    pid = server.up("--slots", "4")
    mark = f"4242.{os.getpid()}"
    bad = server.service.submit(JobSubmission(shell(f"exec sleep {mark}", devices=2), "local")).job
    fine = server.service.submit(JobSubmission(shell("sleep 4; echo done", team="cv", devices=2), "local")).job
    until(lambda: server.service.status().jobs == {JobState.RUNNING: 2})
    server.kill(pid)
    with closing(driver().connect(str(store_of(server)))) as connection:
        connection.execute("UPDATE jobs SET asked = '{' WHERE id = ?", (bad.id,))
        connection.commit()
    server.up()
    (told,) = server.service.status().told
    assert bad.id in told
    assert "cannot be read" in (Path(server.environment["XDG_STATE_HOME"]) / "allotment/server/server.log").read_text()
    assert f"allot store forget {bad.id}" in " ".join(server.run("ps").split())
    # What runs of it keeps its devices as long as there are others.
    assert ended(server, fine.id).state is JobState.SUCCEEDED
    more = server.service.submit(JobSubmission(shell("true", devices=1), "local")).job
    assert ended(server, more.id).state is JobState.SUCCEEDED
    held = set(fine_devices(server, fine.id))
    assert set(fine_devices(server, more.id)) <= held
    server.run("down", "--stop-jobs")  # nor does it hold up that
    server.reap()
    server.run("store", "forget", bad.id, "--yes")
    server.up()
    assert server.service.status().told == ()
    assert not any(mark.encode() in cmdline(each) for each in Path("/proc").iterdir() if each.name.isdigit())


def fine_devices(server: Server, job_id: str) -> tuple[str, ...]:
    return tuple(each for place in server.service.find(job_id).attempts[0].places for each in place.devices)


@pytest.mark.nightly
def test_while_much_code_is_unpacked_others_start_and_end(server: Server) -> None:
    server.up()
    code = server.home / "code"
    code.mkdir()
    for number in range(10_000):
        (code / f"{number}.txt").write_bytes(b"")
    with FolderPacker().pack(server.home, CodeFolder("code", "", Bytes(1 << 20))) as packed:
        reference = server.service.put_code(packed)
    many = server.service.submit(JobSubmission(shell("ls | wc -l"), "local", code=reference)).job
    quick = server.service.submit(JobSubmission(shell("true", team="cv", devices=0), "local")).job
    assert ended(server, quick.id).state is JobState.SUCCEEDED
    assert server.service.find(many.id).state is JobState.STARTING, "nobody waited for its code"
    assert ended(server, many.id, 120).state is JobState.SUCCEEDED
    assert [line.text for line in server.service.log(many.id) if line] == [b"10000"]


@pytest.mark.nightly  # by day the clock is set while a server runs
@pytest.mark.parametrize("jump", [pytest.param("-1h", marks=pytest.mark.nightly), "+1h"])
def test_a_clock_that_jumps_by_an_hour_ends_no_job_and_turns_no_history_round(
    server: Server, faketime: Path, jump: str
) -> None:
    server.up()
    one = server.service.submit(JobSubmission(shell("sleep 6; echo done", run_time=600), "local")).job
    time.sleep(2)
    server.kill(server.up())
    # From now on the server's clock is another.
    fake = {"LD_PRELOAD": str(faketime), "FAKETIME": jump, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    other = Server(server.home, further=fake)
    other.up()
    done = ended(other, one.id)
    assert done.state is JobState.SUCCEEDED, done.history
    reckons_as_it_was(done, 6)
    other.end()


def reckons_as_it_was(job: StoredJob, seconds: float) -> None:
    """Neither its history nor what is accounted for it has an hour more or less."""
    times = [each.at for each in job.history.moves]
    assert times == sorted(times)
    assert job.use is not None
    # It is seen to run a little after it does.
    assert (seconds - 1) * 950 <= job.use.run_ms <= (seconds + 8) * 1000
    assert job.use.run_ms <= job.use.held_ms <= (seconds + 10) * 1000


@pytest.mark.parametrize("jump", ["-1h", pytest.param("+1h", marks=pytest.mark.nightly)])
@pytest.mark.nightly
def test_a_clock_that_is_set_while_the_server_runs_changes_no_duration(
    server: Server, faketime: Path, tmp_path: Path, jump: str
) -> None:
    told = tmp_path / "faketime"
    told.write_text("+0")
    other = Server(server.home, further=clock_by(faketime, told))
    other.up()
    try:
        long = other.service.submit(JobSubmission(shell("sleep 8; echo done", run_time=600), "local")).job
        short = other.service.submit(JobSubmission(shell("sleep 600", run_time=5), "local")).job
        stubborn = "trap '' TERM; while :; do sleep 0.1; done"
        slow = other.service.submit(
            JobSubmission(shell(stubborn, checkpoint=CheckpointPolicy("/tmp", 1, 6)), "local")
        ).job
        time.sleep(2)
        began = time.monotonic()
        other.service.stop(slow.id)
        told.write_text(jump)
        time.sleep(2)
        assert other.service.find(slow.id).state is JobState.STOPPING, "its grace is not over"
        assert ended(other, slow.id).state is JobState.STOPPED
        assert 5 < time.monotonic() - began < 60
        limited, done = ended(other, short.id), ended(other, long.id)
        assert (limited.state, done.state) == (JobState.FAILED, JobState.SUCCEEDED), limited.history
        reckons_as_it_was(limited, 5)
        reckons_as_it_was(done, 8)
        # The ledger of the time as the server counts it has no hour that nobody lived through.
        since = int(time.time() * 1000) - 60_000
        with SqlitePlace(Path(other.environment["XDG_STATE_HOME"]) / "allotment/store/store.db").reader() as store:
            lines = store.device_times(0, since + 3 * 3_600_000)
        mine = sum((each.end or 0) - each.start for each in lines if each.use.job == long.id)
        assert 7600 <= mine <= 18_000
    finally:
        other.end()
