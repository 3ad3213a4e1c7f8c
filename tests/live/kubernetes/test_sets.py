"""Gangs and services of several pods with their real controllers; kinds only asked for, by their real schemas."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.jobs.kubernetes.budget import BUDGET
from allotment.jobs.kubernetes.kinds import WorkKind
from allotment.jobs.kubernetes.order import WorkOrder
from allotment.jobs.kubernetes.place import place_of
from allotment.jobs.kubernetes.rendering import render_work
from allotment.jobs.kubernetes.train_job import RUNTIME
from allotment.model import labels
from allotment.model.jobs.job import Job, JobType, RetryPolicy, Sweep, SweptParameter
from allotment.model.jobs.native import native_shown
from allotment.model.jobs.run import JobState
from allotment.model.manifest import Body
from tests.live.kubernetes.driving import FOREVER, NAMESPACE, Driver, devices, job, until
from tests.live.training import member, owner, refusal

pytestmark = [pytest.mark.live, pytest.mark.nightly]

GANG = job(replicas=2, gang=True, retries=RetryPolicy(1, safe=True))


def pods(driver: Driver, job_id: str) -> list[Body]:
    return list(driver.live.kube.list("v1", "Pod", namespace=NAMESPACE, labels=f"{labels.JOB}={job_id}"))


def test_a_gang_runs_to_its_end_and_its_ranks_know_each_other(sets_driver: Driver) -> None:
    job_id = sets_driver.start(GANG, "6s")
    running = sets_driver.wait(job_id, JobState.RUNNING)
    assert native_shown(running.native) == f"jobset/fine-tune--{job_id}"
    assert [place.rank for place in running.places] == [0, 1]
    made = {
        pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"]: pod for pod in pods(sets_driver, job_id)
    }
    first = made["0"]["spec"]
    variables = {each["name"]: each.get("value") for each in made["1"]["spec"]["containers"][0]["env"]}
    assert variables["MASTER_ADDR"] == f"{first['hostname']}.{first['subdomain']}"
    assert variables["WORLD_SIZE"] == "2"
    services = list(sets_driver.live.kube.list("v1", "Service", namespace=NAMESPACE))
    assert first["subdomain"] in {each["metadata"]["name"] for each in services}
    assert sets_driver.wait(job_id, JobState.SUCCEEDED).end is not None
    assert JobState.STOPPING not in sets_driver.states(job_id)


def test_a_rank_that_fails_takes_the_gang_along_and_it_is_tried_again(sets_driver: Driver) -> None:
    job_id = sets_driver.start(GANG, "2s", fails=True)
    ended = sets_driver.wait(job_id, JobState.FAILED)
    assert ended.attempt == 2
    assert ended.end is not None
    assert ended.end.code == 1


def test_a_gang_makes_room_as_a_whole_and_runs_again(sets_driver: Driver) -> None:
    low = sets_driver.start(replace(GANG, needs=devices(8)), FOREVER)
    sets_driver.wait(low, JobState.RUNNING)
    high = sets_driver.start(job(name="urgent", needs=devices(8), priority="scheduled-training"), "5s")
    waiting = sets_driver.wait(low, JobState.QUEUED)
    assert waiting.before is not None
    assert waiting.before.displaced
    until(lambda: not pods(sets_driver, low), lambda: pods(sets_driver, low))
    sets_driver.wait(high, JobState.SUCCEEDED)
    assert sets_driver.wait(low, JobState.RUNNING).attempt == 2
    sets_driver.stop(low)
    sets_driver.wait(low, JobState.STOPPED)
    sets_driver.gone(low)


def test_a_service_of_two_pods(sets_driver: Driver) -> None:
    program = replace(job().program, port=8000)
    job_id = sets_driver.start(job(type=JobType.SERVICE, run_time=None, replicas=2, program=program), FOREVER)
    running = sets_driver.wait(job_id, JobState.RUNNING)
    assert [place.rank for place in running.places] == [0, 1]
    leader = next(
        pod
        for pod in pods(sets_driver, job_id)
        if pod["metadata"]["labels"]["leaderworkerset.sigs.k8s.io/worker-index"] == "0"
    )
    variables = {each["name"]: each.get("value") for each in leader["spec"]["containers"][0]["env"]}
    assert variables["MASTER_ADDR"] == f"{leader['metadata']['name']}.{leader['spec']['subdomain']}"
    sets_driver.stop(job_id)
    sets_driver.gone(job_id)


def test_a_gang_without_jobset_finds_its_ranks_by_our_service(sets_driver: Driver) -> None:
    order = WorkOrder("plain", GANG)
    place = place_of(sets_driver.live.platform, sets_driver.live.cluster, GANG)
    for body in render_work(order, place, {WorkKind.JOB}):
        assert sets_driver.live.refusal(body, owner(NAMESPACE)) == ""
        # What holds a drain up, members may not make; their gangs run without it.
        assert bool(sets_driver.live.refusal(body, member(NAMESPACE))) is (body["kind"] == BUDGET)


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        (job(replicas=2), WorkKind.RAY_JOB),
        (job(replicas=2, gang=True), WorkKind.TRAIN_JOB),
        (job(type=JobType.SWEEP, sweep=Sweep((SweptParameter("lr", ("1", "2")),), 2, 0, 2)), WorkKind.JOB),
        (job(type=JobType.NOTEBOOK, run_time=None), WorkKind.JOB),
    ],
)
def test_kinds_that_are_asked_for_pass_their_schemas_and_our_guardrails(
    sets_driver: Driver, asked: Job, kind: WorkKind
) -> None:
    live = sets_driver.live
    if kind is WorkKind.TRAIN_JOB:
        refusal(lambda: live.kube.create(_RUNTIME))
    place = place_of(live.platform, live.cluster, asked)
    for body in render_work(WorkOrder("asked", asked), place, frozenset(WorkKind), wanted=kind):
        assert live.refusal(body, member(NAMESPACE)) == ""


_NODE = {
    "restartPolicy": "Never",
    "containers": [{"name": "node", "image": "registry.acme.example/torch:1"}],
}
_RUNTIME: Body = {
    "apiVersion": "trainer.kubeflow.org/v1alpha1",
    "kind": "ClusterTrainingRuntime",
    "metadata": {"name": RUNTIME},
    "spec": {
        "mlPolicy": {"numNodes": 1, "torch": {}},
        "template": {
            "spec": {
                "replicatedJobs": [
                    {
                        "name": "node",
                        "template": {
                            "metadata": {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}},
                            "spec": {"template": {"spec": _NODE}},
                        },
                    }
                ]
            }
        },
    },
}
