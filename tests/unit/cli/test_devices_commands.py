"""`allot who`, `gpus`, `saturation` on the example: what the texts say, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from allotment.model.observed.base import Condition, ObjectMeta, OwnerReference
from allotment.model.observed.nodes import Node
from allotment.model.observed.pods import Container, Pod, PodSpec, PodStatus, PodTemplate, Resources
from allotment.model.observed.queueing import AdmissionOf, Workload, WorkloadPodSet, WorkloadSpec, WorkloadStatus
from allotment.model.observed.snapshot import Gap, Objects, Snapshot, Source
from allotment.model.observed.work import Job
from allotment.observe.written import encode
from tests.unit.cli.conftest import ROOT, Run

EXAMPLE = str(ROOT / "examples" / "snapshots" / "holdings.json")


def test_who_says_what_is_odd_and_sums_up(run: Run) -> None:
    text = run("who", "--snapshot", EXAMPLE).ok()
    (row,) = [line for line in text.splitlines() if "job/segment" in line]
    for told in ("vision", "ben@example.com", " team-vision ", "16 h ago", "10 h ago", "its job has ended"):
        assert told in row
    assert "14.429 devices held, 7 of them idle, and of 1.429 nobody knows; 1.429 outside any queue" in text
    assert "4 by jobs that have ended" in text


def test_columns_in_which_nobody_knows_anything_are_left_out(run: Run, tmp_path: Path) -> None:
    owner = OwnerReference(kind="Job", name="w", uid="w")
    held = Resources(requests={"nvidia.com/gpu": "1"})
    asks = WorkloadPodSet(template=PodTemplate(spec=PodSpec(containers=(Container(name="c", resources=held),))))
    reserved = Condition(type="QuotaReserved", status="True")
    workload = Workload(
        metadata=ObjectMeta(name="w", namespace="nlp", uid="w1", owner_references=(owner,)),
        spec=WorkloadSpec(queue_name="fast", pod_sets=(asks,)),
        status=WorkloadStatus(admission=AdmissionOf(), conditions=(reserved,)),
    )
    holder = Pod(
        metadata=ObjectMeta(name="p", namespace="nlp", uid="p", labels={"batch.kubernetes.io/controller-uid": "w"},
                            owner_references=(OwnerReference(kind="Job", name="w", uid="w", controller=True),)),
        spec=PodSpec(node_name="n", containers=(Container(name="c", resources=held),)),
        status=PodStatus(phase="Running"),
    )  # fmt: skip
    job = Job(metadata=ObjectMeta(name="w", namespace="nlp", uid="w"))
    objects = Objects(pods=(holder,), workloads=(workload,), jobs=(job,))
    path = tmp_path / "f.gz"
    path.write_bytes(encode(Snapshot(taken_at="2027-01-11T09:30:00Z", sources=(Source(name="k", objects=objects),))))
    head, row, *_ = run("who", "--snapshot", str(path), "-l", "localqueue=fast").ok().splitlines()
    assert not {"TEAM", "PERSON", "IDLE", "ENDS"} & set(head.split())
    assert row.split()[:2] == ["nlp", "job/w"]
    assert run("who", "--snapshot", str(path), "-o", "name").ok() == "job/w -n nlp\n"
    assert "person" in run("who", "--snapshot", str(path), "-o", "csv").ok().splitlines()[0].split(",")
    slow = run("who", "--snapshot", str(path), "-l", "localqueue=slow")
    assert (slow.code, slow.out) == (0, "")
    assert "matches -l localqueue=slow; here localqueue is " in slow.err


def test_an_unknown_person_is_null_for_programs_and_never_guessed(run: Run) -> None:
    found = run("who", "--team", "vision", "-o", "json", "--snapshot", EXAMPLE).json()
    people = {item["job"]: item["person"] for item in found["items"]}
    assert people == {"Job/segment": "ben@example.com", "Pod/notebook-cho": None}
    assert found["devices"] == 5


def test_who_holds_slices_of_a_model_holds_the_model(run: Run) -> None:
    every = run("who", "-o", "json", "--snapshot", EXAMPLE).json()["items"]
    named = {
        name: run("who", "--accelerator", name, "-o", "json", "--snapshot", EXAMPLE).json()["items"]
        for name in ("t4", "a100")
    }
    for name, items in named.items():
        assert items == [each for each in every if name in each["accelerator"].lower()]
    assert any("SHARED" in each["accelerator"] or "mig" in each["resource"] for each in every)


def test_what_there_is_and_what_is_held_are_the_same_numbers(run: Run) -> None:
    rooms = run("gpus", "-o", "json", "--snapshot", EXAMPLE).json()["items"]
    held = run("who", "-o", "json", "--snapshot", EXAMPLE).json()
    assert sum(room["used"] for room in rooms) == pytest.approx(held["devices"], abs=0.01)
    a100 = next(room for room in rooms if room["accelerator"] == "NVIDIA-A100-SXM4-80GB")
    told = {name: a100[name] for name in ("total", "healthy", "used", "idleHeld", "free")}
    assert told == {"total": 16, "healthy": 16, "used": 12, "idleHeld": 6, "free": 4}
    assert a100["fits"] == {"1": 1, "2": 0, "4": 0, "8": 0}


def test_saturation_says_what_strands_the_free_devices(run: Run) -> None:
    text = run("saturation", "--snapshot", EXAMPLE).ok()
    assert "cpu is out first: 148 of 192 used; 1 more pod with one device would start, 3 free devices stranded" in text
    assert "Tesla-T4: no node takes new pods" in text


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("who", "--accelerator", "b200"), "there is no GPU model 'b200'"),
        (("who", "--team", "nobody"), "no team 'nobody' holds devices here"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(run: Run, words: tuple[str, ...], what: str) -> None:
    done = run(*words, "--snapshot", EXAMPLE)
    assert done.code == 3
    assert what in done.err
    assert "there are" in done.err


def test_names_from_the_cluster_do_not_reach_the_terminal_raw(run: Run, tmp_path: Path) -> None:
    evil = "x\x1b[31mred\nnext"
    container = Container(resources=Resources(requests={"nvidia.com/gpu": "1"}))
    pod = Pod(
        metadata=ObjectMeta(name=evil, namespace=evil),
        spec=PodSpec(containers=(container,), node_name=evil),
        status=PodStatus(phase="Running"),
    )
    node = Node(metadata=ObjectMeta(name=evil))
    gap = Gap(what="nodes", reason="failed", detail=evil)
    source = Source(name=evil, objects=Objects(pods=(pod,), nodes=(node,)), gaps=(gap,))
    file = tmp_path / "evil.gz"
    file.write_bytes(encode(Snapshot(sources=(source, source))))
    for command in ("who", "gpus", "saturation"):
        done = run(command, "--snapshot", str(file))
        assert done.code == 0, done.err
        assert "\x1b" not in done.out + done.err
        assert "nodes could" in done.out


UNREAD = [(command, "nodes") for command in ("gpus", "saturation", "waste", "capacity")]
UNREAD += [("who", "pods"), ("books", "ClusterQueues"), ("queues", "ClusterQueues"), ("when", "workloads")]
UNREAD += [("whatif --change quota:a/b/c=1", "ClusterQueues")]


@pytest.mark.parametrize(("command", "kind"), [*UNREAD, ("quotas", "ResourceQuotas and ClusterQueues")])
def test_what_could_not_be_read_is_not_said_to_be_nothing(run: Run, tmp_path: Path, command: str, kind: str) -> None:
    plurals = ("nodes", "pods", "clusterqueues", "resourcequotas", "workloads")
    gaps = tuple(Gap(what=each, reason="forbidden", detail="not for \x1b[1myou") for each in plurals)
    (tmp_path / "none.gz").write_bytes(encode(Snapshot(sources=(Source(name="c", gaps=gaps),))))
    done = run(*command.split(), "--snapshot", str(tmp_path / "none.gz"))
    assert (done.code, done.out) == (5, "")
    assert f"{kind} could not be read" in done.err
    assert "\x1b" not in done.err


def test_a_namespace_that_was_read_and_is_empty_is_an_answer(run: Run, tmp_path: Path) -> None:
    gap = Gap(what="pods", reason="forbidden")
    (tmp_path / "own.gz").write_bytes(encode(Snapshot(sources=(Source(namespaces=("nlp",), gaps=(gap,)),))))
    assert "pods were read in nlp alone" in run("who", "--snapshot", str(tmp_path / "own.gz")).ok()
