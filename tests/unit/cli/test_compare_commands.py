"""`allot compare` and `allot whatif`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from allotment.cli.commands.foresee.whatif import CHANGES
from allotment.scenarios.changes import KINDS
from tests.unit.cli.conftest import ROOT, Run
from tests.unit.cli.test_simulate_command import check_page
from tests.unit.simulation.test_figures import GPU, job

BORROWING = str(ROOT / "examples" / "scenarios" / "borrowing.jsonl")
FAIR = str(ROOT / "examples" / "scenarios" / "fair-sharing.jsonl")

SMALL: dict[str, Any] = {
    "id": "small",
    "env": {
        "wakeupDelay": 1000,
        "evictionLatency": 0,
        "idleCycles": 3,
        "maxCyclesPerInstant": 1000,
        "maxCyclesTotal": 10_000,
    },
    "flavors": [{"name": "a100"}],
    "clusterQueues": [
        {
            "name": name,
            "resourceGroups": [
                {"coveredResources": [GPU], "flavors": [{"flavor": "a100", "resources": {GPU: {"nominal": 2}}}]}
            ],
        }
        for name in ("a", "b")
    ],
    "workloads": [
        job("first", "a", 0, 10_000, 2),
        job("second", "a", 1, 10_000, 2),
        job("large", "b", 0, 10_000, 4),
        job("other", "b", 1, 10_000, 1),
    ],
}
"""`second` waits for `first`; `large` never fits."""


@pytest.fixture
def small(home: Path) -> str:
    (home / "small.jsonl").write_text(json.dumps(SMALL), encoding="utf-8")
    return "small.jsonl"


def saved(run: Run, home: Path, name: str, *words: str) -> str:
    (home / name).write_text(run("simulate", *words, "-o", "json").ok(), encoding="utf-8")
    return name


def tossed(home: Path, **weights: int) -> str:
    """Two cohorts of one share, unless weights say otherwise, have borrowed what the third takes back."""

    def tied(name: str, cohort: str, nominal: int) -> dict[str, Any]:
        flavors = [{"flavor": "a100", "resources": {GPU: {"nominal": nominal}}}]
        groups = [{"coveredResources": [GPU], "flavors": flavors}]
        return {"name": name, "cohort": cohort, "resourceGroups": groups, "preemption": {"reclaimWithinCohort": "Any"}}

    scenario = {
        **SMALL,
        "id": "tossed",
        "fairSharing": {"enabled": True},
        "cohorts": [
            {"name": "top"},
            *({"name": name, "parent": "top", "fairWeight": weights.get(name, 1)} for name in "abc"),
        ],
        "clusterQueues": [tied("qa", "a", 0), tied("qb", "b", 0), tied("qc", "c", 8)],
        "workloads": [
            job("a-job", "qa", 0, 600_000, 4),
            job("b-job", "qb", 1, 600_000, 4),
            job("c-job", "qc", 60_000, 600_000, 4),
        ],
    }
    (home / "tossed.jsonl").write_text(json.dumps(scenario), encoding="utf-8")
    return "tossed.jsonl"


CHANCE = "Kueue chooses at random among equals here, once; from there on this is one course of several:"
TOSS = "  at 1 min either b-job or a-job is preempted for c-job"


def test_what_hangs_on_chance_is_said(run: Run, home: Path) -> None:
    file = tossed(home)
    page = home / "page.html"
    assert run("simulate", file, "--report", str(page)).ok().splitlines()[-2:] == [CHANCE, TOSS]
    text = page.read_text(encoding="utf-8")
    check_page(text)
    assert TOSS.strip() in text
    (choice,) = run("simulate", file, "-o", "json").json()["randomChoices"]
    assert choice == {
        "seconds": 60,
        "what": "preempted",
        "preemptor": "c-job",
        "chosen": ["b-job"],
        "others": ["a-job"],
    }
    lines = run("whatif", "--file", file, "--change", "weight:a=2").ok().splitlines()
    assert lines[-2:] == [f"before: {CHANCE}", TOSS]
    before, after = (
        saved(run, home, name, file, *words) for name, words in (("b", ()), ("a", ("--policy", "classical")))
    )
    told = run("compare", before, after, "-o", "json").json()
    assert (len(told["before"]["randomChoices"]), told["after"]["randomChoices"]) == (1, [])
    assert run("compare", before, after).ok().splitlines()[-2:] == [f"before: {CHANCE}", TOSS]
    assert CHANCE not in run("simulate", tossed(home, a=2)).ok()


def test_compare_says_who_waits_longer(run: Run, home: Path) -> None:
    before, after = saved(run, home, "a.json", BORROWING), saved(run, home, "b.json", FAIR)
    doc = run("compare", before, after, "-o", "json").json()
    assert doc["kind"] == "RunComparison"
    first, second = (json.loads((home / name).read_text(encoding="utf-8")) for name in (before, after))
    waits = [{each["job"]: each["waitSeconds"] for each in run_["jobs"]} for run_ in (first, second)]
    nlp = [name for name in waits[0] if name.startswith("nlp")]
    row = next(each for each in doc["queues"] if each["queue"] == "nlp")
    mean = sum(waits[1][name] - waits[0][name] for name in nlp) / len(nlp)
    assert row["changeSeconds"] == pytest.approx(mean, abs=0.01)
    assert row["longer"] == sum(waits[1][name] > waits[0][name] for name in nlp)
    assert row["shorter"] == sum(waits[1][name] < waits[0][name] for name in nlp)
    assert [abs(each["changeSeconds"]) for each in doc["jobs"]] == sorted(
        (abs(each["changeSeconds"]) for each in doc["jobs"]), reverse=True
    )
    text = run("compare", before, after).ok()
    assert "waiting longer: " in text
    assert "evictions 16 → 31" in text


def test_the_report_draws_who_waits_longer(run: Run, home: Path) -> None:
    call = ("whatif", "--file", BORROWING, "--change", "policy:fair-sharing")
    doc = run(*call, "--report", "page.html", "-o", "json").json()
    text = (home / "page.html").read_text(encoding="utf-8")
    check_page(text)
    changed = [each for each in doc["jobs"] if each["changeSeconds"] is not None]
    assert text.count("<circle") == len(changed) == sum(row["longer"] + row["shorter"] for row in doc["queues"])
    before = saved(run, home, "a.json", BORROWING)
    run("compare", before, before, "--report", "same.html").ok()
    same = (home / "same.html").read_text(encoding="utf-8")
    check_page(same)
    assert "All wait as long as before." in same


def test_a_run_compared_with_itself_changes_nothing(run: Run, home: Path) -> None:
    file = saved(run, home, "a.json", BORROWING)
    doc = run("compare", file, file, "-o", "json").json()
    assert doc["jobs"] == doc["added"] == doc["removed"] == []
    assert all(each["changeSeconds"] == 0 for each in doc["queues"])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is no JSON"),
        ("[]", "is no saved simulation"),
        ('{"kind": "PlacementRuns"}', "is no saved simulation"),
        (
            '{"kind": "SimulationRun", "makespanSeconds": 1, "utilisation": {}, "jobs": [{"job": 1}]}',
            "bad.json: jobs[0].job",
        ),
        ('{"kind": "SimulationRun", "makespanSeconds": 1, "utilisation": {}, "jobs": []}', "no job in common"),
        ('{"kind": "SimulationRun"}', "fix: save a run with allot simulate FILE -o json"),
        (
            '{"kind": "SimulationRun", "apiVersion": "allotment.dev/v2"}',
            "bad.json is a run written in allotment.dev/v2\n  why: this version of allot reads allotment.dev/v1",
        ),
        ('{"kind": "SimulationRun", "apiVersion": 3}', "bad.json is a run written in 3"),
    ],
)
def test_files_that_are_no_runs(run: Run, home: Path, content: str, says: str) -> None:
    good = saved(run, home, "a.json", BORROWING)
    (home / "bad.json").write_text(content, encoding="utf-8")
    ran = run("compare", good, "bad.json")
    assert ran.code == 1
    assert says in ran.err
    assert "a mistake in Allotment" not in ran.err
    assert "scenario format" not in ran.err


def changes(run: Run, *words: str) -> dict[str, Any]:
    return run("whatif", "--file", *words, "-o", "json").json()  # type: ignore[no-any-return]


def test_more_quota_starts_what_never_fitted(run: Run, small: str) -> None:
    doc = changes(run, small, "--change", f"quota:b/a100/{GPU}=4")
    (changed,) = [each for each in doc["jobs"] if each["job"] == "large"]
    assert (changed["startedBefore"], changed["startedAfter"], changed["changeSeconds"]) == (False, True, None)
    row = next(each for each in doc["queues"] if each["queue"] == "b")
    assert (row["newlyStarted"], row["noLongerStarted"]) == (1, 0)
    text = run("whatif", "--file", small, "--change", f"quota:b/a100/{GPU}=4").ok()
    assert "does not start" in text


def test_a_grant_ends_by_itself_and_evicts_nobody(run: Run, small: str) -> None:
    doc = changes(run, small, "--change", f"grant:a/a100/{GPU}=+2,until=5s")
    (changed,) = [each for each in doc["jobs"] if each["queue"] == "a"]
    assert (changed["job"], changed["waitSecondsAfter"]) == ("second", 0)
    assert doc["after"]["evictions"] == 0
    late = changes(run, small, "--change", f"grant:a/a100/{GPU}=+2,from=4s,until=6s")
    assert [each["waitSecondsAfter"] for each in late["jobs"] if each["queue"] == "a"] == [
        4.999
    ]  # the wake-up included
    over = changes(run, small, "--change", f"grant:b/a100/{GPU}=+2,from=20s,until=30s")
    (large,) = over["jobs"]
    assert (large["job"], large["startedAfter"]) == ("large", True)
    assert 20 <= large["waitSecondsAfter"] < 22


def test_a_lender_has_less_for_the_term(run: Run, small: str) -> None:
    doc = changes(run, small, "--change", f"grant:a/a100/{GPU}=+2,until=5s,lender=b")
    waits = {each["job"]: each["waitSecondsAfter"] for each in doc["jobs"]}
    assert waits["second"] == 0
    assert 5 <= waits["other"] <= 6.1


def test_a_queue_on_hold_admits_nobody(run: Run, small: str) -> None:
    doc = changes(run, small, "--change", "hold:a,until=1h")
    waits = {each["job"]: each["changeSeconds"] for each in doc["jobs"]}
    assert waits.keys() == {"first", "second"}
    assert all(3600 <= change <= 3602 for change in waits.values())


def test_several_changes_apply_in_order(run: Run, small: str) -> None:
    doc = changes(run, small, "--change", f"quota:a/a100/{GPU}=0", "--change", f"quota:a/a100/{GPU}=4")
    (changed,) = [each for each in doc["jobs"] if each["queue"] == "a"]
    assert changed["job"] == "second"
    assert changed["waitSecondsAfter"] == 0


def test_a_further_job_delays_others(run: Run, home: Path, small: str) -> None:
    extra = {"name": "extra", "clusterQueue": "a", "runtime": 5000, "podSets": SMALL["workloads"][0]["podSets"]}
    (home / "extra.jsonl").write_text(json.dumps({**extra, "priority": 10}), encoding="utf-8")
    doc = changes(run, small, "--change", "job:extra.jsonl")
    assert [each["job"] for each in doc["added"]] == ["extra"]
    delayed = {each["job"]: each["changeSeconds"] for each in doc["jobs"]}
    assert delayed.keys() == {"first", "second"}
    assert all(change >= 5 for change in delayed.values())


def test_a_node_less(run: Run, nodes: str) -> None:
    doc = changes(run, nodes, "--change", "drop-node:n1")
    (changed,) = doc["jobs"]
    assert (changed["job"], changed["waitSecondsBefore"]) == ("second", 0)
    assert changed["waitSecondsAfter"] >= 9.9


@pytest.fixture
def nodes(home: Path) -> str:
    """Two nodes of two GPUs; `first` and `second` each need a node of their own."""
    scenario = json.loads(json.dumps(SMALL))
    scenario["topologies"] = [{"name": "default", "levels": ["kubernetes.io/hostname"]}]
    scenario["flavors"][0]["topology"] = "default"
    scenario["nodes"] = [
        {"name": f"n{i}", "labels": {"kubernetes.io/hostname": f"n{i}"}, "allocatable": {GPU: 2, "pods": 10}}
        for i in range(2)
    ]
    scenario["workloads"] = scenario["workloads"][:2]
    scenario["workloads"][1]["clusterQueue"] = "b"
    for each in scenario["workloads"]:
        each["podSets"][0]["topologyRequest"] = {"required": "kubernetes.io/hostname"}
    (home / "nodes.jsonl").write_text(json.dumps(scenario), encoding="utf-8")
    return "nodes.jsonl"


@pytest.mark.parametrize(
    ("words", "least", "most"),
    [
        (("cordon:n1,until=4s",), 4, 5.1),
        (("cordon:n1",), 9.9, 11.1),
        (("node-down:n1,until=6s",), 6, 7.1),
        (("drain:n1,from=1ms,until=2s",), 2, 3),
        (("drop-node:n1", "add-node:n7=n0"), 0, 0),
    ],
)
def test_nodes_that_are_away_for_a_while(
    run: Run, nodes: str, words: tuple[str, ...], least: float, most: float
) -> None:
    doc = changes(run, nodes, *(part for word in words for part in ("--change", word)))
    waits = [each["waitSecondsAfter"] for each in doc["jobs"] if each["job"] == "second"] or [0]
    assert least <= waits[0] <= most


def test_weight_and_policy(run: Run, home: Path) -> None:
    heavier = changes(run, FAIR, "--change", "weight:nlp=4")
    nlp = next(each for each in heavier["queues"] if each["queue"] == "nlp")
    assert nlp["changeSeconds"] < 0
    fair = changes(run, BORROWING, "--change", "policy:fair-sharing")
    direct = saved(run, home, "fair.json", FAIR)
    waits = {each["job"]: each["waitSeconds"] for each in json.loads((home / direct).read_text())["jobs"]}
    assert all(each["waitSecondsAfter"] == waits[each["job"]] for each in fair["jobs"])


NO_EFFECT = "without fair sharing a weight changes nothing; add --change policy:fair-sharing"


@pytest.mark.parametrize(
    ("file", "words", "told"),
    [
        ("small", ("quota:a/a100/{GPU}=4",), [("quota a/a100/{GPU}", "2", "4", None)]),
        (
            "small",
            ("quota:a/a100/{GPU}=0", "quota:a/a100/{GPU}=4"),
            [("quota a/a100/{GPU}", "2", "0", None), ("quota a/a100/{GPU}", "0", "4", None)],
        ),
        ("small", ("weight:a=2.5",), [("weight a", "1", "2.5", NO_EFFECT)]),
        ("small", ("weight:a=2", "policy:fair-sharing"), [("weight a", "1", "2", None)]),
        (FAIR, ("weight:nlp=4",), [("weight nlp", "1", "4", None)]),
        (FAIR, ("weight:nlp=4", "policy:classical"), [("weight nlp", "1", "4", NO_EFFECT)]),
        ("small", ("hold:a",), []),
    ],
)
def test_a_change_is_told_from_what_to_what(
    run: Run, small: str, file: str, words: tuple[str, ...], told: list[tuple[str, str, str, str | None]]
) -> None:
    asked = [part for word in words for part in ("--change", word.replace("{GPU}", GPU))]
    call = (small if file == "small" else file, *asked)
    expected = [(what.replace("{GPU}", GPU), *rest) for what, *rest in told]
    assert [tuple(each.values()) for each in changes(run, *call)["settings"]] == expected
    lines = run("whatif", "--file", *call).ok().splitlines()
    for line, (what, before, after, note) in zip(lines, expected, strict=False):
        assert line == f"{what}  {before} → {after}" + (f"  ({note})" if note else "")


def test_the_report_tells_what_was_changed(run: Run, home: Path, small: str) -> None:
    call = ("whatif", "--file", small, "--change", "weight:a=2", "--change", f"quota:a/a100/{GPU}=4")
    run(*call, "--report", "page.html").ok()
    text = (home / "page.html").read_text(encoding="utf-8")
    check_page(text)
    assert f"<dt>weight a</dt><dd>1 → 2 ({NO_EFFECT})</dd>" in text
    assert f"<dt>quota a/a100/{GPU}</dt><dd>2 → 4</dd>" in text


@pytest.mark.parametrize(
    ("resource", "now", "written", "told"),
    [
        ("cpu", 4000, "4500m", ("4", "4500m")),
        ("memory", 1024, "1536Mi", ("1Gi", "1536Mi")),
        ("ephemeral-storage", 5, "1Gi", ("5", "1Gi")),
    ],
)
def test_amounts_of_other_resources_are_told_as_kubernetes_writes_them(
    run: Run, home: Path, resource: str, now: int, written: str, told: tuple[str, str]
) -> None:
    scenario = json.loads(json.dumps(SMALL).replace(GPU, resource))
    for each in scenario["clusterQueues"]:
        each["resourceGroups"][0]["flavors"][0]["resources"][resource]["nominal"] = now
    (home / "other.jsonl").write_text(json.dumps(scenario), encoding="utf-8")
    (setting,) = changes(run, "other.jsonl", "--change", f"quota:a/a100/{resource}={written}")["settings"]
    assert (setting["before"], setting["after"]) == told


def test_the_help_lists_every_kind_of_change_on_a_line_of_its_own(run: Run) -> None:
    lines = [line.strip() for line in run("whatif", "--help").ok().splitlines()]
    for term, _ in CHANGES:
        assert sum(line.startswith(term) for line in lines) == 1, term
    assert tuple(term.partition(":")[0] for term, _ in CHANGES) == KINDS


def test_until_stops_both(run: Run, small: str) -> None:
    doc = changes(run, small, "--change", f"quota:a/a100/{GPU}=4", "--until", "5s")
    (second,) = [each for each in doc["jobs"] if each["job"] == "second"]
    assert (second["startedBefore"], second["startedAfter"]) == (False, True)


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ("quota", 2, "is no change"),
        ("colour:red", 2, "is no change"),
        ("quota:a=3", 2, "QUEUE/FLAVOR/RESOURCE=AMOUNT"),
        (f"quota:a/a100/{GPU}", 2, "no value"),
        (f"quota:a/a100/{GPU}=many", 2, "'many' is no whole number"),
        (f"quota:a/a100/{GPU}=16Gi", 2, "comes in whole units"),
        (f"quota:a/a100/{GPU}=1e3", 2, "comes in whole units"),
        (f"quota:a/a100/{GPU}=500m", 2, "comes in whole units"),
        (f"quota:a/a100/{GPU}=-1", 2, f"fix: write quota:a/a100/{GPU}=1\n"),
        (f"quota:a/a100/{GPU}=-3", 2, f"fix: write quota:a/a100/{GPU}=0\n"),
        (f"quota:a/a100/{GPU}=+1", 2, f"fix: write quota:a/a100/{GPU}=3; or, for a while, grant:a/a100/{GPU}=+1\n"),
        (f"quota:a/a100/{GPU}=+", 2, "'' is no whole number"),
        ("weight:a=+1", 2, "a weight is written without a sign"),
        ("weight:a=-1", 2, "'-1' is no weight"),
        (f"grant:a/a100/{GPU}=++2", 2, "one sign too many"),
        (f"grant:a/a100/{GPU}=+2Gi", 2, "comes in whole units"),
        (f"quota:c/a100/{GPU}=1", 3, "there is no queue or cohort 'c'"),
        (f"quota:a/h100/{GPU}=1", 3, "it has a100/nvidia.com/gpu"),
        ("weight:a=heavy", 2, "'heavy' is no weight"),
        ("weight:a=nan", 2, "'nan' is no weight"),
        ("drop-node:n1", 3, "it has no nodes"),
        ("cordon:n1", 3, "it has no nodes"),
        ("add-node:n2=n1", 3, "it has no nodes"),
        ("hold:c", 3, "there is no queue or cohort 'c'"),
        (f"grant:a/a100/{GPU}=2", 2, "no amount to add"),
        (f"grant:a/a100/{GPU}=+2,til=5s", 2, "'til=5s' cannot be read"),
        (f"grant:a/a100/{GPU}=+2,from=1h,until=1h", 2, "it ends before it begins"),
        (f"grant:a/a100/{GPU}=+2,until=soon", 2, "'soon' is no time"),
        (f"grant:a/a100/{GPU}=+3,lender=b", 2, "b has not that much"),
        (f"grant:a/a100/{GPU}=+1,lender=a", 2, "would lend to itself"),
        (f"grant:a/a100/{GPU}=+1,lender=z", 3, "there is no queue or cohort 'z'"),
        ("policy:nice", 2, "there is no such policy"),
        ("job:nowhere.jsonl", 3, "there is no file nowhere.jsonl"),
        ("job:bad.jsonl", 1, "bad.jsonl:1: clusterQueue is missing"),
        ("job:twice.jsonl", 1, "twice.jsonl:1: there is a workload 'first' already"),
        ("job:lost.jsonl", 1, "lost.jsonl:1: there is no queue 'c'"),
    ],
)
def test_changes_that_cannot_be(run: Run, home: Path, small: str, change: str, code: int, says: str) -> None:
    first = SMALL["workloads"][0]
    (home / "bad.jsonl").write_text('{"name": "x"}', encoding="utf-8")
    (home / "twice.jsonl").write_text(json.dumps(first), encoding="utf-8")
    (home / "lost.jsonl").write_text(json.dumps({**first, "name": "x", "clusterQueue": "c"}), encoding="utf-8")
    ran = run("whatif", "--file", small, "--change", change)
    assert ran.code == code, ran.err
    assert ran.out == ""
    assert says in ran.err
    assert "a mistake in Allotment" not in ran.err
