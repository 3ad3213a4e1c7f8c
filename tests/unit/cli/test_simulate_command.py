"""`allot simulate`: tables, JSON, the page, and calls that cannot be."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from allotment.scheduling.placement.gpu.policies import GpuPolicy
from allotment.simulation.policies import QueuePolicy
from tests.unit.cli.conftest import ROOT, Run

BORROWING = str(ROOT / "examples" / "scenarios" / "borrowing.jsonl")
SWF = str(ROOT / "examples" / "traces" / "small.swf")


@pytest.fixture
def openb(home: Path) -> tuple[str, str]:
    """A small cluster and pods for it, in the openb columns."""
    nodes = ["sn,cpu_milli,memory_mib,gpu,model", *(f"n{i},64000,262144,4,T4" for i in range(4)), "c0,64000,262144,0,"]
    pods = ["name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec"]
    pods += [f"p{i},{4000 if i % 2 else 30000},8192,1,{500 if i % 2 else 1000}," for i in range(8)]
    (home / "nodes.csv").write_text("\n".join(nodes), encoding="utf-8")
    (home / "pods.csv").write_text("\n".join(pods), encoding="utf-8")
    return "pods.csv", "nodes.csv"


def test_a_table_by_queue_and_a_sum(run: Run, home: Path) -> None:
    lines = run("simulate", BORROWING).ok().splitlines()
    assert lines[0].split()[:2] == ["QUEUE", "JOBS"]
    assert [line.split()[0] for line in lines[1:4]] == ["vision", "nlp", "speech"]
    assert lines[5].startswith("borrowing: 110 jobs; wait ")
    assert " of nvidia.com/gpu used over " in lines[6]


def test_json_has_queues_jobs_and_times_in_seconds(run: Run, home: Path) -> None:
    doc = run("simulate", BORROWING, "--policy", "fair-sharing", "-o", "json").json()
    assert (doc["apiVersion"], doc["kind"], doc["scenario"]) == ("allotment.dev/v1", "SimulationRun", "borrowing")
    assert doc["policies"] == ["fair-sharing"]
    assert sum(queue["jobs"] for queue in doc["queues"]) == len(doc["jobs"]) == 110
    assert doc["makespanSeconds"] == max(job["finishedSeconds"] for job in doc["jobs"])
    assert doc["capacity"] == {"nvidia.com/gpu": 56}
    assert 0 < doc["utilisation"]["nvidia.com/gpu"] < 1
    mean = sum(job["waitSeconds"] for job in doc["jobs"]) / 110
    assert doc["wait"]["meanSeconds"] == pytest.approx(mean, abs=0.01)


def test_a_cluster_that_changes_is_drawn_and_told(run: Run, home: Path) -> None:
    failing = str(ROOT / "examples" / "scenarios" / "node-failure.jsonl")
    page = home / "page.html"
    doc = run("simulate", failing, "--report", str(page), "-o", "json").json()
    assert doc["capacitySteps"] == [{"seconds": 0, "amounts": {"nvidia.com/gpu": 32}}]  # one lends to the other
    assert len({step["amounts"]["nvidia.com/gpu"] for step in doc["nodeSteps"]}) > 1
    stalled = [job["stalledSeconds"] for job in doc["jobs"] if job["stalledSeconds"]]
    assert stalled
    assert f"{len(stalled)} job" in run("simulate", failing).ok()
    text = page.read_text(encoding="utf-8")
    check_page(text)
    idle = doc["fragmentation"]["idleGpusByCause"]
    assert max(idle["ofUse"]) > max(idle["lacksGpu"]) > 0
    assert 'aria-label="idle GPUs by cause over time"' in text
    assert text.count('class="limit k0"') == text.count('class="limit k1"') == 1


@pytest.mark.parametrize(
    "words",
    [
        ("simulate", BORROWING, "--until", "2h"),
        ("whatif", "--file", BORROWING, "--change", "weight:nlp=2", "--until", "2h"),
        ("capacity", "--file", str(ROOT / "examples" / "placements" / "training-eastus.jsonl")),
        ("when", "--file", BORROWING, "--at", "4h", "--runs", "10", "--submissions", "none"),
    ],
    ids=lambda words: words[0],
)
def test_yaml_says_what_json_says(run: Run, home: Path, words: tuple[str, ...]) -> None:
    assert yaml.safe_load(run(*words, "-o", "yaml").ok()) == run(*words, "-o", "json").json()


@pytest.mark.parametrize(
    ("cap", "says"),
    [
        ("maxCyclesTotal", "stopped: at scheduling cycle 3, as env.maxCyclesTotal says"),
        ("maxCyclesPerInstant", "stopped: at scheduling cycle "),
    ],
)
def test_a_cap_is_named_where_it_stops_a_simulation(run: Run, home: Path, cap: str, says: str) -> None:
    scenario = json.loads(Path(BORROWING).read_text(encoding="utf-8"))
    scenario["env"][cap] = 3
    (home / "capped.jsonl").write_text(json.dumps(scenario), encoding="utf-8")
    told = run("simulate", "capped.jsonl", "--report", "page.html").ok()
    assert says in told
    assert f"as env.{cap} says" in told
    assert "for ever" not in told
    assert "The simulation was stopped: at scheduling cycle" in (home / "page.html").read_text(encoding="utf-8")
    document = run("simulate", "capped.jsonl", "-o", "json").json()
    assert (document["livelock"], document["stoppedBy"]) == (False, f"env.{cap}")
    assert run("simulate", BORROWING, "-o", "json").json()["stoppedBy"] is None


def test_until_and_selection(run: Run, home: Path) -> None:
    doc = run("simulate", BORROWING, "--until", "2h", "-l", "queue=nlp", "-o", "json").json()
    assert doc["untilSeconds"] == doc["endSeconds"] == 7200
    assert [queue["queue"] for queue in doc["queues"]] == ["nlp"]
    assert all(job["submittedSeconds"] <= 7200 for job in doc["jobs"])
    rows = run("simulate", BORROWING, "-o", "csv", "--sort-by=-jobs").ok().splitlines()
    assert rows[0].startswith("queue,jobs,finished,mean_wait_seconds,p50_seconds")


def test_the_help_lists_every_policy(run: Run) -> None:
    named = [line.split()[0] for line in run("simulate", "--help").ok().splitlines() if line.startswith("  ")]
    for kind in (QueuePolicy, GpuPolicy):
        assert {policy.value for policy in kind} <= set(named)


def test_the_seed_decides_uncertain_run_times(run: Run, home: Path) -> None:
    def makespan(*words: str) -> float:
        return float(
            run("simulate", BORROWING, "--runtime-spread", "0.5", "-o", "json", *words).json()["makespanSeconds"]
        )

    assert makespan("--seed", "1") == makespan("--seed", "1") != makespan("--seed", "2")


def test_a_trace_has_a_queue_for_each_group_and_its_own_capacity(run: Run, home: Path) -> None:
    doc = run("simulate", SWF, "-o", "json").json()
    assert doc["capacity"] == {"processors": 64}
    assert [queue["queue"] for queue in doc["queues"]] == ["group-1", "group-2"]
    limited = run(
        "simulate", SWF, "--queues-by", "user", "--capacity", "32", "--quota", "user-1=20", "--jobs", "30", "-o", "json"
    ).json()
    assert limited["capacity"] == {"processors": 32}
    assert len(limited["jobs"]) == 30
    assert {q["queue"]: q["quota"]["processors"] for q in limited["queues"]}["user-1"] == 20


def test_what_of_a_trace_is_left_out_is_said_in_json_and_in_the_table(run: Run, home: Path) -> None:
    (home / "t.csv").write_text(
        "timestamp,duration,num_gpus,gpu_time,cluster\n"
        "2017-10-09 07:01:55,60,1,60,a\n2017-10-09 07:02:55,0,1,0,a\n2017-10-09 07:03:55,60,0,0,a\n",
        encoding="utf-8",
    )
    said = "2 of 3 jobs are left out: 1 never ran, 1 asks for nothing"
    assert run("simulate", "t.csv", "--capacity", "8", "-o", "json").json()["remarks"] == [said]
    assert said in run("simulate", "t.csv", "--capacity", "8").ok()
    assert run("simulate", BORROWING, "-o", "json").json()["remarks"] == []


def test_philly(run: Run, home: Path) -> None:
    rows = ["timestamp,duration,num_gpus,gpu_time,cluster"]
    rows += [f"2017-10-09 07:{i:02}:55,{100 + i},{1 + i % 4},0,vc{i % 2}" for i in range(20)]
    (home / "philly.csv").write_text("\n".join(rows), encoding="utf-8")
    doc = run("simulate", "philly.csv", "--capacity", "8", "-o", "json").json()
    assert doc["capacity"] == {"nvidia.com/gpu": 8}
    assert [queue["queue"] for queue in doc["queues"]] == ["vc0", "vc1"]
    ran = run("simulate", "philly.csv")
    assert ran.code == 2
    assert "--capacity" in ran.err


def test_a_pod_list_is_placed_by_each_policy(run: Run, home: Path, openb: tuple[str, str]) -> None:
    pods, nodes = openb
    doc = run("simulate", pods, "--nodes", nodes, "-o", "json").json()
    policies = ["random", "dot-product", "gpu-clustering", "gpu-packing", "best-fit", "fgd"]
    assert [each["policy"] for each in doc["runs"]] == policies
    assert (doc["gpus"], doc["nodes"], doc["pods"]) == (16, 5, 8)
    assert all(0 < each["allocationPercent"] <= 100 for each in doc["runs"])
    for each in doc["runs"]:
        idle = sum(each["idlePercentByCause"].values())
        assert idle == pytest.approx(100 - each["allocationPercent"], abs=0.001)
        assert each["fragmentPercent"] == pytest.approx(idle - each["idlePercentByCause"]["ofUse"], abs=0.001)
        assert sum(node["idleGpus"] for node in each["nodes"]) == pytest.approx(0.16 * idle, abs=0.01)
        assert {len(course) for course in each["idleByDemandPercent"].values()} == {
            len(each["allocationByDemandPercent"])
        }


def test_fragmentation_by_cause_is_in_table_csv_and_page(run: Run, home: Path, openb: tuple[str, str]) -> None:
    pods, nodes = openb
    page = home / "page.html"
    call = ("simulate", pods, "--nodes", nodes, "--policy", "random", "--policy", "fgd")
    told = run(*call, "--report", str(page)).ok()
    assert told.splitlines()[0].split() == ["POLICY", "ALLOCATED", "FRAGMENT", "PLACED", "ARRIVED"]
    assert "why the typical pod cannot use it" in told
    header = run(*call, "-o", "csv").ok().splitlines()[0].split(",")
    assert {"lacks_gpu_percent", "lacks_cpu_percent", "wrong_gpu_model_percent"} <= set(header)
    text = page.read_text(encoding="utf-8")
    check_page(text)
    assert 'aria-label="fragmentation by cause, fgd"' in text
    assert text.count('aria-label="fragment by node, ') == 2


class _Page(HTMLParser):
    """Collects what must not be there, and checks that tags close."""

    VOID = frozenset({"meta", "br", "rect", "line", "path", "polyline", "circle"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.outside += [
            f"{k}={v}" for k, v in attrs if k in {"src", "href", "onload", "onclick", "style"} or "http" in (v or "")
        ]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def check_page(text: str) -> _Page:
    page = _Page()
    page.feed(text)
    assert page.open == []
    assert page.outside == []
    assert not page.seen & {"script", "link", "img", "iframe", "object"}
    assert "url(" not in text.replace("url(#lost)", "")
    for picture in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ET.fromstring(picture)
        assert "nan" not in picture
        assert "inf" not in picture
    return page


def test_the_page_is_self_contained(run: Run, home: Path) -> None:
    run("simulate", BORROWING, "--report", "page.html", "--until", "5h").ok()
    text = (home / "page.html").read_text(encoding="utf-8")
    page = check_page(text)
    assert text.count("<svg") == 4
    assert "prefers-color-scheme: dark" in text
    assert "Pending at the end" in text
    assert "insufficient unused quota" in text
    assert {"svg", "table", "h2"} <= page.seen


def test_names_in_the_page_are_escaped(run: Run, home: Path) -> None:
    evil = "<script>alert(1)</script>"
    text = Path(BORROWING).read_text(encoding="utf-8").replace("vision", evil).replace('"borrowing"', f'"{evil}&x"')
    (home / "evil.jsonl").write_text(text, encoding="utf-8")
    run("simulate", "evil.jsonl", "--report", "page.html").ok()
    page = (home / "page.html").read_text(encoding="utf-8")
    assert evil not in page
    check_page(page)


@pytest.mark.parametrize("workloads", [0, 1])
def test_almost_nothing_still_gives_a_page(run: Run, home: Path, workloads: int) -> None:
    scenario = json.loads(Path(BORROWING).read_text(encoding="utf-8"))
    scenario["workloads"] = scenario["workloads"][:workloads]
    (home / "small.jsonl").write_text(json.dumps(scenario), encoding="utf-8")
    run("simulate", "small.jsonl", "--report", "page.html").ok()
    check_page((home / "page.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("nowhere.jsonl",), 3, "there is no file"),
        ((BORROWING, "--policy", "fair-sharin"), 2, "did you mean 'fair-sharing'?"),
        ((BORROWING, "--until", "soon"), 2, "'soon' is no time"),
        ((BORROWING, "--capacity", "3"), 2, "--capacity does not go with this file"),
        ((BORROWING, "--quota", "nlp=3"), 2, "--quota does not go with this file"),
        ((BORROWING, "--nodes", "x"), 2, "--nodes does not go with this file"),
        ((BORROWING, "--scenario", "other"), 3, "there is no scenario 'other'"),
        ((SWF, "--scenario", "x"), 2, "--scenario does not go with this file"),
        ((SWF, "--quota", "x"), 2, "'x' is no quota"),
        ((SWF, "--quota", "group-1=1", "--quota", "group-1=2"), 2, "group-1 has two quotas"),
        ((SWF, "--queues-by", "colour"), 2, "colour"),
        (("pods.csv",), 2, "which nodes?"),
        (("pods.csv", "--nodes", "pods.csv"), 1, "column gpu is None"),
        (("pods.csv", "--nodes", "nodes.csv", "--policy", "classical"), 2, "the policies are random"),
        (("pods.csv", "--nodes", "nodes.csv", "--until", "3h"), 2, "--until does not go with this file"),
        (("strange.txt",), 1, "holds no scenario and no trace that is known"),
        (("two.jsonl",), 1, "--scenario one"),
        (("spoiled.jsonl",), 1, "spoiled.jsonl:1: workloads[0].runtime is -5"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else None,
)
def test_wrong_calls(
    run: Run, home: Path, openb: tuple[str, str], words: tuple[str, ...], code: int, says: str
) -> None:
    good = Path(BORROWING).read_text(encoding="utf-8")
    (home / "strange.txt").write_text("hello\n", encoding="utf-8")
    (home / "two.jsonl").write_text(good.replace('"borrowing"', '"one"') + good, encoding="utf-8")
    (home / "spoiled.jsonl").write_text(re.sub(r'"runtime": \d+', '"runtime": -5', good, count=1), encoding="utf-8")
    ran = run("simulate", *words)
    assert ran.code == code, ran.err
    assert ran.out == ""
    assert says in ran.err
    assert "a mistake in Allotment" not in ran.err
