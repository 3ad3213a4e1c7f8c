"""What a change of nodes says in a table, in JSON, in csv; and that it stays within a narrow terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.cli.commands.foresee.live_nodes_view import moved_text, placed_text, reasons_of, state_after
from allotment.model.observed.base import Reference
from allotment.operations.foresee.live.node_effects import MovedWork, PlacedWork
from allotment.operations.foresee.live.pod_fates import MovedPod, PodFate
from tests.unit.cli.conftest import ROOT, Run

EXAMPLE = ("--snapshot", str(ROOT / "examples" / "snapshots" / "training-eastus.json"))
DRAIN = ("whatif", "--change", "drain:a100-on-demand-0", *EXAMPLE)
JOB = Reference(kind="Job", namespace="nlp", name="train\x1b[2J")
GPU = "nvidia.com/gpu"


def moved(*fates: PodFate, message: str = "") -> MovedWork:
    pods = tuple(
        MovedPod(f"p{at}", "a", runs=True, fate=fate, to="b" if fate is PodFate.PLACED else "", message=message)
        for at, fate in enumerate(fates)
    )
    return MovedWork(JOB, "cq", pods, {GPU: len(pods)})


@pytest.mark.parametrize(
    ("row", "state", "what"),
    [
        (moved(PodFate.PLACED), "runs", "1 pod to b"),
        (moved(PodFate.PLACED, PodFate.WAITS, PodFate.WAITS), "1 of 3 run", "1 pod to b; 2 pods find no node"),
        (replace(moved(PodFate.WAITS), elsewhere=9), "9 of 10 run", "1 pod finds no node"),
        (replace(moved(PodFate.PLACED), elsewhere=9), "runs", "1 pod to b"),
        (replace(moved(PodFate.JOB_FAILS), elsewhere=9), "fails", "1 pod ends, and the Job fails"),
        (moved(PodFate.LOST), "lost", "1 pod is lost"),
        (moved(PodFate.JOB_FAILS, PodFate.JOB_FAILS), "fails", "2 pods end, and the Job fails"),
        (moved(PodFate.HELD, PodFate.PLACED), "2 of 2 run", "1 pod held by a budget; 1 pod to b"),
        (moved(PodFate.AWAITS_NODE), "waits", "1 pod waits for the node"),
    ],
)
def test_what_becomes_of_work_is_told_in_a_few_words(row: MovedWork, state: str, what: str) -> None:
    assert (state_after(row), moved_text(row)) == (state, what)


def test_a_message_of_the_scheduler_is_cut_before_preemption_and_names_cannot_write_on_the_terminal() -> None:
    said = "0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available: 2 no help."
    waiting = PlacedWork(JOB, "", 4, {}, 1, 3, said, victims=("nlp/q",))
    assert placed_text(waiting) == "2 pods find nodes"
    lines = list(reasons_of([moved(PodFate.WAITS, message=said), moved(PodFate.WAITS, message=said), waiting]))
    assert [each.partition(": ")[2] for each in lines] == [
        "0/2 nodes are available: 2 Insufficient cpu",
        "without a node, 1 pod: 0/2 nodes are available: 2 Insufficient cpu",
        "in the place of nlp/q",
    ]
    assert not any("\x1b" in each for each in lines)


def test_a_drain_in_every_form(run: Run) -> None:
    text = run(*DRAIN).ok()
    assert text.startswith("drain a100-on-demand-0: 1 pod has to leave\n")
    assert "books: 32 nvidia.com/gpu in flavor a100-on-demand are guaranteed, and 24 can be used now" in text
    assert "1 pod finds no node" in text
    nodes = run(*DRAIN, "-o", "json").json()["nodes"]
    (work,) = nodes["leaving"]
    assert (work["job"]["name"], work["devices"], [each["fate"] for each in work["pods"]]) == (
        "detector-v4",
        {GPU: 8},
        ["waits"],
    )
    assert nodes["changes"] == [
        {"change": "drain", "node": "a100-on-demand-0", "like": None, "leaving": 1, "staying": 0, "daemonPods": 0}
    ]
    assert run(*DRAIN, "-o", "csv").ok().splitlines()[1].endswith("1 pod finds no node")
    assert run(*DRAIN, "-o", "json", "-l", "queue=nlp").json()["nodes"]["leaving"] == []
    assert run("whatif", "--change", "hold:nlp", *EXAMPLE, "-o", "json").json()["nodes"] is None


@pytest.mark.parametrize("width", [80, 160])
def test_the_table_stays_within_the_terminal(run: Run, width: int) -> None:
    table = run(*DRAIN, env={"COLUMNS": str(width)}).ok().split("\n\n")[1]
    assert all(len(line) <= width for line in table.splitlines())
    assert ("DEVICES" in table.splitlines()[0]) == (width == 160)


def test_what_gets_its_quota_now_is_told_so_without_a_basis_for_later_starts(run: Run) -> None:
    changes = ("--change", "quota:nlp/a100-on-demand/nvidia.com/gpu=40", "--change", "cordon:cpu-0")
    table = run("whatif", *changes, *EXAMPLE, env={"COLUMNS": "160"}).ok().split("\n\n")[1]
    (row,) = [line.split("   ") for line in table.splitlines() if "job/pretrain" in line]
    assert [cell.strip() for cell in row if cell.strip()][-2:] == ["now", "gets quota"]
