"""`allot capacity`: tables, JSON, selection, and calls that cannot be."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import ROOT, Run

TRAINING = str(ROOT / "examples" / "placements" / "training-eastus.jsonl")


@pytest.fixture
def lists(home: Path) -> tuple[str, str]:
    nodes = ["sn,cpu_milli,memory_mib,gpu,model", "n0,64000,262144,4,T4", "n1,8000,262144,4,V100"]
    pods = ["name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec"]
    pods += [f"p{i},4000,8192,1,{460 if i % 2 else 1000}," for i in range(6)]
    (home / "nodes.csv").write_text("\n".join(nodes), encoding="utf-8")
    (home / "pods.csv").write_text("\n".join(pods), encoding="utf-8")
    return "pods.csv", "nodes.csv"


def test_every_number_closes(run: Run) -> None:
    doc = run("capacity", "--file", TRAINING, "--shape", "4xa100,cpu=32", "-o", "json").json()
    assert doc["kind"] == "CapacitySurvey"
    whole, nodes = doc["cluster"], doc["nodes"]
    assert (whole["nodes"], whole["gpus"], whole["usedGpus"], whole["freeGpus"]) == (8, 56, 31, 25)
    for key in ("gpus", "usedGpus", "freeGpus", "fragmentGpus"):
        assert sum(node[key] for node in nodes) == pytest.approx(whole[key], abs=0.01)
    assert sum(whole["idleGpusByCause"].values()) == pytest.approx(25, abs=0.01)
    assert whole["idleGpusByCause"]["ofUse"] == pytest.approx(25 - whole["fragmentGpus"], abs=0.01)
    asked = doc["shapes"][0]
    assert (asked["shape"], asked["asked"]) == ("4xa100,cpu=32", True)
    for index, shape in enumerate(doc["shapes"]):
        mine = [node["shapes"][index] for node in nodes]
        assert shape["fits"] == sum(each["fits"] for each in mine)
        assert shape["strandedGpus"] == sum(each["strandedGpus"] for each in mine)
        assert shape["strandedGpus"] == sum(shape["strandedGpusByReason"].values())
        gpus = int(shape["shape"].partition("x")[0])
        assert shape["fits"] * gpus + shape["strandedGpus"] == 25
    assert [each["asked"] for each in doc["shapes"][1:]] == [False] * (len(doc["shapes"]) - 1)


def test_the_table_says_where_and_why(run: Run) -> None:
    lines = run("capacity", "--file", TRAINING, "--shape", "8xa100,cpu=64").ok().splitlines()
    rows = {line.split()[0]: line for line in lines if line}
    assert rows["a100-5"].endswith("node is cordoned")
    assert rows["a100-2"].endswith("not enough cpu left on the node")
    assert rows["h100-2"].endswith("taint not tolerated")
    assert lines[-2] == "8 nodes (1 cordoned): 56 GPUs, 31 used, 19 free; 6 idle on nodes that take no pods"
    assert lines[-1].startswith("fragment 21.25 GPUs by 8 typical shapes of 16 pods: ")


def test_nodes_are_selected_and_sorted_like_kubernetes_objects(run: Run) -> None:
    told = run(
        "capacity", "--file", TRAINING, "-l", "allotment.dev/accelerator=a100", "--sort-by=-free", "-o", "csv"
    ).ok()
    rows = list(csv.DictReader(io.StringIO(told)))
    assert [row["node"] for row in rows] == ["a100-5", "a100-2", "a100-4", "a100-3", "a100-1"]
    assert float(rows[0]["lacks_gpu"]) >= 0
    assert run("capacity", "--file", TRAINING, "-l", "model=none", "-o", "name").ok() == ""


def test_without_pods_the_shapes_asked_for_judge(run: Run, home: Path) -> None:
    nodes = json.loads(Path(TRAINING).read_text(encoding="utf-8"))["nodes"]
    (home / "empty.jsonl").write_text(json.dumps({"nodes": nodes}), encoding="utf-8")
    assert "name a --shape" in run("capacity", "--file", "empty.jsonl").ok()
    doc = run("capacity", "--file", "empty.jsonl", "--shape", "8xa100", "-o", "json").json()
    assert doc["cluster"]["fragmentGpus"] == 56 - 4 * 8
    assert doc["cluster"]["pods"] == 0


def test_a_pod_list_is_placed_first(run: Run, lists: tuple[str, str]) -> None:
    pods, nodes = lists
    call = ("capacity", "--file", pods, "--nodes", nodes, "--shape", "0.5xv100,cpu=4")
    doc = run(*call, "--demand", "50", "-o", "json").json()
    assert 3 <= doc["cluster"]["usedGpus"] <= 5
    assert doc["cluster"]["freeGpus"] == pytest.approx(8 - doc["cluster"]["usedGpus"])
    assert doc["shapes"][0]["fits"] <= 2
    empty = run(*call, "--demand", "0", "--policy", "best-fit", "-o", "json").json()
    assert (empty["cluster"]["usedGpus"], empty["shapes"][0]["fits"]) == (0, 2)
    assert run(*call, "--seed", "3").ok() == run(*call, "--seed", "3").ok()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((TRAINING, "--shape", "8xt4"), 3, "there is no GPU model 't4'"),
        ((TRAINING, "--shape", "many"), 2, "no number of GPUs"),
        ((TRAINING, "--shape", "0.5"), 2, "whole GPUs"),
        ((TRAINING, "--policy", "fgd"), 2, "--policy does not go with this file"),
        ((TRAINING, "--scenario", "other"), 3, "there is no scenario 'other'"),
        ((str(ROOT / "examples" / "scenarios" / "borrowing.jsonl"),), 1, "this is a queueing scenario"),
        ((str(ROOT / "examples" / "traces" / "small.swf"),), 1, "which pod runs on which node"),
        (("pods.csv",), 2, "which nodes?"),
        (("pods.csv", "--nodes", "nodes.csv", "--policy", "nice"), 2, "there is no policy 'nice'"),
        (("pods.csv", "--nodes", "nodes.csv", "--scenario", "x"), 2, "--scenario does not go with this file"),
        (("--file", "nowhere.jsonl"), 3, "there is no file"),
        (("bad.jsonl",), 1, "bad.jsonl:1: nodes is missing"),
    ],
)
def test_calls_that_cannot_be(
    run: Run, home: Path, lists: tuple[str, str], words: tuple[str, ...], code: int, says: str
) -> None:
    (home / "bad.jsonl").write_text("{}", encoding="utf-8")
    ran = run("capacity", *words)
    assert ran.code == code, ran.err
    assert ran.out == ""
    assert says in ran.err
    assert "a mistake in Allotment" not in ran.err


def test_a_node_that_is_not_ready_is_told_as_that(run: Run, home: Path) -> None:
    node = json.loads(Path(TRAINING).read_text(encoding="utf-8"))["nodes"][0]
    away = {**node, "taints": [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]}
    (home / "away.jsonl").write_text(json.dumps({"nodes": [away]}), encoding="utf-8")
    assert run("capacity", "--file", "away.jsonl", "--shape", "1").ok().splitlines()[1].endswith("not Ready")
