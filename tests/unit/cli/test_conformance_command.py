"""`allot conformance`: agreement, the first difference, our own answers, and files that are no scenarios."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.by_day import by_day
from tests.unit.cli.conftest import ROOT, Ran, Run

QUEUES = ROOT / "examples" / "scenarios" / "borrowing.jsonl"
PODS = ROOT / "examples" / "placements" / "three-pods.jsonl"
KINDS = [pytest.param("kueue", QUEUES, id="kueue"), pytest.param("placement", PODS, id="placement")]


def only_line(path: Path) -> dict[str, Any]:
    (line,) = path.read_text(encoding="utf-8").splitlines()
    return json.loads(line)


def save(path: Path, *scenarios: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(each) + "\n" for each in scenarios), encoding="utf-8")
    return str(path)


def recorded(run: Run, kind: str, source: Path, folder: Path) -> dict[str, Any]:
    """A scenario with our own answer as its record."""
    out = folder / "own.jsonl"
    run("conformance", kind, str(source), "--write", str(out)).ok()
    return {**only_line(source), **only_line(out)}


@pytest.mark.parametrize(("kind", "source"), KINDS)
def test_inputs_alone_are_enough_to_write_our_answers(run: Run, home: Path, kind: str, source: Path) -> None:
    ran = run("conformance", kind, str(source), "--write", "ours.jsonl")
    assert ran.code == 0, ran.err
    assert "nothing compared: 1 scenario" in ran.out
    assert "1 answers in ours.jsonl" in ran.err
    fields = {"id", "decisions", "pending"} if kind == "kueue" else {"id", "answers"}
    assert only_line(home / "ours.jsonl").keys() == fields


@pytest.mark.parametrize(("kind", "source"), KINDS)
def test_identical_answers_end_with_0(run: Run, home: Path, kind: str, source: Path) -> None:
    file = save(home / "recorded.jsonl", recorded(run, kind, source, home))
    report = run("conformance", kind, file, "-o", "json").json()
    assert report["kind"] == "ConformanceReport"
    assert (report["agrees"], report["compared"], report["identical"]) == (True, 1, 1)
    assert report["firstDifference"] is None


def test_a_changed_kueue_decision_is_shown_with_what_came_before(run: Run, home: Path) -> None:
    scenario = recorded(run, "kueue", QUEUES, home)
    changed = next(e for e in scenario["decisions"][20:] if e["event"] == "admit")
    changed["podSets"][0]["flavors"] = {"nvidia.com/gpu": "h100"}
    ran = run("conformance", "kueue", save(home / "changed.jsonl", scenario))
    assert ran.code == 1
    assert "different: 1 of 1 compared scenario" in ran.out
    assert f"decisions at t={changed['t']} ms, cycle {changed['cycle']}" in ran.out
    assert "changed.jsonl:1" in ran.out
    report = json.loads(run("conformance", "kueue", str(home / "changed.jsonl"), "-o", "json").out)
    first = report["firstDifference"]
    assert "h100" in first["recorded"][0]
    assert changed["workload"] in first["ours"][0]
    assert first["before"]
    assert report["classes"][0]["differing"] == ["borrowing"]


def test_a_changed_placement_answer_is_shown_with_the_nodes(run: Run, home: Path) -> None:
    scenario = recorded(run, "placement", PODS, home)
    scenario["answers"][2]["attempts"][0]["message"] = "0/3 nodes are available: nobody knows why."
    ran = run("conformance", "placement", save(home / "changed.jsonl", scenario))
    assert ran.code == 1
    assert "huge attempt 1 message" in ran.out
    assert "nobody knows why" in ran.out
    assert "gpu-a: " in ran.out


@pytest.mark.parametrize("lifted", [False, True], ids=["in the preemption", "in the attempt"])
def test_picks_alone_are_followed_and_not_compared(run: Run, home: Path, *, lifted: bool) -> None:
    """Two nodes are equal for the first pod: the recorded pick decides, whatever else the file leaves out."""
    scenario = only_line(PODS)
    scenario["existing"] = []
    scenario["nodes"][1]["labels"]["topology.kubernetes.io/zone"] = "1"
    picks: list[dict[str, Any]] = [{"pod": "notebook", "attempts": [{"node": "gpu-b"}]}]
    big: dict[str, Any] = {"attempts": [{"node": "gpu-a"}]}
    if lifted:
        scenario["pods"] = scenario["pods"][1:2]
        scenario["existing"] = [
            {"name": f"low-{n}", "node": f"gpu-{n}", "start": 1700000000, "requests": {"nvidia.com/gpu": 8}}
            for n in "ab"
        ]
        picks, big = [], {"attempts": [{"nominated": "gpu-b"}, {"node": "gpu-b"}]}
    scenario["answers"] = [*picks, big]
    ran = run("conformance", "placement", save(home / "picks.jsonl", scenario), "--write", "ours.jsonl")
    assert ran.code == 0, ran.err
    assert "nothing compared" in ran.out
    last = [attempts["attempts"][-1] for attempts in only_line(home / "ours.jsonl")["answers"]]
    assert last[0]["node"] == "gpu-b"


def test_classes_are_counted_apart_and_gzip_is_read_by_its_content(run: Run, home: Path) -> None:
    first = recorded(run, "kueue", QUEUES, home)
    lines = [first, {**first, "id": "again", "class": "other"}, {**only_line(QUEUES), "id": "open", "class": "other"}]
    packed = home / "no-telling-name"
    packed.write_bytes(gzip.compress("\n\n".join(json.dumps(each) for each in lines).encode()))
    report = run("conformance", "kueue", str(packed), "-o", "json").json()
    counts = {each["class"]: (each["scenarios"], each["compared"], each["identical"]) for each in report["classes"]}
    assert counts == {"example": (1, 1, 1), "other": (2, 1, 1)}


@pytest.mark.parametrize("kind", ["kueue", "placement"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{}\n", "bad.jsonl:1: id is missing"),
        (b"\n\n[1, 2]\n", "bad.jsonl holds no scenario and no trace that is known"),
        (b"oops\n", "its first line is 'oops'"),
        (b'{"id": "x"\n', "bad.jsonl:1: no JSON"),
        (b'\xff{"id"}\n', "bad.jsonl:1: not text"),
        (b'{"a":' * 200_000, "bad.jsonl:1: nested too deeply"),
        (b"", "it is empty"),
        (gzip.compress(b"{}" * 1000, mtime=0)[:-12], "the gzip file is damaged"),
        (b"\x1f\x8b and no gzip", "the gzip file is damaged"),
    ],
)
def test_bad_files(run: Run, home: Path, kind: str, content: bytes, says: str) -> None:
    (home / "bad.jsonl").write_bytes(content)
    ran = run("conformance", kind, "bad.jsonl")
    assert ran.code == 1
    assert ran.out == ""
    assert says in ran.err
    assert "Traceback" not in ran.err
    assert "a mistake in Allotment" not in ran.err


SPOILED = {
    "decisions are text": (("decisions",), "x", "decisions is 'x', not a list"),
    "a decision is a number": (("decisions", 0), 1, "decisions[0] is 1, not an object"),
    "a time in words": (("decisions", 0, "t"), "a", "decisions[0].t is 'a', not a whole number of at least 0"),
    "a cycle in words": (("decisions", 0, "cycle"), "a", "decisions[0].cycle is 'a', not a whole number"),
    "no cycle": (("decisions", 0, "cycle"), None, "decisions[0].cycle is missing"),
    "a misspelt event": (("decisions", 0, "event"), "admitted", "did you mean 'admit'?"),
    "an unknown job": (("decisions", 0, "workload"), "w99", "decisions[0].workload is 'w99', not one of the workloads"),
    "an unknown queue": (("decisions", 0, "clusterQueue"), "nlq", "decisions[0].clusterQueue is 'nlq'"),
    "an unknown preemptor": (("decisions", 0, "preemptor"), "w99", "decisions[0].preemptor is 'w99'"),
    "an unknown field": (("decisions", 0, "workloads"), "w", "did you mean 'workload'?"),
    "pending without a job": (("pending",), [{}], "pending[0].workload is missing"),
    "pending of an unknown job": (("pending",), [{"workload": "w99", "message": ""}], "pending[0].workload is 'w99'"),
    "a log of nothing": (("pendingLog",), [None], "pendingLog[0] is None, not an object"),
    "a log without a cycle": (("pendingLog",), [{"t": 0}], "pendingLog[0].cycle is missing"),
    "a log with a time in words": (("pendingLog",), [{"t": "q"}], "pendingLog[0].t is 'q'"),
    "stats are a number": (("stats",), 3, "stats is 3, not an object"),
    "cycles in words": (("stats",), {"cycles": "a"}, "stats.cycles is 'a'"),
}


@pytest.mark.parametrize(("path", "value", "says"), SPOILED.values(), ids=SPOILED)
def test_a_record_that_is_none(run: Run, home: Path, path: tuple[str | int, ...], value: object, says: str) -> None:
    scenario = recorded(run, "kueue", QUEUES, home)
    put(scenario, path, value)
    refused(run("conformance", "kueue", save(home / "bad.jsonl", scenario)), says)


SPOILED_ANSWERS = {
    "no object": ((0,), 3, "answers[0] is 3, not an object"),
    "no attempts": ((0, "attempts"), None, "answers[0].attempts is missing"),
    "an attempt is a number": ((0, "attempts", 0), 3, "answers[0].attempts[0] is 3, not an object"),
    "a node is a number": ((0, "attempts", 0, "node"), 3, "answers[0].attempts[0].node is 3, not a name"),
    "an outcome there is not": ((0, "attempts", 0, "outcome"), "bount", "did you mean 'bound'?"),
    "a misspelt field": ((0, "attempts", 0, "nominatd"), "gpu-a", "did you mean 'nominated'?"),
    "an unknown pod": ((0, "pod"), "notebok", "did you mean 'notebook'?"),
}


@pytest.mark.parametrize(("path", "value", "says"), SPOILED_ANSWERS.values(), ids=SPOILED_ANSWERS)
def test_answers_that_are_none(run: Run, home: Path, path: tuple[str | int, ...], value: object, says: str) -> None:
    scenario = recorded(run, "placement", PODS, home)
    put(scenario["answers"], path, value)
    refused(run("conformance", "placement", save(home / "bad.jsonl", scenario), "--write", "ours.jsonl"), says)


def test_an_answer_too_many_needs_its_pod(run: Run, home: Path) -> None:
    scenario = {**only_line(PODS), "answers": [{"attempts": []}] * 4}
    refused(run("conformance", "placement", save(home / "bad.jsonl", scenario)), "answers[3].pod is missing")


def put(data: Any, path: tuple[str | int, ...], value: object) -> None:
    for key in path[:-1]:
        data = data[key]
    data[path[-1]] = value


def refused(ran: Ran, says: str) -> None:
    """Said with file and line, in words."""
    assert (ran.code, ran.out) == (1, "")
    assert "bad.jsonl:1: " in ran.err
    assert says in ran.err
    assert "Error" not in ran.err


QUEUEING_IS = "this is a queueing scenario: it does not say which pod runs on which node"
PLACEMENT_IS = "this is a placement scenario: it has nodes and pods, but no queues"
SWF = ROOT / "examples" / "traces" / "small.swf"


@pytest.mark.parametrize(
    ("kind", "file", "told"),
    [
        pytest.param("kueue", PODS, (":1: ", PLACEMENT_IS, "`allot conformance placement FILE`"), id="pods on nodes"),
        pytest.param("placement", QUEUES, (":1: ", QUEUEING_IS, "`allot conformance kueue FILE`"), id="queues"),
        pytest.param("kueue", SWF, ("small.swf is a trace (Standard", "`allot simulate --file FILE`"), id="kueue, SWF"),
        pytest.param("placement", SWF, ("is a trace (Standard", "`allot simulate --file FILE`"), id="placement, SWF"),
    ],
)
def test_a_file_of_another_kind_is_named_with_what_takes_it(
    run: Run, home: Path, kind: str, file: Path, told: tuple[str, ...]
) -> None:
    ran = run("conformance", kind, str(file), "--write", "ours.jsonl")
    assert (ran.code, ran.out, (home / "ours.jsonl").exists()) == (1, "", False)
    for each in (*told, f"what is taken here: {'queueing' if kind == 'kueue' else 'placement'} scenarios"):
        assert each in ran.err


def test_wrong_calls(run: Run, home: Path) -> None:
    assert run("conformance", "kueue").code == 2
    missing = run("conformance", "kueue", "nowhere.jsonl")
    assert (missing.code, "there is no file nowhere.jsonl" in missing.err) == (3, True)
    folder = run("conformance", "kueue", str(home))
    assert (folder.code, "is a folder" in folder.err) == (1, True)
    own = save(home / "in.jsonl", only_line(QUEUES))
    over = run("conformance", "kueue", own, "--write", own)
    assert (over.code, "is also read" in over.err) == (6, True)
    assert only_line(Path(own)) == only_line(QUEUES)
    nowhere = run("conformance", "kueue", own, "--write", "no/such/folder.jsonl")
    assert (nowhere.code, "cannot be written" in nowhere.err) == (1, True)


def test_a_bad_line_keeps_the_answers_before_it(run: Run, home: Path) -> None:
    (home / "in.jsonl").write_text(QUEUES.read_text(encoding="utf-8") + "oops\n", encoding="utf-8")
    ran = run("conformance", "kueue", "in.jsonl", "--write", "ours.jsonl")
    assert ran.code == 1
    assert "in.jsonl:2: no JSON" in ran.err
    assert only_line(home / "ours.jsonl")["id"] == "borrowing"


JUNK = (None, True, -1, 0.5, "", "x", [], [None], {}, {"a": 1})


@settings(max_examples=by_day(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.parametrize(("kind", "source"), KINDS)
def test_a_spoiled_scenario_never_looks_like_our_mistake(
    run: Run, home: Path, kind: str, source: Path, data: st.DataObject
) -> None:
    """One value anywhere in the scenario, or in what is recorded of it, is removed or becomes something else."""
    scenario = only_line(source)
    for key in ("workloads", "pods"):
        scenario[key] = scenario.get(key, [])[:4]
    parent: Any = scenario
    while True:
        key = data.draw(st.sampled_from(list(parent) if isinstance(parent, dict) else list(range(len(parent)))))
        if not isinstance(parent[key], dict | list) or not parent[key] or data.draw(st.integers(0, 3)) == 0:
            break
        parent = parent[key]
    if isinstance(parent, dict) and data.draw(st.booleans()):
        del parent[key]
    else:
        parent[key] = data.draw(st.sampled_from(JUNK))
    ran = run("conformance", kind, save(home / "spoiled.jsonl", scenario), "--write", "ours.jsonl")
    assert ran.code in (0, 1, 3), ran.err
    assert "a mistake in Allotment" not in ran.err, f"{key} of {parent}: {ran.err}"


def test_a_mistyped_input_does_not_cost_an_older_answer(run: Run, home: Path) -> None:
    (home / "ours.jsonl").write_text("older\n", encoding="utf-8")
    assert run("conformance", "kueue", "nowhere.jsonl", "--write", "ours.jsonl").code == 3
    assert (home / "ours.jsonl").read_text(encoding="utf-8") == "older\n"


def test_answers_are_packed_by_name(run: Run, home: Path) -> None:
    run("conformance", "kueue", str(QUEUES), "--write", "ours.jsonl.gz").ok()
    with gzip.open(home / "ours.jsonl.gz", "rt", encoding="utf-8") as lines:
        assert json.loads(lines.read())["id"] == "borrowing"
