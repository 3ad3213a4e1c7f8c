"""`allot when`: what it says must be what then happens, and what it rests on must be said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from allotment.cli.commands.foresee import when_view
from allotment.operations.foresee import estimating
from tests.unit.cli.conftest import ROOT, Run
from tests.unit.cli.test_compare_commands import SMALL
from tests.unit.simulation.test_figures import job

BORROWING = str(ROOT / "examples" / "scenarios" / "borrowing.jsonl")


def line_of_jobs(count: int, factor: int = 1) -> dict[str, Any]:
    """One queue of two GPUs; a job of one GPU every 20 s that runs for about a minute: everybody waits longer."""
    jobs = [job(f"j{i:02}", "a", 20_000 * i, factor * (50_000 + 7_000 * (i % 4)), 1) for i in range(count)]
    return {**SMALL, "clusterQueues": SMALL["clusterQueues"][:1], "workloads": jobs}


def saved(home: Path, name: str, scenario: dict[str, Any]) -> str:
    (home / name).write_text(json.dumps(scenario), encoding="utf-8")
    return name


def true_waits(run: Run, file: str, now: float) -> dict[str, float]:
    """From `now` to the first start, by the simulation of everything."""
    jobs = run("simulate", file, "-o", "json").json()["jobs"]
    return {each["job"]: each["startedSeconds"] - now for each in jobs if each["startedSeconds"] is not None}


@pytest.mark.parametrize("at", ["4h", "6h"])
def test_with_known_run_times_and_nobody_else_it_says_what_happens(run: Run, home: Path, at: str) -> None:
    # What comes later in the file is cut off, so that the simulation knows no more than the estimate.
    now = 3_600_000 * int(at[0])
    scenario = json.loads(Path(BORROWING).read_text(encoding="utf-8"))
    scenario["workloads"] = [each for each in scenario["workloads"] if each["createdAt"] <= now]
    file = saved(home, "cut.jsonl", scenario)
    call = ("--runtime-spread", "0", "--submissions", "none", "--runs", "10", "-o", "json")
    doc = run("when", "--file", BORROWING, "--at", at, *call).json()
    truth = true_waits(run, file, now / 1000)
    assert (doc["kind"], doc["past"], doc["atSeconds"], doc["pending"]) == (
        "StartEstimates",
        "simulated",
        now / 1000,
        len(doc["jobs"]),
    )
    assert len(doc["jobs"]) > 4
    for each in doc["jobs"]:
        # The wake-up timer that runs at that moment is not part of a situation.
        assert each["earliestSeconds"] == each["latestSeconds"] == pytest.approx(truth[each["job"]], abs=2)


def test_the_interval_widens_with_confidence_and_holds_the_median(run: Run, home: Path) -> None:
    file = saved(home, "line.jsonl", line_of_jobs(12))
    call = ("when", "--file", file, "j11", "--runs", "40", "--submissions", "none", "-o", "json")
    (narrow,), (wide,) = (run(*call, "--confidence", c).json()["jobs"] for c in ("60", "95"))
    assert wide["earliestSeconds"] <= narrow["earliestSeconds"] < narrow["medianSeconds"] == wide["medianSeconds"]
    assert narrow["medianSeconds"] < narrow["latestSeconds"] <= wide["latestSeconds"]
    assert run(*call).out == run(*call).out
    assert run(*call, "--seed", "1").out != run(*call).out


def test_what_can_never_start_is_said_without_simulating(run: Run, home: Path) -> None:
    file = saved(home, "small.jsonl", SMALL)
    doc = run("when", "--file", file, "large", "-o", "json").json()
    (large,) = doc["jobs"]
    assert (large["possible"], large["latestSeconds"], large["cause"]) == (False, None, "EXCEEDS_MAX_QUOTA")
    text = run("when", "--file", file, "--submissions", "none").ok()
    row = next(line for line in text.splitlines() if line.startswith("large"))
    assert row.split()[-4:] == ["never", "never", "never", "exceeds-max-quota"]
    assert "run times: the file's, times a log-normal factor of sigma 0.5 (assumed)" in text
    csv = run("when", "--file", file, "large", "-o", "csv").ok().splitlines()
    assert csv[0].startswith("job,queue,waited_seconds,earliest_seconds,median_seconds,latest_seconds")
    assert ",inf,inf,inf," in csv[1]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        pytest.param((), "100 simulations are made (--runs)\n", id="by default"),
        pytest.param(("--runs", "21", "-o", "csv"), "21 simulations are made (--runs)\n", id="more than a few"),
        pytest.param(("--runs", "20"), "", id="a few"),
        pytest.param(
            ("--runs", "10", "--learn-from", "20"),
            "280 simulations are made (--runs): 10 for the question, and 10 for each of 27 jobs that waited\n",
            id="with what is learnt from, and what still waits",
        ),
        pytest.param(("-o", "json"), "", id="a program reads it"),
    ],
)
def test_the_cost_is_said_beforehand(run: Run, home: Path, more: tuple[str, ...], said: str) -> None:
    file = saved(home, "line.jsonl", line_of_jobs(30))
    ran = run("when", "--file", file, "j29", "--submissions", "none", *more)
    ran.ok()
    assert ran.err == said


def test_no_cost_is_said_where_nothing_is_simulated(run: Run, home: Path) -> None:
    assert run("when", "--file", saved(home, "small.jsonl", SMALL), "large").err == ""


def test_where_waiting_helps_nobody_no_simulation_is_claimed(run: Run, home: Path) -> None:
    file = saved(home, "small.jsonl", SMALL)
    call = ("when", "--file", file, "large", "--learn-from", "20")
    told = run(*call).ok()
    assert "no future was simulated: waiting alone can help none of these jobs; the past is simulated" in told
    assert "from 100 simulations" not in told
    assert "interval" not in told
    assert run(*call, "-o", "json").json()["runs"] == 0
    assert "from 100 simulations" in run("when", "--file", file, "--submissions", "none").ok()  # `second` has hope


def test_the_twin_of_a_hopeless_job_is_hopeless_at_once(run: Run, home: Path) -> None:
    twins = [job("first", "a", 0, 60_000, 9), job("second", "a", 1_000, 60_000, 9)]
    file = saved(home, "twins.jsonl", {**line_of_jobs(0), "workloads": twins})
    found = run("when", "--file", file, "-o", "json").json()["jobs"]
    assert [(each["job"], each["possible"], each["cause"]) for each in found] == [
        ("first", False, "EXCEEDS_MAX_QUOTA"),
        ("second", False, "EXCEEDS_MAX_QUOTA"),
    ]


@pytest.mark.parametrize("most", [500, pytest.param(estimating.MOST_REPLAYED, marks=pytest.mark.nightly)])
def test_a_dense_past_is_not_replayed_for_ever(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Two jobs a second for a week would be a million submissions in each simulation."""
    for module in (estimating, when_view):
        monkeypatch.setattr(module, "MOST_REPLAYED", most)
    jobs = [job(f"j{number}", "a", 500 * number, 3_600_000, 1) for number in range(5)]
    file = saved(home, "dense.jsonl", {**line_of_jobs(0), "workloads": jobs})
    call = ("when", "--file", file, "j4", "--runs", "10")
    document = run(*call, "-o", "json").json()
    assert document["horizonSeconds"] == most * 2 // 5  # 5 submissions in 2 s
    text = run(*call).ok()
    assert f"7 d were asked for: the {most:,} submissions that are replayed at most last no longer" in text
    assert run(*call, "--submissions", "none", "-o", "json").json()["horizonSeconds"] == 7 * 86_400


def test_a_cap_that_ends_the_past_is_no_preemption(run: Run, home: Path) -> None:
    scenario = json.loads(Path(BORROWING).read_text(encoding="utf-8"))
    scenario["env"]["maxCyclesTotal"] = 3
    ran = run("when", "--file", saved(home, "capped.jsonl", scenario))
    assert ran.code == 1
    assert "the simulation of the past stopped at scheduling cycle 3, as env.maxCyclesTotal says" in ran.err
    assert "preempt" not in ran.err


def with_record(run: Run, home: Path, name: str, estimates: dict[str, Any], truth: dict[str, Any]) -> str:
    """A file with estimates of run times, and the decisions of a run with the true ones."""
    run("conformance", "kueue", saved(home, "truth.jsonl", truth), "--write", "ours.jsonl").ok()
    decisions = json.loads((home / "ours.jsonl").read_text(encoding="utf-8"))["decisions"]
    return saved(home, name, {**estimates, "decisions": decisions})


def test_a_recorded_past_tells_how_far_off_estimates_are(run: Run, home: Path) -> None:
    file = with_record(run, home, "recorded.jsonl", line_of_jobs(40), line_of_jobs(40, factor=2))
    call = ("when", "--file", file, "--at", "700s", "--runs", "10", "--submissions", "none", "-o", "json")
    doc = run(*call).json()
    assert (doc["past"], doc["runtimeSpreadMeasured"]) == ("recorded", True)
    assert doc["runtimeSpread"] == pytest.approx(0.693, abs=0.01)  # all took twice as long: the logarithm of 2
    given = run(*call, "--runtime-spread", "0.1").json()
    assert (given["runtimeSpread"], given["runtimeSpreadMeasured"]) == (0.1, False)


def test_past_starts_correct_the_interval(run: Run, home: Path) -> None:
    # Everybody asks for twice the time they need: jobs start earlier than the simulation thinks.
    file = with_record(run, home, "recorded.jsonl", line_of_jobs(40, factor=2), line_of_jobs(40))
    call = ("when", "--file", file, "--at", "750s", "--runs", "10", "--submissions", "none", "--runtime-spread", "0.1")
    doc = run(*call, "--learn-from", "20", "-o", "json").json()
    assert doc["correctedByStarts"] == 20
    real = true_waits(run, "truth.jsonl", 750)
    jobs = doc["jobs"]
    as_simulated = [each["job"] for each in jobs if each["simulatedSeconds"][0] <= real[each["job"]]]
    covered = [each["job"] for each in jobs if each["earliestSeconds"] <= real[each["job"]] <= each["latestSeconds"]]
    assert len(as_simulated) < len(jobs) / 4
    assert len(covered) > 3 * len(jobs) / 4


def test_run_times_from_history_alone(run: Run, home: Path) -> None:
    file = saved(home, "line.jsonl", line_of_jobs(30))
    call = ("when", "--file", file, "j29", "--runtimes", "history", "--runs", "10", "--submissions", "none")
    doc = run(*call, "-o", "json").json()
    (last,) = doc["jobs"]
    assert doc["runtimeSpread"] is None
    assert doc["endedJobs"] > 5
    truth = true_waits(run, file, doc["atSeconds"])
    assert last["earliestSeconds"] <= truth["j29"] <= 2 * last["latestSeconds"]
    few = run(
        "when", "--file", file, "--at", "100s", "--runs", "10", "--submissions", "none", "--learn-from", "20"
    ).ok()
    assert "fewer than 20 past jobs had to wait" in few


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("small.jsonl", "nobody"), 3, "there is no job 'nobody'"),
        (("small.jsonl", "first"), 1, "it runs, or has ended"),
        (("small.jsonl", "second", "--at", "0s"), 1, "it is submitted later"),
        (("small.jsonl", "--at", "noon"), 2, "'noon' is no time"),
        (("small.jsonl", "--horizon", "long"), 2, "'long' is no time"),
        (("small.jsonl", "--runtimes", "history", "--runtime-spread", "1"), 2, "does not go with"),
        (("small.jsonl", "--confidence", "100"), 2, "--confidence"),
        (("empty.jsonl",), 1, "has no jobs"),
        (("bad.jsonl",), 1, "bad.jsonl:1: decisions[0].workload is missing"),
        (("misspelt.jsonl",), 1, "misspelt.jsonl:1: decisions[0].event is 'admitted', not one of admit, evict, finish"),
        (("misspelt.jsonl",), 1, "did you mean 'admit'?"),
        (("unknown.jsonl",), 1, "unknown.jsonl:1: decisions[0].workload is 'secnd', not one of the workloads"),
        (("unknown.jsonl",), 1, "did you mean 'second'?"),
        (("--file", "nowhere.jsonl"), 3, "there is no file"),
    ],
)
def test_calls_that_cannot_be(run: Run, home: Path, words: tuple[str, ...], code: int, says: str) -> None:
    saved(home, "small.jsonl", SMALL)
    saved(home, "empty.jsonl", {**SMALL, "workloads": []})
    saved(home, "bad.jsonl", {**SMALL, "decisions": [{"t": 0, "event": "admit", "clusterQueue": "a"}]})
    for name, change in (("misspelt.jsonl", {"event": "admitted"}), ("unknown.jsonl", {"workload": "secnd"})):
        decision = {"t": 0, "event": "finish", "workload": "first", "clusterQueue": "a", **change}
        saved(home, name, {**SMALL, "decisions": [decision]})
    ran = run("when", *words)
    assert ran.code == code, ran.err
    assert ran.out == ""
    assert says in ran.err
    assert "a mistake in Allotment" not in ran.err


def test_a_cluster_in_which_all_that_wait_are_elsewhere(run: Run, home: Path) -> None:
    """Ten workloads waiting and no table: where they are is said."""
    meta = {"name": "w", "namespace": "nlp", "uid": "w", "creationTimestamp": "2027-01-11T09:00:00Z"}
    requests = {"resources": {"requests": {"cpu": "1"}}}
    pods = {"name": "main", "count": 1, "template": {"spec": {"containers": [{"name": "c", **requests}]}}}
    kueue = {"apiVersion": "kueue.x-k8s.io/v1beta2"}
    flavors = [{"name": "f", "resources": [{"name": "cpu", "nominalQuota": "0"}]}]
    objects = [
        *({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": each}} for each in ("nlp", "cv")),
        kueue | {"kind": "ResourceFlavor", "metadata": {"name": "f"}},
        kueue | {"kind": "ClusterQueue", "metadata": {"name": "cq"},
                 "spec": {"namespaceSelector": {},
                          "resourceGroups": [{"coveredResources": ["cpu"], "flavors": flavors}]}},
        kueue | {"kind": "LocalQueue", "metadata": {"name": "q", "namespace": "nlp"}, "spec": {"clusterQueue": "cq"}},
        kueue | {"kind": "Workload", "metadata": meta, "spec": {"queueName": "q", "podSets": [pods]}},
    ]  # fmt: skip
    case = {"now": "2027-01-11T09:30:00Z", "objects": objects, "subject": {}}
    (home / "case.json").write_text(json.dumps(case), encoding="utf-8")
    told = run("when", "--snapshot", "case.json", "-n", "cv").ok()
    assert "1 workload waiting, 0 with quota\nnone of them waits in cv" in told
    assert "none of them" not in run("when", "--snapshot", "case.json").ok()
