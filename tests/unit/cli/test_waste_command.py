"""`allot waste` and `allot quotas` over a recording, and the calls that cannot be answered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from allotment.model.observed.base import ObjectMeta
from allotment.model.observed.namespaced import QuotaStatus, ResourceQuota
from allotment.observe.written import encode
from tests.unit.accounting.scenes import GPU, moment_of, node, pod
from tests.unit.cli.conftest import ROOT, Run

MINUTE = 60_000
START = 1_800_000_000_000


@pytest.fixture
def recorded(home: Path) -> Path:
    """Ten minutes of two GPUs in three snapshots, a gap of an hour, and a file that was cut off."""
    folder = home / "fleet"
    folder.mkdir()
    for at, minute in enumerate((0, 5, 10, 70)):
        quota = ResourceQuota(
            metadata=ObjectMeta(name="q", namespace="team"),
            status=QuotaStatus(hard={"pods": "100"}, used={"pods": str(10 + minute)}),
        )
        moment = moment_of(
            START + minute * MINUTE,
            nodes=[node("n", {GPU: "2"})],
            pods=[pod("p", "n", {GPU: "1"}, phase="Pending" if at == 0 else "Running")],
            quotas=(quota,),
        )
        (folder / f"{at}.json.gz").write_bytes(encode(moment))
    (folder / "9.json.gz").write_bytes(encode(moment_of(0))[:40])
    (folder / "notes.txt").write_text("not a snapshot")
    return folder


def test_the_hours_of_a_recording_by_cause(recorded: Path, run: Run) -> None:
    found = run("waste", "--recorded", str(recorded), "-o", "json").json()

    assert {each["name"]: each["gpuMs"] / MINUTE for each in found["causes"]} == {
        "unobserved": 120,
        "unallocated": 10,
        "starting": 5,
        "unmeasured": 5,
    }
    assert found["capacityGpuMs"] == 140 * MINUTE == sum(each["gpuMs"] for each in found["entries"])
    assert found["remarks"] == ["no snapshots, left out: 9.json.gz"]
    assert {each["team"] for each in found["entries"] if each["cause"] == "starting"} == {"nlp"}


@pytest.mark.parametrize(
    "words", [("waste",), ("quotas",), ("when", "--snapshot", "fleet/3.json.gz")], ids=lambda words: words[0]
)
def test_what_a_recording_cannot_give_is_named(recorded: Path, run: Run, words: tuple[str, ...]) -> None:
    (recorded / "link.json.gz").symlink_to("0.json.gz")
    ran = run(*words, "--recorded", str(recorded))
    said = ran.ok() + ran.err
    assert "no regular files, left out: link.json.gz" in said
    assert "no snapshots, left out: 9.json.gz" in said


def test_since_counts_back_from_the_end_and_says_what_is_missing(recorded: Path, run: Run) -> None:
    last_hour = run("waste", "--recorded", str(recorded), "--since", "62min", "-o", "json").json()
    week = run("waste", "--recorded", str(recorded), "--since", "7d").ok()

    assert (last_hour["capacityGpuMs"] / MINUTE, last_hour["missingMs"]) == (124, 0)
    assert "nothing was recorded of the first 166.8 hours" in week


def test_a_longer_gap_can_be_allowed_and_idle_rules_are_read(recorded: Path, run: Run) -> None:
    rules = ("--gap", "2h", "--idle", "notebook=10%/60min")
    found = run("waste", "--recorded", str(recorded), *rules, "-o", "json").json()

    assert "unobserved" not in {each["name"] for each in found["causes"]}


def test_quotas_over_a_recording_have_a_date(recorded: Path, run: Run) -> None:
    found = run("quotas", "--recorded", str(recorded), "--exit-code", "-o", "json")
    (item, team) = (each for each in json.loads(found.out)["items"] if each["resource"] == "pods")

    assert found.code == 2
    assert (item["percent"], item["alarm"], team["layer"]) == (80.0, "warning", "team")
    # One pod a minute: the twenty that are left last twenty minutes from the last snapshot.
    assert item["fullAt"] == "2027-01-15T09:30:00Z"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("waste", "--since", "7d"), 2, "allot snapshot record DIR"),
        (("waste", "--recorded", "nowhere"), 3, "there is no folder nowhere"),
        (("waste", "--recorded", "."), 1, "holds no recorded snapshots"),
        (("waste", "--recorded", ".", "--snapshot", "x.json"), 2, "two things to ask"),
        (("waste", "--gap", "5min"), 2, "--recorded"),
        (("waste", "--idle", "lunch=20%"), 2, "KIND=SHARE/TIME"),
        (("waste", "--idle", "job=2000%"), 2, "KIND=SHARE/TIME"),
        (("books", "--undo"), 2, "--fix lending --undo"),
        (("books", "--fix", "lending", "--snapshot", "x.json"), 2, "a file cannot be mended"),
        (("quotas", "--recorded", "a", "--snapshot", "x.json"), 2, "two things to ask"),
    ],
)
def test_what_cannot_be_answered_says_what_would_be(
    words: tuple[str, ...], code: int, said: str, home: Path, run: Run
) -> None:
    done = run(*words)

    assert (done.code, said in done.err) == (code, True), done.err


def test_where_the_time_of_a_simulation_goes_sums_to_its_devices(run: Run) -> None:
    file = str(ROOT / "examples" / "scenarios" / "node-failure.jsonl")
    told = run("waste", "--file", file, "-o", "json").json()
    parts = {group["name"]: group["gpuMs"] for group in told["groups"]}
    assert sum(parts.values()) == told["capacityGpuMs"]
    assert {"productive", "unallocated", "unhealthy"} <= parts.keys()
    assert "nlp" in run("waste", "--file", file, "--by", "team").ok()
    shorter = run("waste", "--file", file, "--until", "1h", "-o", "json").json()
    assert shorter["capacityGpuMs"] < told["capacityGpuMs"]
    for words in (("--file", file, "--recorded", "x"), ("--until", "1h"), ("--file", file, "-n", "x")):
        assert run("waste", *words).code == 2
