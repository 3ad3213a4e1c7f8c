"""A made-up cluster: what happens in it by itself, and what comes of what others change there."""

from __future__ import annotations

import pytest

from allotment.model.manifest import ObjectKey
from allotment.ports.kube import Deletion
from allotment.simulation.demo.fates import DemoPace, fate_of
from tests.unit.operations.demo.worlds import KUEUE, World


@pytest.fixture
def world() -> World:
    return World()


def test_a_job_is_let_in_runs_and_ends_as_is_its_fate(world: World) -> None:
    fate = fate_of(world.pace.seed, "nlp/probe/1")
    world.submit("nlp", "probe", 2)
    world.step()
    assert (world.job("nlp", "probe")["spec"]["suspend"], world.phases()) == (False, {"probe": "Pending"})
    world.pass_time(4)
    assert world.phases() == {"probe": "Running"}
    world.pass_time(round(fate.runs / 60) + 2)
    assert world.phases() == {"probe": "Failed" if fate.code else "Succeeded"}
    (ended,) = world.job("nlp", "probe")["status"]["conditions"]
    assert ended["type"] == ("Failed" if fate.code else "Complete")
    assert world.says("nlp", "probe", "Finished")["status"] == "True"


def test_who_asks_for_more_than_there_is_waits_and_is_told_why(world: World) -> None:
    for number in range(6):
        world.submit("nlp", f"wide-{number}", 4)
    world.pass_time(3)
    waiting = [name for number in range(6) if world.job("nlp", name := f"wide-{number}")["spec"]["suspend"]]
    assert len(waiting) == 3, "its 4, and the 8 that it may borrow"
    assert "insufficient unused quota for nvidia.com/gpu" in world.says("nlp", waiting[0], "QuotaReserved")["message"]
    assert len(world.living.lines.lines["nlp"]) == 3


def test_a_quota_that_is_raised_lets_in_who_waits(world: World) -> None:
    for number in range(4):
        world.submit("nlp", f"wide-{number}", 4)
    world.pass_time(2)
    assert world.says("nlp", "wide-3", "QuotaReserved")["status"] == "False"
    key = ObjectKey("kueue.x-k8s.io", "ClusterQueue", "", "nlp")
    queue = world.kube.get(KUEUE, key)
    assert queue is not None
    groups = queue["spec"]["resourceGroups"]
    for each in (quota for group in groups for flavor in group["flavors"] for quota in flavor["resources"]):
        each["nominalQuota"] = "9000Gi" if each["name"] == "memory" else "900"
    world.kube.merge_patch(KUEUE, key, {"spec": {"resourceGroups": groups}})
    world.step()
    assert world.says("nlp", "wide-3", "QuotaReserved")["status"] == "True"


def test_a_higher_rung_displaces_a_lower_one_of_its_team(world: World) -> None:
    for number in range(3):
        world.submit("nlp", f"low-{number}", 4)
    world.pass_time(3)
    world.submit("nlp", "high", 4, rung="scheduled-training")
    world.pass_time(4)
    assert world.says("nlp", "high", "Admitted")["status"] == "True"
    evicted = [name for number in range(3) if world.says("nlp", name := f"low-{number}", "Evicted")]
    assert len(evicted) == 1
    assert world.job("nlp", evicted[0])["spec"]["suspend"]
    assert evicted[0] not in world.phases()


def test_what_is_deleted_goes_with_all_that_was_made_for_it(world: World) -> None:
    world.submit("nlp", "probe", 2)
    world.pass_time(3)
    key = ObjectKey("batch", "Job", "nlp", "probe")
    world.kube.delete("batch/v1", key, how=Deletion(foreground=True))
    world.pass_time(2)
    assert (world.phases(), list(world.kube.list(KUEUE, "Workload"))) == ({}, [])


def test_nodes_break_and_come_back_and_what_ran_there_begins_anew() -> None:
    world = World(pace=DemoPace(seed=3, speed=600))
    world.submit("nlp", "probe", 2)
    broken: set[str] = set()
    for _ in range(400):
        world.step(2)
        broken |= {
            each["metadata"]["name"]
            for each in world.kube.list("v1", "Node")
            if each["status"]["conditions"][0]["status"] == "False"
        }
    assert broken
    assert len(broken) < 40
    left = [each for each in world.kube.list("v1", "Node") if each["status"]["conditions"][0]["status"] == "False"]
    assert len(left) < len(broken), "most are back"


def test_the_same_seed_and_the_same_steps_make_the_same_world() -> None:
    def course(seed: int) -> list[object]:
        world = World(pace=DemoPace(seed=seed, speed=600))
        for number in range(30):
            world.submit(("nlp", "cv", "ads")[number % 3], f"probe-{number}", 1 + number % 4)
        world.pass_time(40)
        return [dict(each) for kind in ("Pod", "Job", "Workload", "Node") for each in world.kube.held(kind)]

    first = course(1)
    assert first == course(1)
    assert first != course(2)


def test_a_log_goes_on_as_long_as_its_program_runs(world: World) -> None:
    world.submit("nlp", "probe", 2)
    world.pass_time(5)
    (pod,) = world.kube.list("v1", "Pod")
    key = ObjectKey("", "Pod", "nlp", pod["metadata"]["name"])
    (line, *_) = world.kube.pod_log(key, "main")
    assert line.text.startswith(b"step 0 loss=")
    world.pass_time(400)
    *_, last = world.kube.pod_log(key, "main", follow=True)
    assert last.text.startswith(b"done") or b"exit code" in last.text


def test_what_is_over_goes_after_a_while(world: World) -> None:
    world.submit("nlp", "probe", 2)
    key = ObjectKey("batch", "Job", "nlp", "probe")
    world.kube.merge_patch("batch/v1", key, {"spec": {"ttlSecondsAfterFinished": 86_400}})
    world.pass_time(300)
    assert world.job("nlp", "probe")["status"]["conditions"]
    world.pass_time(400)
    assert (world.kube.get("batch/v1", key), world.phases()) == (None, {})
