"""Jobs on a real control plane with real Kueue, in a namespace with all of examples/acme's guardrails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from allotment.errors import CapacityError, NotFoundError
from allotment.jobs.kubernetes.kinds import WorkKind
from allotment.jobs.kubernetes.order import WorkOrder
from allotment.jobs.kubernetes.place import place_of
from allotment.jobs.kubernetes.rendering import render_work
from allotment.model import labels
from allotment.model.jobs.job import (
    CheckpointPolicy,
    CodeFolder,
    JobSchedule,
    JobType,
    JobVolume,
    Program,
    RetryPolicy,
    StagedData,
    StagingTime,
    VolumeUse,
)
from allotment.model.jobs.native import native_shown
from allotment.model.jobs.run import JobState
from allotment.model.manifest import Body, key_of
from allotment.model.quantity import Bytes
from allotment.operations.run.kubernetes import pod_logs
from allotment.ports.backends import JobToStart
from allotment.ports.kube import Deletion
from allotment.ports.sandboxes import RUN_FOR
from tests.live.kubernetes.driving import FOREVER, NAMESPACE, Driver, devices, job, until
from tests.live.kubernetes.stand_in import logs_of_every_pod
from tests.live.training import member

pytestmark = pytest.mark.live

WORKLOADS = ("kueue.x-k8s.io/v1beta2", "Workload")
DATA = JobVolume("data", VolumeUse.READ_MOSTLY, "/data", claim="datasets")
CHECKPOINTS = JobVolume("runs", VolumeUse.CHECKPOINT, "/runs", claim="checkpoints")
WEIGHTS = StagedData("https://models.acme.example/llm", "data", "llm", StagingTime.BEFORE)


def test_what_the_cluster_offers(driver: Driver) -> None:
    offer = driver.backend.offer()
    assert offer.starts == ("Job", "CronJob", "Deployment")
    assert offer.accelerators == {"a100": 72, "h100": 32}
    (told,) = offer.told
    assert told.startswith("the nodes of this cluster are fake (KWOK)")


def test_a_job_with_code_runs_to_its_end(driver: Driver, tmp_path: Path) -> None:
    packed = tmp_path / "code.tar.gz"
    packed.write_bytes(b"\x1f\x8b" + b"x" * 100)
    code = CodeFolder(".", "", Bytes(1 << 20))
    asked = job(program=replace(job().program, code=code, environment={"A": "yes", "B": "$(HOME) {{"}))
    job_id = driver.start(asked, "4s", code=str(packed))
    ended = driver.wait(job_id, JobState.SUCCEEDED)
    assert ended.end is not None
    assert ended.end.code == 0
    assert native_shown(ended.native) == f"job/fine-tune--{job_id}"
    assert {each.attempt for each in driver.seen[job_id]} == {1}
    assert JobState.RUNNING in driver.states(job_id)
    ran = next(each for each in driver.seen[job_id] if each.places)
    assert ran.places[0].node.startswith("h100-spot-")
    # Handed over again it is what it was; taken and gone it is not made anew.
    again = JobToStart(job_id, asked, "member", 1, code=str(packed), taken=True)
    assert driver.backend.start(again).state is JobState.SUCCEEDED
    [shown] = [each for each in driver.backend.look() if each.id == job_id]
    assert shown.state is JobState.SUCCEEDED
    driver.backend.forget(job_id)
    assert job_id not in {each.id for each in driver.backend.look()}
    lost = driver.backend.start(replace(again, id="never-seen"))
    assert lost.state is JobState.FAILED
    assert driver.left("never-seen") == []


@pytest.mark.nightly
def test_a_failure_names_exit_code_and_rank_and_retries_are_counted(driver: Driver) -> None:
    failing = driver.start(job(replicas=2, needs=devices(1)), "1s", fails=True)
    retried = driver.start(job(retries=RetryPolicy(1, safe=True)), "1s", fails=True)
    ended = driver.wait(failing, JobState.FAILED)
    assert ended.end is not None
    assert (ended.end.code, ended.end.displaced) == (1, False)
    assert ended.end.rank in {0, 1}
    second = driver.wait(retried, JobState.FAILED)
    assert second.attempt == 2
    assert second.end is not None
    assert second.end.code == 1


@pytest.mark.nightly
def test_a_failure_of_all_ranks_costs_one_retry(driver: Driver) -> None:
    gang = job(replicas=3, gang=True, needs=devices(1), retries=RetryPolicy(1, safe=True))
    failing = driver.start(gang, "1s", fails=True)
    ended = driver.wait(failing, JobState.FAILED)
    assert ended.end is not None
    assert ended.end.code == 1
    (body,) = driver.live.kube.list("batch/v1", "Job", namespace=NAMESPACE, labels=f"allotment.dev/job={failing}")
    # All three, and then again at least the first of them.
    assert body["status"]["failed"] > 3


@pytest.mark.nightly
def test_a_gang_that_cannot_fit_leaves_nothing(driver: Driver) -> None:
    for number in (9, 8):  # no node holds one replica; the team's queue can never hold all
        asked = job(replicas=3, gang=True, needs=devices(number))
        with pytest.raises(CapacityError):
            driver.start(asked)
    holder = driver.start(job(replicas=2, gang=True, needs=devices(8)), FOREVER)
    driver.wait(holder, JobState.RUNNING)
    gang = driver.start(job(name="waits", replicas=2, gang=True, needs=devices(8)), FOREVER)
    until(lambda: (found := driver.look(gang)) is not None and bool(found.reason), lambda: driver.seen[gang])
    last = driver.seen[gang][-1]
    assert last.state is JobState.QUEUED
    assert "insufficient" in last.reason, last.reason
    assert [each for each in driver.left(gang) if each.startswith("Pod/")] == []
    driver.stop(gang)
    driver.wait(gang, JobState.STOPPED)
    driver.gone(gang)
    displaced_by_a_higher_rung(driver, holder)


def displaced_by_a_higher_rung(driver: Driver, low: str) -> None:
    """Also: what was displaced waits, says by whom, and runs again; stopped, it leaves nothing."""
    high = driver.start(job(name="urgent", needs=devices(8), priority="scheduled-training"), "5s")
    waiting = driver.wait(low, JobState.QUEUED)
    assert waiting.before is not None
    assert waiting.before.displaced
    assert "Preempted to accommodate" in waiting.before.said, waiting.before.said
    assert waiting.attempt == 2
    driver.wait(high, JobState.RUNNING)
    assert [each for each in driver.left(low) if each.startswith("Pod/")] == []
    driver.wait(high, JobState.SUCCEEDED)
    again = driver.wait(low, JobState.RUNNING)
    assert again.attempt == 2
    assert [place.rank for place in again.places] == [0, 1]
    driver.stop(low)
    driver.wait(low, JobState.STOPPED)
    driver.gone(low)


@pytest.mark.nightly
def test_staging_holds_no_device(driver: Driver) -> None:
    asked = job(
        volumes=(DATA, CHECKPOINTS),
        data=(WEIGHTS, replace(WEIGHTS, path="tokenizer")),
        checkpoint=CheckpointPolicy("/runs/one", 600, 120),
    )
    job_id = driver.start(asked, "2s")
    assert driver.seen[job_id][0].state is JobState.STAGING
    held: set[str] = set()
    while driver.look(job_id).state is JobState.STAGING:  # type: ignore[union-attr]
        for body in driver.live.kube.list("v1", "Pod", namespace=NAMESPACE, labels=f"{labels.JOB}={job_id}"):
            containers = (*body["spec"]["containers"], *body["spec"].get("initContainers", ()))
            held.update(name for each in containers for name in each["resources"]["requests"])
        for body in driver.live.kube.list(*WORKLOADS, namespace=NAMESPACE):
            if job_id in str(body["metadata"].get("ownerReferences")):
                held.update(name for each in body["spec"]["podSets"] for name in _requests(each))
    assert held == {"cpu", "memory"}
    driver.wait(job_id, JobState.RUNNING)
    assert driver.wait(job_id, JobState.SUCCEEDED).attempt == 1


def _requests(pod_set: dict) -> set[str]:  # type: ignore[type-arg]
    return {name for each in pod_set["template"]["spec"]["containers"] for name in each["resources"]["requests"]}


@pytest.mark.nightly
def test_stopped_while_it_is_staged_nothing_is_left(driver: Driver) -> None:
    job_id = driver.start(job(volumes=(DATA,), data=(WEIGHTS,)), FOREVER)
    driver.stop(job_id)
    driver.wait(job_id, JobState.STOPPED)
    driver.gone(job_id)


@pytest.mark.nightly
def test_a_service_of_one_pod_and_one_by_the_clock(driver: Driver) -> None:
    program = Program(argv=("serve",), image="registry.acme.example/serve:1", port=8000)
    service = driver.start(job(type=JobType.SERVICE, run_time=None, program=program), FOREVER)
    by_clock = driver.start(
        job(type=JobType.SCHEDULED, schedule=JobSchedule("*/1 * * * *", "Europe/Berlin", 600), needs=devices(1)), "2s"
    )
    assert driver.seen[by_clock][0].state is JobState.QUEUED
    assert "*/1 * * * * Europe/Berlin" in driver.seen[by_clock][0].reason
    running = driver.wait(service, JobState.RUNNING)
    assert native_shown(running.native) == f"deployment/fine-tune--{service}"
    assert sorted(each.split("/")[0] for each in driver.left(service)) == ["Deployment", "Pod", "Service"]
    driver.stop(service)
    driver.gone(service)
    driver.owner.stop(by_clock, 1)
    driver.gone(by_clock)


def test_logs_by_rank_from_a_stand_in_for_a_kubelet(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its streams do not end with their pods.
    monkeypatch.setattr(pod_logs, "SETTLING", 1.0)
    with logs_of_every_pod(driver.live, tmp_path, "h100-spot") as log:
        log.write_bytes(_line(0, b"step 1") + _line(1, b"\x1b[2J hostile \xff"))
        job_id = driver.start(job(replicas=2), FOREVER)
        driver.wait(job_id, JobState.RUNNING)
        found = list(driver.backend.log(job_id))
        assert [(each.rank, each.text) for each in found if each] == [
            (rank, text) for rank in (0, 1) for text in (b"step 1", b"\x1b[2J hostile \xff")
        ]
        assert [each.at for each in found[:2] if each] == [1795831200000, 1795831201000]
        (last,) = driver.backend.log(job_id, rank=1, tail=1)
        assert last is not None
        assert (last.rank, last.text) == (1, b"\x1b[2J hostile \xff")
        followed = []
        for line in driver.backend.log(job_id, follow=True, tail=1):
            followed += [] if line is None else [(line.rank, line.text)]
            if len(followed) == 2:
                with log.open("ab") as file:
                    file.write(_line(2, b"more"))
            if len(followed) == 4:
                driver.stop(job_id)
        assert sorted(followed[2:]) == [(0, b"more"), (1, b"more")]
        assert driver.wait(job_id, JobState.STOPPED)
    with pytest.raises(NotFoundError):
        driver.backend.log("never-seen")


def test_pods_that_are_refused_later_are_told_as_the_reason(driver: Driver) -> None:
    """The job was let in; a quota that came since takes none of its pods."""
    quota: Body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "later", "namespace": NAMESPACE}}
    quota = {**quota, "spec": {"hard": {"pods": "0"}}}
    kube = driver.live.kube
    kube.create(quota)
    try:
        until(lambda: "status" in (kube.get("v1", key_of(quota)) or {}), lambda: "the quota does not count")
        job_id = driver.start(job(replicas=2), "1s")
        until(lambda: (found := driver.look(job_id)) is not None and bool(found.reason), lambda: driver.seen[job_id])
        last = driver.seen[job_id][-1]
        assert last.state is JobState.STARTING
        assert last.reason.startswith('its pods cannot be made: "forbidden: exceeded quota: later'), last.reason
    finally:
        kube.delete("v1", key_of(quota))
    driver.stop(job_id)


@pytest.mark.nightly
def test_a_colleague_takes_the_place_of_nothing(driver: Driver) -> None:
    """While data are fetched every name and every label of the job is known to whoever may look."""
    asked = job(volumes=(DATA,), data=(WEIGHTS,))
    kube, colleague = driver.live.kube, member(NAMESPACE, "mallory")
    names = [driver.start(asked, FOREVER) for _ in range(2)]
    made = {}
    for job_id in names:
        place = place_of(driver.live.platform, driver.live.cluster, asked)
        made[job_id] = render_work(WorkOrder(job_id, asked), place, {WorkKind.JOB})
        assert driver.look(job_id) is not None
    driver.paced.pace = {RUN_FOR: "1s"}
    # Of the first, what fetches is made anew, and is complete at once; of the second, what runs is there already.
    staging = made[names[0]].staging
    assert staging is not None
    kube.delete("batch/v1", key_of(staging), identity=colleague, how=Deletion(foreground=True))
    until(lambda: kube.get("batch/v1", key_of(staging)) is None, lambda: "it does not go")
    driver.paced.create(staging, identity=colleague)
    driver.paced.create(made[names[1]].main, identity=colleague)
    until(lambda: "completionTime" in str(kube.get("batch/v1", key_of(staging))), lambda: "it does not complete")
    assert driver.look(names[0]) is None
    assert kube.get("batch/v1", key_of(made[names[0]].main)) is None
    second = driver.look(names[1])
    assert second is not None
    assert second.state is JobState.STAGING
    kube.delete("batch/v1", key_of(staging))
    kube.delete("batch/v1", key_of(made[names[1]].main), how=Deletion(foreground=True))


@pytest.mark.nightly
def test_a_queue_that_gives_up_on_a_job_is_told(driver: Driver) -> None:
    job_id = driver.start(job(replicas=2), FOREVER)
    driver.wait(job_id, JobState.RUNNING)
    kube = driver.live.kube
    (books,) = (each for each in kube.list(*WORKLOADS, namespace=NAMESPACE) if job_id in str(each["metadata"]))
    key = key_of({**books, "apiVersion": WORKLOADS[0], "kind": WORKLOADS[1]})
    kube.merge_patch(WORKLOADS[0], key, {"spec": {"active": False}})
    off = driver.wait(job_id, JobState.QUEUED)
    assert off.reason == "it was deactivated in its queue: The workload is deactivated"
    kube.merge_patch(WORKLOADS[0], key, {"spec": {"active": True}})
    assert driver.wait(job_id, JobState.RUNNING).attempt == 2
    driver.stop(job_id)


def _line(second: int, text: bytes) -> bytes:
    """As a container runtime writes it."""
    return f"2026-11-28T02:00:0{second}.000000001Z stdout F ".encode() + text + b"\n"
