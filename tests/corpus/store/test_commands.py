"""`allot store` as a user types it."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from allotment.adapters.store.places import default_path
from allotment.adapters.store.sqlite import SqlitePlace
from allotment.cli.main import cli
from allotment.cli.shell.examples.form import ExampleNeeds
from allotment.cli.shell.examples.table import EXAMPLES
from allotment.model.jobs.run import JobState
from tests.unit.adapters.store.jobs import moved, submitted

pytestmark = pytest.mark.corpus

NOW = int(dt.datetime.now(dt.UTC).timestamp() * 1000)
DAY = 86_400_000
OF_STORE = [each for examples in EXAMPLES.values() for each in examples if each.needs is ExampleNeeds.STORE]


@pytest.fixture
def usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqlitePlace:
    """The user's store with a job that runs and two that are over, and a backup of it."""
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.delenv("ALLOTMENT_STORE", raising=False)
    monkeypatch.chdir(tmp_path)
    place = SqlitePlace(default_path())
    with place.writer("a test") as store:
        store.add(submitted("runs", NOW - 100 * DAY))
        for name, days in (("old", 95), ("young", 31)):
            at = NOW - days * DAY
            store.record([moved(store.add(submitted(name, at)), JobState.FAILED, at=at)])
    place.backup(tmp_path / "jobs-2027-01-31.db")
    return place


def allot(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words), prog_name="allot")


@pytest.mark.parametrize("example", OF_STORE, ids=lambda each: each.line)
def test_examples_work(usual: SqlitePlace, tmp_path: Path, example: object) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    argv = ["bash", "-c", example.line]
    done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def test_status_tells_what_is_kept_where_and_who_writes(usual: SqlitePlace, tmp_path: Path) -> None:
    with usual.writer("allot server on here"):
        (found,) = json.loads(allot("store", "status", "-o", "json").stdout)["items"]
    assert (found["place"], found["jobs"]) == (str(default_path()), {"failed": 2, "submitted": 1})
    assert "allot server on here" in found["writer"]
    empty = allot("store", "status", "--store", str(tmp_path / "nothing"))
    assert (empty.exit_code, "there is no store at" in empty.stderr) == (3, True)


def test_a_backup_comes_back_and_replaces_nothing(usual: SqlitePlace, tmp_path: Path) -> None:
    with usual.writer("allot server"):
        assert allot("store", "backup", "b.db").exit_code == 0
        assert allot("store", "backup", "b.db").exit_code == 6
        refused = allot("store", "restore", "b.db")
        assert (refused.exit_code, "another server writes" in refused.stderr) == (6, True)
    assert allot("store", "restore", "b.db").exit_code == 6
    usual.path.rename(tmp_path / "away")
    assert "2027" not in allot("store", "restore", "b.db").stderr
    assert json.loads(allot("store", "status", "-o", "json").stdout)["items"][0]["jobs"] == {
        "failed": 2,
        "submitted": 1,
    }


def test_what_ended_long_ago_is_forgotten_when_asked_and_not_before_thirty_days(usual: SqlitePlace) -> None:
    assert allot("store", "prune", "--days", "29", "--yes").exit_code == 2
    assert allot("store", "prune", "--no-input").exit_code == 2
    with usual.writer("allot server"):
        assert allot("store", "prune", "--yes").exit_code == 6
    assert "1 job forgotten" in allot("store", "prune", "--days", "90", "--yes").stderr
    assert "1 job forgotten" in allot("store", "prune", "--yes").stderr
    with usual.reader() as store:
        assert [each.id for each in store.unfinished()] == ["runs"]


def test_with_old_jobs_goes_what_they_left_but_for_checkpoints(usual: SqlitePlace, tmp_path: Path) -> None:
    server = tmp_path / "XDG_STATE_HOME" / "allotment" / "server"
    for each in ("launches/old-1-0", "work/old/1/code", "work/runs/1/code", "checkpoints/old", "checkpoints/runs"):
        (server / each).mkdir(parents=True)
    (server / "work/old/1/code/model.bin").write_bytes(b"x" * (1 << 20))
    with usual.writer("allot server"):
        told = allot("store", "prune", "--days", "90", "--dry-run")
    assert (told.exit_code, (server / "work/old").exists()) == (0, True)
    assert "1 job would be forgotten; 1 log would go" in told.stderr
    assert re.search(r"1 working copy would go \(1[0-9.KMi]+\); 1[0-9.KMi]+ would be freed", told.stderr)
    done = allot("store", "prune", "--days", "90", "--yes")
    assert "1 job forgotten; 1 log removed" in done.stderr
    left = sorted(f"{each.parent.name}/{each.name}" for each in server.glob("*/*"))
    assert left == ["checkpoints/old", "checkpoints/runs", "work/runs"]
    assert "0 jobs forgotten; 0 freed" in allot("store", "prune", "--yes", "--days", "90", "--checkpoints").stderr


def test_one_job_is_forgotten_by_its_id(usual: SqlitePlace) -> None:
    assert allot("store", "forget", "runs", "--yes").exit_code == 6
    assert allot("store", "forget", "nobody", "--yes").exit_code == 3
    assert "forgotten" in allot("store", "forget", "young", "--yes").stderr
    with usual.reader() as store:
        assert [each.id for each in store.kept()] == ["old", "runs"]


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("mysql://a@b/c", "begins with postgresql://"),
        ("postgresql://ada:s3cret@127.0.0.1/jobs", "holds a password"),
        ("postgresql://127.0.0.1/jobs?password=s3cret", "holds a password"),
        ("postgresql://[::1/jobs", "neither a path nor an address"),
        ("postgresql://127.0.0.1:9999999/jobs", "begins with postgresql://|does not answer"),
    ],
)
def test_an_address_that_cannot_be_is_told_without_its_password(usual: SqlitePlace, address: str, says: str) -> None:
    told = allot("store", "status", "--store", address)
    assert told.exit_code in {2, 9}
    assert any(each in told.stderr for each in says.split("|"))
    assert "s3cret" not in told.stderr
