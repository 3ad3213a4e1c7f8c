"""What befalls machines: full disks, a foreign file as the store, clocks that jump. Told, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from allotment.adapters.clock import SystemClock
from allotment.errors import AllotmentError
from allotment.model.jobs.run import JobState
from allotment.operations.run.starting import bring_down
from allotment.ports.job_service import JobSubmission
from allotment.ports.store import JobFilter
from tests.live.server.conftest import Server
from tests.live.server.test_running import ended, shell

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


def test_a_foreign_file_in_the_stores_place_is_told_and_left(server: Server) -> None:
    store = Path(server.environment["XDG_STATE_HOME"]) / "allotment" / "store" / "store.db"
    store.parent.mkdir(parents=True, mode=0o700)
    store.write_bytes(b"mine" * 1000)
    with pytest.raises(AllotmentError) as caught:
        server.up()
    assert "store" in caught.value.why
    assert store.read_bytes() == b"mine" * 1000
    store.unlink()


LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


@pytest.mark.skipif(not Path(LIBRARY).exists(), reason="libfaketime is not installed (apt-get install libfaketime)")
@pytest.mark.parametrize("jump", ["-1h", "+1h"])
def test_a_clock_that_jumps_by_an_hour_ends_no_job_and_turns_no_history_round(server: Server, jump: str) -> None:
    server.up()
    one = server.service.submit(JobSubmission(shell("sleep 6; echo done", run_time=600), "local")).job
    time.sleep(2)
    server.kill(server.up())
    # From now on the server's clock is another.
    fake = {"LD_PRELOAD": LIBRARY, "FAKETIME": jump, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    other = Server(server.home, further=fake)
    other.up()
    done = ended(other, one.id)
    assert done.state is JobState.SUCCEEDED, done.history
    times = [each.at for each in done.history.moves]
    assert times == sorted(times)
    other.end()
