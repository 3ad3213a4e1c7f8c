"""What would become of a job in a cluster, told before anything is made, and what cannot be told."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from allotment.adapters.clock import FixedClock
from allotment.adapters.kube.fake import FakeKube
from allotment.cli.commands.run.jobs_view import foreseen_listing, foreseen_text
from allotment.errors import CapacityError, UnreachableError
from allotment.jobs.kubernetes.kinds import WorkKind
from allotment.model.jobs.job import DependencyState, JobDependency, JobType, SecretVariable, Sweep, SweptParameter
from allotment.operations.run.kubernetes.foreseeing import ForeseenThere
from allotment.operations.run.lane import Lane
from allotment.operations.run.local.fitting import OPEN_FIELDS
from allotment.ports.backends import ForeseenStart, JobToStart, NeverStartsError
from allotment.ports.job_service import ForeseenJob, JobSubmission
from allotment.ports.kube import AccessRefusedError
from tests.unit.api.test_service import World as ServedWorld
from tests.unit.jobs.kubernetes.work import gang, job, nightly, program, rendered, service
from tests.unit.operations.run.machine import job as machine_job

KUEUE = "kueue.x-k8s.io/v1beta2"
AT = dt.datetime(2026, 1, 1, 1, tzinfo=dt.UTC)
"""An hour after what runs has started."""
HUGE = {"cpu": "1000", "memory": "10Ti", "pods": "110"}
MARKS = {"allotment.dev/accelerator": "a100", "allotment.dev/capacity-type": "spot"}


def made(api: str, kind: str, name: str, namespace: str = "", **more: Any) -> dict[str, Any]:
    place = {"namespace": namespace} if namespace else {}
    metadata = {"name": name, **place, "uid": f"{kind}-{name}", **more.pop("meta", {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **more}


class World:
    """One node with devices, two queues that share them, and who holds them."""

    def __init__(self, quota: int = 4, devices: int = 4) -> None:
        self.kube = FakeKube()
        active = {"conditions": [{"type": "Active", "status": "True"}]}
        room = {**HUGE, "nvidia.com/gpu": str(devices)}
        ready = {"capacity": room, "allocatable": room, "conditions": [{"type": "Ready", "status": "True"}]}
        resources = [{"name": name, "nominalQuota": each} for name, each in HUGE.items() if name != "pods"]
        quotas = [*resources, {"name": "nvidia.com/gpu", "nominalQuota": quota}]
        groups = [
            {
                "coveredResources": [each["name"] for each in quotas],
                "flavors": [{"name": "a100", "resources": quotas}],
            }
        ]
        spec = {
            "cohortName": "all", "namespaceSelector": {}, "resourceGroups": groups,
            "preemption": {"withinClusterQueue": "LowerPriority"},
        }  # fmt: skip
        ours = rendered(job()).main["metadata"]["labels"]["kueue.x-k8s.io/queue-name"]
        for each in (
            made("v1", "Namespace", "nlp"),
            made("v1", "Namespace", "vision"),
            made("v1", "Node", "gpu-0", meta={"labels": MARKS}, status=ready),
            made("node.k8s.io/v1", "RuntimeClass", "nvidia", handler="nvidia"),
            made("scheduling.k8s.io/v1", "PriorityClass", "exploratory", value=100),
            made(KUEUE, "WorkloadPriorityClass", "exploratory", value=100),
            made(KUEUE, "ResourceFlavor", "a100", spec={"nodeLabels": MARKS}),
            made(KUEUE, "ClusterQueue", "nlp", spec=spec, status=active),
            made(KUEUE, "LocalQueue", ours, "nlp", spec={"clusterQueue": "nlp"}, status=active),
            made(KUEUE, "LocalQueue", ours, "vision", spec={"clusterQueue": "nlp"}, status=active),
        ):
            self.kube.put(each)

    def running(self, name: str, namespace: str, devices: int, priority: int) -> None:
        """A Job that holds quota and the node."""
        asked = {"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": str(devices)}
        container = {"name": "main", "image": "x", "resources": {"requests": asked, "limits": asked}}
        pod = {"containers": [container], "restartPolicy": "Never"}
        template = {"metadata": {}, "spec": pod}
        job_ = made(
            "batch/v1",
            "Job",
            name,
            namespace,
            spec={"template": template, "parallelism": 1, "activeDeadlineSeconds": 7200},
        )
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": f"Job-{name}", "controller": True}
        held = dict.fromkeys(asked, "a100")
        since = "2026-01-01T00:00:00Z"
        granted = [
            {"type": each, "status": "True", "reason": each, "lastTransitionTime": since}
            for each in ("QuotaReserved", "Admitted")
        ]
        assigned = {"name": "main", "count": 1, "flavors": held, "resourceUsage": asked}
        workload = made(
            KUEUE, "Workload", f"job-{name}", namespace,
            meta={"ownerReferences": [owner], "creationTimestamp": since},
            spec={
                "queueName": "default", "priority": priority, "active": True,
                "podSets": [{"name": "main", "count": 1, "template": template}],
            },
            status={
                "conditions": granted, "admission": {"clusterQueue": "nlp", "podSetAssignments": [assigned]},
            },
        )  # fmt: skip
        runs = made(
            "v1", "Pod", f"{name}-0", namespace,
            meta={"ownerReferences": [owner]}, spec={**pod, "nodeName": "gpu-0", "priority": priority},
            status={"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        )  # fmt: skip
        for each in (job_, workload, runs):
            self.kube.put(each)

    def foreseen(self, asked: Any = None) -> ForeseenStart:
        there = ForeseenThere(self.kube, FixedClock(AT), lambda order: rendered(order.job), lambda: {"Job-own": "a1b2"})
        return there.foreseen(JobToStart("j0", asked or job(), "jane", 1))


def test_what_has_quota_and_a_node_starts_now() -> None:
    assert World().foreseen() == ForeseenStart(now=True)
    assert World().foreseen(service()) == ForeseenStart(now=True)


@pytest.mark.parametrize(
    ("there", "may", "waits_for"),
    [
        (None, True, "the Secret hub is not there"),
        ({"other": ""}, True, "the Secret hub has no key token"),
        ({"token": ""}, True, ""),
        (None, False, ""),
    ],
)
def test_a_secret_that_is_not_there_keeps_the_pods_and_is_told_where_it_may_be_read(
    there: dict[str, str] | None, may: bool, waits_for: str
) -> None:
    world = World()
    world.kube.own_rights = lambda question: may or question.resource != "secrets"
    if there is not None:
        world.kube.put(made("v1", "Secret", "hub", "nlp", data=there))
    asked = job(program=program(secrets=(SecretVariable("HF_TOKEN", "hub", "token"),)))
    assert world.foreseen(asked) == ForeseenStart(now=not waits_for, waits_for=waits_for)


def test_what_its_queue_has_no_quota_for_waits_in_the_words_of_why() -> None:
    """Nothing has ended yet, but what is in the way has a limit: two hours, of which one is over."""
    world = World()
    world.running("own", "nlp", 3, priority=100)
    found = world.foreseen()
    assert found.within is not None
    assert 0 <= found.within[0] < found.within[1] <= 3_600_000
    assert (found.now, found.displaces, found.others) == (False, (), ())
    assert found.waits_for.startswith("it asks for 2 nvidia.com/gpu, and of the 4 that the ClusterQueue nlp has")


def test_what_has_quota_and_no_node_waits_for_the_node() -> None:
    found = World(devices=1).foreseen()
    assert found.now is False
    assert "nvidia.com/gpu" in found.waits_for


def test_whom_it_displaces_by_id_where_it_is_ours_and_by_name_where_it_is_not() -> None:
    world = World()
    world.running("own", "nlp", 2, priority=1)
    world.running("theirs", "vision", 2, priority=1)
    assert world.foreseen(gang(replicas=2)) == ForeseenStart(
        now=True, displaces=("a1b2",), others=("job/theirs in vision",)
    )


@pytest.mark.parametrize("times", [("00:00:00", "00:10:00"), ("00:10:00", "00:00:00")])
@pytest.mark.parametrize("ranks", [(1, 2), (2, 1)])
def test_whom_kueue_ends_has_left_its_node_before_the_scheduler_comes(
    times: tuple[str, str], ranks: tuple[int, int]
) -> None:
    """Kueue and the scheduler choose by different rules; one of the two is enough, and Kueue comes first."""
    world = World()
    for name, time, rank in zip(("first", "second"), times, ranks, strict=True):
        world.running(name, "vision", 2, priority=1)
        for kind, changed in (("Workload", {"creationTimestamp": f"2026-01-01T{time}Z"}), ("Pod", {})):
            (body,) = (
                each
                for each in world.kube.list(KUEUE if kind == "Workload" else "v1", kind)
                if name in each["metadata"]["name"]
            )
            spec = body["spec"] if kind == "Workload" else {**body["spec"], "priority": rank}
            world.kube.put({**body, "metadata": {**body["metadata"], **changed}, "spec": spec})
    found = world.foreseen()
    assert (found.now, len(found.displaces) + len(found.others)) == (True, 1)


def test_what_was_read_is_believed_until_the_server_itself_has_made_or_ended_something() -> None:
    world, acts = World(), [0]
    asked = lambda order: rendered(order.job)  # noqa: E731
    there = ForeseenThere(world.kube, FixedClock(AT), asked, dict, lambda: acts[0])
    answers = [there.foreseen(JobToStart("j0", job(), "jane", 1)).now]
    world.running("own", "nlp", 3, priority=100)
    answers.append(there.foreseen(JobToStart("j0", job(), "jane", 1)).now)
    acts[0] += 1
    answers.append(there.foreseen(JobToStart("j0", job(), "jane", 1)).now)
    assert answers == [True, True, False]


def test_what_could_never_be_let_in_is_told_so() -> None:
    """Such a job is refused before it is asked about; quota that falls in between says the same."""
    found = World(quota=1).foreseen()
    assert found.now is False
    assert found.waits_for.startswith("as things are it could never start: ")


def test_a_kind_that_does_not_say_which_pods_it_has_is_not_taken_to_have_none() -> None:
    world = World(quota=0)
    train = rendered(gang(replicas=2), wanted=WorkKind.TRAIN_JOB)
    there = ForeseenThere(world.kube, FixedClock(AT), lambda _: train, dict)
    found = there.foreseen(JobToStart("j0", gang(replicas=2), "jane", 1))
    assert (found.now, bool(found.untold)) == (None, True)


@pytest.mark.parametrize("unread", ["Node", "Pod", "Workload", "ClusterQueue", "Cohort"])
def test_without_the_rights_to_see_what_is_free_nothing_is_told_but_why(unread: str) -> None:
    world = World()

    def refusing(call: Any) -> None:
        if call.key.kind == unread and not call.done:
            raise AccessRefusedError("refused", status=403, reason="Forbidden", message="no")

    world.kube.hook = refusing
    found = world.foreseen()
    assert found.now is None
    assert f"{unread.lower()}s" in found.untold


def test_a_cluster_that_does_not_answer_and_what_runs_by_the_clock() -> None:
    world = World()
    assert "by the clock" in world.foreseen(nightly()).untold

    def silent(_: Any) -> None:
        raise UnreachableError("the cluster does not answer", why="no route")

    world.kube.hook = silent
    assert world.foreseen() == ForeseenStart(untold="the cluster does not answer: no route")


def test_the_price_is_told_though_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    world = ServedWorld()
    known = world.desk.foresee(JobSubmission(machine_job(), "local"))

    def silent(*_: Any) -> Any:
        raise UnreachableError("it does not answer")

    for step in ("foreseen", "check"):
        monkeypatch.setattr(Lane, step, silent)
        found = world.desk.foresee(JobSubmission(machine_job(), "local"))
        assert (found.job, found.price, found.start) == (
            known.job, known.price, ForeseenStart(untold="it does not answer"),
        )  # fmt: skip
    assert known.price is not None


def test_of_a_sweep_that_its_back_end_runs_as_a_whole_the_price_is_said_to_be_that_of_a_trial(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = ServedWorld()
    values = SweptParameter("lr", tuple(map(str, range(4))))
    asked = replace(machine_job(), type=JobType.SWEEP, sweep=Sweep((values,), 4, 0, 2))
    for step, answer in (("check", ()), ("foreseen", ForeseenStart())):
        monkeypatch.setattr(Lane, step, lambda *_, answer=answer: answer)
    assert world.desk.foresee(JobSubmission(asked, "local")).told == ()
    monkeypatch.setattr(Lane, "keeps", lambda *_: False)
    told = world.desk.foresee(JobSubmission(asked, "local")).told
    assert told == ("the price is that of one trial: 2 of 4 run at the same time, for 2 times that",)


def test_usual_amounts_are_told_only_where_they_may_be_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    world, kinds = ServedWorld(), (CapacityError, NeverStartsError)
    open_job = JobSubmission(machine_job(), "local", unwritten=frozenset(OPEN_FIELDS))
    fixes = []
    for kind in kinds:

        def refuse(*_: Any, kind: type[CapacityError] = kind) -> None:
            raise kind("no room", fix="ask for less")

        monkeypatch.setattr(Lane, "check", refuse)
        with pytest.raises(CapacityError) as refused:
            world.desk.submit(open_job)
        assert type(refused.value) is CapacityError, "known by its name to whoever asks through the socket"
        fixes.append(refused.value.fix)
    assert ["its file does not name all of it" in each for each in fixes] == [True, False]


def test_what_comes_after_others_says_so_first() -> None:
    world = ServedWorld()
    first = world.desk.submit(JobSubmission(machine_job(name="first"), "local")).job
    second = world.desk.submit(JobSubmission(machine_job(name="second"), "local")).job
    must = (JobDependency("first", DependencyState.SUCCEEDED), JobDependency("second", DependencyState.ENDED))
    found = world.desk.foresee(JobSubmission(machine_job(after=must), "local")).start
    assert found.now is False
    assert found.waits_for == (
        f"it is not handed over before first ({first.id}) has succeeded, second ({second.id}) is over"
    )
    for each in (first, second):
        world.desk.stop(each.id)
        while not world.desk.find(each.id).state.over:
            world.desk.step()
    assert world.desk.foresee(JobSubmission(machine_job(after=must), "local")).start.waits_for == ""


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (ForeseenStart(True, (), others=("job/x in a",)), "  it would start once job/x in a has made room"),
        (
            ForeseenStart(True, others=("job/x in a", "job/y\x1b in b"), more_others=2),
            "  it would start once job/x in a, job/y\\x1b in b, 2 more have made room",
        ),
        (
            ForeseenStart(False, waits_for="all are in use", within=(60_000, 7_200_000)),
            "  it would wait: all are in use\n  likely to start in 1 min to 2 h",
        ),
        (ForeseenStart(untold="nodes may not be read"), "  when it would start cannot be told: nodes may not be read"),
    ],
)
def test_what_was_foreseen_as_people_and_programs_read_it(start: ForeseenStart, told: str) -> None:
    found = ForeseenJob(job(), start, None)
    assert foreseen_text(found, "EUR").split("\n", 1)[1] == told
    document = foreseen_listing([found], "EUR").document(found)
    assert (document["startsNow"], document["displacesOthers"], document["notTold"]) == (
        start.now, start.others, start.untold or None,
    )  # fmt: skip
    assert document["latestSeconds"] == (7200 if start.within else None)
