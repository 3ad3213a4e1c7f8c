"""Files of scenarios and traces, opened: what kind they are, and which scenario of them is meant."""

from __future__ import annotations

import json

import pytest

from allotment.adapters.traces.fake import MemoryFiles
from allotment.errors import InputError, NotFoundError
from allotment.operations.foresee.opening import (
    TraceWishes,
    kind_of,
    open_pod_list,
    open_scenario,
    pick_line,
    scenario_lines,
)
from allotment.scenarios.kinds import FileKind

PHILLY = "timestamp,duration,num_gpus,gpu_time,cluster\n2017-10-09 07:01:55,60,1,60,nlp\n"
SWF = "1 0 0 60 4 0 0 4 60 0 1 7 3 1 1 1 -1 -1\n"
NODES = "sn,cpu_milli,memory_mib,gpu,model\nn1,1000,1000,8,T4\n"
PODS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\np1,1000,1000,1,1000,\n"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param('{"id": "a"}\n', FileKind.SCENARIO, id="JSON"),
        pytest.param('\n\n  {"id": "a"}\n', FileKind.SCENARIO, id="blank lines and blanks before it"),
        pytest.param(PHILLY, FileKind.PHILLY, id="Philly's columns"),
        pytest.param(PODS, FileKind.OPENB, id="openb's columns"),
        pytest.param("; Version: 2.2\n", FileKind.SWF, id="an SWF comment"),
        pytest.param(SWF, FileKind.SWF, id="an SWF job"),
    ],
)
def test_a_file_is_told_by_its_first_line(text: str, kind: FileKind) -> None:
    assert kind_of(MemoryFiles({"x": text}), "x") is kind


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "it is empty", id="empty"),
        pytest.param("\n \n", "it is empty", id="blank"),
        pytest.param("a b c\n", "its first line is 'a b c'", id="other text"),
        pytest.param(" ".join(["x"] * 18), "its first line is", id="18 words, no numbers"),
    ],
)
def test_a_file_of_no_kind_is_named(text: str, why: str) -> None:
    with pytest.raises(InputError, match="x holds no scenario and no trace that is known") as raised:
        kind_of(MemoryFiles({"x": text}), "x")
    assert raised.value.why.startswith(why)


def test_a_trace_becomes_a_scenario_by_its_name() -> None:
    files = MemoryFiles({"folder/philly.csv": PHILLY, "folder/jobs.swf": SWF})
    for file, name in (("folder/philly.csv", "philly.csv"), ("folder/jobs.swf", "jobs.swf")):
        scenario = open_scenario(files, file, None, TraceWishes(capacity=8))
        assert scenario.id == name
        assert len(scenario.arrivals) == 1


@pytest.mark.parametrize(
    ("nodes", "pods", "missing"),
    [
        pytest.param(NODES, PODS.splitlines()[0], "no pods", id="no pods"),
        pytest.param(NODES.splitlines()[0], PODS, "no GPUs", id="no nodes"),
    ],
)
def test_a_list_of_which_nothing_can_be_placed(nodes: str, pods: str, missing: str) -> None:
    files = MemoryFiles({"f/pods.csv": pods, "nodes.csv": nodes})
    with pytest.raises(InputError, match=f"^pods.csv: {missing}"):
        open_pod_list(files, "f/pods.csv", "nodes.csv")


def lines(*ids: str) -> MemoryFiles:
    return MemoryFiles({"x": "".join(json.dumps({"id": each}) + "\n" for each in ids)})


def test_which_scenario() -> None:
    assert pick_line(scenario_lines(lines("a"), "x"), None).id == "a"
    assert pick_line(scenario_lines(lines("a", "b"), "x"), "b").number == 2
    with pytest.raises(NotFoundError, match="there is no scenario 'c'"):
        pick_line(scenario_lines(lines("a", "b"), "x"), "c")
    with pytest.raises(InputError, match="holds several scenarios"):
        pick_line(scenario_lines(lines("a", "b"), "x"), None)
    with pytest.raises(InputError, match="holds no scenario"):
        pick_line(scenario_lines(lines(), "x"), None)


def test_files_one_after_the_other() -> None:
    files = MemoryFiles({"x": '{"id": "a"}\n\n{"id": "b"}\n', "y": '{"id": "c"}\n'})
    found = [(line.file, line.number, line.id) for line in scenario_lines(files, "x", "y")]
    assert found == [("x", 1, "a"), ("x", 3, "b"), ("y", 1, "c")]
