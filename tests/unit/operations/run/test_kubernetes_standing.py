"""How a job stands, by what a cluster shows of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allotment.adapters.kube.fake import FakeKube
from allotment.model.jobs.run import JobState, MoveCause
from allotment.operations.run.following import PLACE_LOST
from allotment.operations.run.kubernetes.refusals import look_for_refusals
from allotment.operations.run.kubernetes.seeing import JobHome, seen_jobs
from allotment.operations.run.kubernetes.standing import followed, is_staged
from allotment.ports.backends import EndOfRun, FollowedJob

Body = dict[str, Any]
NAMESPACE = "nlp"
MAIN = {"allotment.dev/job": "k7x2", "allotment.dev/part": "main", "allotment.dev/attempt": "1"}
STAGING = {**MAIN, "allotment.dev/part": "staging"}
NAME = "work--k7x2"
HOMES = {each: JobHome(each, NAMESPACE, "work") for each in ("k7x2", "other")}
API = {"Job": "batch/v1", "CronJob": "batch/v1", "JobSet": "jobset.x-k8s.io/v1alpha2", "RayJob": "ray.io/v1"}


def made(kind: str, uid: str, *, labels: Body = MAIN, owner: Body | None = None, **more: Any) -> Body:
    own = NAME if labels["allotment.dev/part"] == "main" else f"{NAME}-staging"
    name = own if owner is None else f"work-{uid}"
    metadata = {"name": name, "namespace": NAMESPACE, "uid": uid, "labels": labels, **more.pop("metadata", {})}
    if owner is not None:
        reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"]}
        metadata["ownerReferences"] = [{**reference, "uid": owner["metadata"]["uid"], "controller": True}]
    return {"apiVersion": API.get(kind, "v1"), "kind": kind, "metadata": metadata, **more}


def job(
    *conditions: Body, suspend: bool = False, status: Body | None = None, spec: Body | None = None, **more: Any
) -> Body:
    spec = {"suspend": suspend, "backoffLimit": 2, **(spec or {})}
    return made("Job", "job", spec=spec, status={"conditions": list(conditions), **(status or {})}, **more)


def said(type_: str, reason: str = "", message: str = "", status: str = "True", *, at: str = "0:00") -> Body:
    when = f"2026-11-28T02:0{at}Z"
    return {"type": type_, "status": status, "reason": reason, "message": message, "lastTransitionTime": when}


def workload(
    owner: Body,
    *conditions: Body,
    evictions: int = 0,
    active: bool = True,
    admitted: bool = False,
    status: Body | None = None,
) -> Body:
    stats = {"schedulingStats": {"evictions": [{"reason": "Preempted", "underlyingCause": "", "count": evictions}]}}
    status = {"conditions": list(conditions), **(stats if evictions else {}), **(status or {})}
    status |= {"admission": {"clusterQueue": "nlp"}} if admitted else {}
    body = made(
        "Workload", f"workload-of-{owner['metadata']['uid']}", owner=owner, spec={"active": active}, status=status
    )
    return {**body, "apiVersion": "kueue.x-k8s.io/v1beta2"}


def pod(
    uid: str, phase: str, *, rank: int | None = None, owner: Body | None = None, labels: Body = MAIN, **more: Any
) -> Body:
    own = labels if rank is None else {**labels, "batch.kubernetes.io/job-completion-index": str(rank)}
    status = {"phase": phase, "startTime": "2026-11-28T02:01:00Z", **more.pop("status", {})}
    node = {} if phase == "Pending" else {"nodeName": f"node-{uid}"}
    return made("Pod", uid, labels=own, owner=owner or job(), spec={**node, **more.pop("spec", {})}, status=status)


def ended(code: int, at: str, *, reason: str = "Error", signal: int = 0, name: str = "main") -> Body:
    terminated = {"exitCode": code, "signal": signal, "reason": reason, "finishedAt": f"2026-11-28T02:0{at}Z"}
    return {"containerStatuses": [{"name": name, "state": {"terminated": terminated}}]}


def aged(body: Body, made_at: str) -> Body:
    """The same, made then."""
    return {**body, "metadata": {**body["metadata"], "creationTimestamp": f"2026-11-28T02:0{made_at}Z"}}


GONE = "its pod is gone, as if deleted by somebody"
NO_MORE = "BackoffLimitExceeded"
PENDING = said("QuotaReserved", "Pending", "couldn't assign flavors: insufficient unused quota", "False")
EVICTED = said("Evicted", "Preempted", "Preempted to accommodate a workload")
ROOM_MADE = said(
    "Evicted",
    "Preempted",
    "Preempted to accommodate a workload (UID: workload-of-urgent, JobUID: j) due to prioritization in the "
    "ClusterQueue; preemptor path: /all/nlp; preemptee path: /all/nlp",
)
NOT_READY = said("Evicted", "PodsReadyTimeout", "Exceeded the PodsReady timeout nlp/job-work")
GIVEN_UP = said("Evicted", "DeactivatedDueToRequeuingLimitExceeded", "exceeding the number of re-queuing retries")
OVER = said("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
DISRUPTED = {"conditions": [said("DisruptionTarget", "PreemptionByScheduler")]}
CRON = made("CronJob", "cron", spec={"schedule": "0 3 * * *", "timeZone": "Europe/Berlin", "jobTemplate": {"spec": {}}})
GOING = {"deletionTimestamp": "2026-11-28T02:00:00Z", "finalizers": ["foregroundDeletion"]}
GANG: Body = {"completionMode": "Indexed", "completions": 2, "parallelism": 2}
OF_SET = made("Job", "of-set", owner={**made("JobSet", "set")}, spec={"suspend": False})
SET = made("JobSet", "set", spec={"suspend": False}, status={"restarts": 1, "conditions": []})
DRAINED: Body = {"conditions": [said("DisruptionTarget", "EvictionByEvictionAPI", "Eviction API: evicting")]}
LEAVING = pod("leaving", "Running", status=DRAINED)
LEAVING["metadata"] |= {"deletionTimestamp": "2026-11-28T02:05:00Z", "finalizers": ["batch.kubernetes.io/job-tracking"]}


def run(uid: str, *conditions: Body, created: str, **more: Any) -> Body:
    body = job(*conditions, owner=CRON, **more)
    return {**body, "metadata": {**body["metadata"], "uid": uid, "name": uid, "creationTimestamp": created}}


CASES: list[tuple[str, list[Body], tuple[JobState, int, str, EndOfRun | None, EndOfRun | None]]] = [
    ("new", [job(suspend=True)], (JobState.QUEUED, 1, "", None, None)),
    ("waits", [job(suspend=True), workload(job(), PENDING)], (JobState.QUEUED, 1, PENDING["message"], None, None)),
    (
        "deactivated",
        [job(suspend=True), workload(job(), PENDING, active=False)],
        (JobState.QUEUED, 1, "it was deactivated in its queue", None, None),
    ),
    (
        "too often not ready",
        [job(suspend=True), workload(job(), PENDING, GIVEN_UP, evictions=3, active=False)],
        (
            JobState.QUEUED,
            4,
            f"it was deactivated in its queue: {GIVEN_UP['message']}",
            None,
            EndOfRun(None, None, GIVEN_UP["message"], displaced=True),
        ),
    ),
    (
        "turned out, its quota not given back yet",
        [job(suspend=True), workload(job(), said("QuotaReserved"), NOT_READY, evictions=1, admitted=True)],
        (JobState.QUEUED, 2, NOT_READY["message"], None, EndOfRun(None, None, NOT_READY["message"], displaced=True)),
    ),
    (
        "turned out, and to come again later",
        [
            job(suspend=True),
            workload(
                job(),
                said("QuotaReserved", "Pending", NOT_READY["message"], "False"),
                NOT_READY,
                evictions=2,
                status={"requeueState": {"count": 2, "requeueAt": "2026-11-28T07:53:57Z"}},
            ),
        ],
        (
            JobState.QUEUED,
            3,
            f"{NOT_READY['message']}; it queues again at 2026-11-28T07:53:57Z (turned out so far: 2)",
            None,
            EndOfRun(None, None, NOT_READY["message"], displaced=True),
        ),
    ),
    (
        "let in again",
        [
            job(),
            workload(
                job(),
                said("QuotaReserved"),
                said("Evicted", "QuotaReserved", f"Previously: {NOT_READY['message']}", "False"),
                evictions=1,
                admitted=True,
            ),
        ],
        (JobState.STARTING, 2, "", None, EndOfRun(None, None, NOT_READY["message"], displaced=True)),
    ),
    ("admitted, no pod yet", [job()], (JobState.STARTING, 1, "", None, None)),
    (
        "no node",
        [job(), pod("a", "Pending", status={"conditions": [said("PodScheduled", "", "0/9 nodes", "False")]})],
        (JobState.STARTING, 1, "0/9 nodes", None, None),
    ),
    (
        "no image",
        [
            job(),
            pod(
                "a",
                "Pending",
                status={
                    "containerStatuses": [
                        {"name": "main", "state": {"waiting": {"reason": "ErrImagePull", "message": "no such"}}}
                    ]
                },
            ),
        ],
        (JobState.STARTING, 1, "ErrImagePull: no such", None, None),
    ),
    (
        "data before",
        [
            made("Job", "staging", labels=STAGING, spec={"backoffLimit": 2}),
            made(
                "Pod",
                "a",
                labels=STAGING,
                owner=made("Job", "staging", labels=STAGING),
                spec={"nodeName": "a"},
                status={
                    "phase": "Running",
                    "containerStatuses": [{"name": "staging-0", "state": {"running": {}}}],
                },
            ),
        ],
        (JobState.STAGING, 1, "its data are fetched", None, None),
    ),
    (
        "data at the start",
        [
            job(),
            pod(
                "a",
                "Pending",
                spec={"nodeName": "a"},
                status={
                    "initContainerStatuses": [{"name": "staging-0", "state": {"running": {}}}],
                    "containerStatuses": [{"name": "main", "state": {"waiting": {"reason": "PodInitializing"}}}],
                },
            ),
        ],
        (JobState.STARTING, 1, "its data are fetched, while it holds its devices", None, None),
    ),
    (
        "a claim without a volume",
        [
            job(),
            pod(
                "a",
                "Pending",
                spec={"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "runs"}}]},
                status={"nominatedNodeName": "cpu-5"},
            ),
        ],
        (JobState.STARTING, 1, "node cpu-5 was chosen; its claims may still lack a volume: runs", None, None),
    ),
    ("runs", [job(), pod("a", "Running")], (JobState.RUNNING, 1, "", None, None)),
    ("half a gang", [job(spec=GANG), pod("a", "Running", rank=0)], (JobState.STARTING, 1, "", None, None)),
    (
        "a gang",
        [job(spec=GANG), pod("b", "Running", rank=1), pod("a", "Running", rank=0)],
        (JobState.RUNNING, 1, "", None, None),
    ),
    (
        "a gang of which one is done",
        [job(spec=GANG, status={"succeeded": 1}), pod("b", "Running", rank=1), pod("a", "Succeeded", rank=0)],
        (JobState.RUNNING, 1, "", None, None),
    ),
    ("its pod is done", [job(), pod("a", "Succeeded")], (JobState.RUNNING, 1, "", None, None)),
    ("done", [job(said("Complete"))], (JobState.SUCCEEDED, 1, "", EndOfRun(0), None)),
    (
        "failed, by its first rank",
        [
            job(OVER, spec={**GANG, "backoffLimit": 0}, status={"failed": 2}),
            pod("a", "Failed", rank=0, status=ended(137, "5:00", reason="OOMKilled")),
            pod("b", "Failed", rank=1, status=ended(3, "4:00")),
        ],
        (JobState.FAILED, 1, "", EndOfRun(3, 1, "work-b"), None),
    ),
    (
        "killed by a signal",
        [job(OVER), pod("a", "Failed", status=ended(0, "4:00", signal=9, reason="OOMKilled"))],
        (JobState.FAILED, 1, "", EndOfRun(137, 0, "work-a: OOMKilled", out_of_memory=True), None),
    ),
    (
        "failed without a pod",
        [job(OVER)],
        (
            JobState.FAILED,
            1,
            "",
            EndOfRun(None, None, "BackoffLimitExceeded: Job has reached the specified backoff limit"),
            None,
        ),
    ),
    (
        "ran too long",
        [
            job(said("Failed", "DeadlineExceeded", "Job was active longer")),
            pod("a", "Failed", status=ended(143, "4:00")),
        ],
        (JobState.FAILED, 1, "", EndOfRun(None, None, "it ran for as long as it may (maxRunTime)"), None),
    ),
    (
        "tried again",
        [job(status={"failed": 1}), pod("a", "Failed", status=ended(1, "4:00")), pod("b", "Running")],
        (JobState.RUNNING, 2, "", None, EndOfRun(1, 0, "work-a")),
    ),
    (
        "a displaced pod is no failure",
        [job(), pod("a", "Failed", status={**ended(143, "4:00"), **DISRUPTED}), pod("b", "Running")],
        (JobState.RUNNING, 1, "", None, None),
    ),
    (
        "told to make room",
        [job(suspend=True), workload(job(), EVICTED, PENDING, evictions=1), pod("a", "Running")],
        (JobState.STOPPING, 1, EVICTED["message"], None, None),
    ),
    (
        "made room",
        [job(suspend=True), workload(job(), EVICTED, PENDING, evictions=1)],
        (JobState.QUEUED, 2, PENDING["message"], None, EndOfRun(None, None, EVICTED["message"], displaced=True)),
    ),
    (
        "runs again",
        [
            job(),
            workload(job(), {**EVICTED, "status": "False"}, said("QuotaReserved"), evictions=1, admitted=True),
            pod("b", "Running"),
        ],
        (JobState.RUNNING, 2, "", None, EndOfRun(None, None, EVICTED["message"], displaced=True)),
    ),
    (
        "a set that started again",
        [SET, OF_SET, pod("a", "Running", owner=OF_SET)],
        (JobState.RUNNING, 2, "", None, PLACE_LOST),
    ),
    (
        "a set that failed, and started again",
        [{**SET, "status": {**SET["status"], "restartsCountTowardsMax": 1}}, OF_SET],
        (JobState.STARTING, 2, "", None, EndOfRun(None, said="a rank failed, and all were started anew")),
    ),
    (
        "turned out, and not suspended yet",
        [job(), workload(job(), EVICTED, said("QuotaReserved"), evictions=1, admitted=True), pod("a", "Running")],
        (JobState.STOPPING, 1, EVICTED["message"], None, None),
    ),
    (
        "displaced again and again",
        [
            job(suspend=True),
            workload(job(), ROOM_MADE, PENDING, evictions=18),
            workload({**job(), "metadata": {**job()["metadata"], "name": "urgent", "uid": "urgent"}}),
        ],
        (
            JobState.QUEUED,
            19,
            f"{PENDING['message']}; displaced 18 times so far, last by job/urgent in nlp",
            None,
            EndOfRun(None, said=f"{ROOM_MADE['message']}; preemptor: job/urgent in nlp", displaced=True),
        ),
    ),
    ("its node is drained", [job(), LEAVING], (JobState.STOPPING, 1, "Eviction API: evicting", None, None)),
    (
        "its node does not answer, and another stands for it",
        [job(), LEAVING, pod("b", "Running")],
        (JobState.RUNNING, 1, "", None, None),
    ),
    (
        "its pod was deleted",
        [job(OVER, status={"failed": 1}, spec={"backoffLimit": 0})],
        (
            JobState.FAILED,
            1,
            "",
            EndOfRun(
                None,
                said="its pod is gone, as if deleted by somebody, and it has no retries (run it again: "
                "allot retry k7x2): BackoffLimitExceeded: Job has reached the specified backoff limit",
            ),
            None,
        ),
    ),
    (
        "its pod was deleted, and one retry is left",
        [job(status={"failed": 1}), pod("b", "Running")],
        (JobState.RUNNING, 2, "", None, EndOfRun(None, said=f"{GONE}: that cost a retry")),
    ),
    (
        "failed twice: the last pod is the one that ended it",
        [
            job(OVER, status={"failed": 2}, spec={"backoffLimit": 1}),
            aged(pod("a", "Failed", status=ended(1, "4:00")), "1:00"),
            aged(pod("b", "Failed", status=ended(2, "6:00")), "5:00"),
        ],
        (JobState.FAILED, 2, "", EndOfRun(2, 0, "work-b"), EndOfRun(1, 0, "work-a")),
    ),
    (
        "failed in a way after which it is not tried again",
        [
            job(said("Failed", "PodFailurePolicy"), status={"failed": 1}),
            aged(pod("a", "Failed", status=ended(3, "4:00")), "1:00"),
        ],
        (JobState.FAILED, 1, "", EndOfRun(3, 0, "work-a"), None),
    ),
    (
        "the same, not said to have failed yet",
        [
            job(said("FailureTarget", "PodFailurePolicy"), status={"failed": 1}),
            aged(pod("a", "Failed", status=ended(3, "4:00")), "1:00"),
        ],
        (JobState.STARTING, 1, "", None, None),
    ),
    (
        "failed, and its last pod was deleted",
        [
            job(said("Failed", "BackoffLimitExceeded", at="9:00"), status={"failed": 2}, spec={"backoffLimit": 1}),
            aged(pod("a", "Failed", status=ended(1, "4:00")), "1:00"),
        ],
        (
            JobState.FAILED,
            2,
            "",
            EndOfRun(None, said=f"{GONE}, and its one retry is used (run it again: allot retry k7x2): {NO_MORE}"),
            None,
        ),
    ),
    (
        "a set of which a pod was deleted",
        [
            {**SET, "status": {"conditions": [said("Failed", "ReachedMaxRestarts", "too often")]}},
            {**OF_SET, "status": {"failed": 1, "conditions": [OVER]}},
        ],
        (
            JobState.FAILED,
            1,
            "",
            EndOfRun(
                None,
                said="a pod of it is gone, as if deleted by somebody, and it has no retries (run it again: "
                "allot retry k7x2): ReachedMaxRestarts: too often",
            ),
            None,
        ),
    ),
    (
        "a gang of which a rank's pod was deleted",
        [
            job(
                said("Failed", "MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number"),
                spec={**GANG, "backoffLimitPerIndex": 1, "maxFailedIndexes": 0},
                status={"failed": 2, "failedIndexes": "0"},
            ),
        ],
        (
            JobState.FAILED,
            1,
            "",
            EndOfRun(
                None,
                said="the pod of rank 0 is gone, as if deleted by somebody, and its one retry is used (run it again: "
                "allot retry k7x2): MaxFailedIndexesExceeded: Job has exceeded the specified maximal number",
            ),
            None,
        ),
    ),
    (
        "a sweep of which a trial's pod was deleted",
        [
            job(
                said("Failed", "FailedIndexes", "Job has failed indexes"),
                spec={**GANG, "backoffLimitPerIndex": 0},
                status={"failed": 1, "succeeded": 1, "failedIndexes": "0"},
            ),
            pod("b", "Succeeded", rank=1),
        ],
        (
            JobState.FAILED,
            1,
            "",
            EndOfRun(
                None,
                said="the pod of rank 0 is gone, as if deleted by somebody, and it has no retries (run it again: "
                "allot retry k7x2): FailedIndexes: Job has failed indexes",
            ),
            None,
        ),
    ),
    (
        "by the clock, between its times",
        [CRON, run("r1", said("Complete"), created="2026-11-27T03:00:00Z")],
        (JobState.QUEUED, 1, "it runs at 0 3 * * * Europe/Berlin", None, None),
    ),
    (
        "by the clock, at its time",
        [
            CRON,
            run("r1", OVER, created="2026-11-26T03:00:00Z"),
            run("r2", created="2026-11-27T03:00:00Z"),
            pod("a", "Running", owner=run("r2", created="")),
        ],
        (JobState.RUNNING, 1, "", None, None),
    ),
    (
        "by the clock, after a run that failed",
        [
            CRON,
            run("r1", OVER, created="2026-11-27T03:00:00Z", status={"failed": 1, "startTime": "2026-11-27T03:00:00Z"}),
            pod("a", "Failed", owner=run("r1", created=""), status=ended(3, "4:00")),
        ],
        (
            JobState.QUEUED,
            1,
            "it runs at 0 3 * * * Europe/Berlin; its last run failed: exit code 3, work-a",
            None,
            None,
        ),
    ),
    (
        "handed to Ray",
        [made("RayJob", "ray", spec={"suspend": False}, status={"jobStatus": "FAILED", "message": "boom"})],
        (JobState.FAILED, 1, "", EndOfRun(None, None, "FAILED: boom"), None),
    ),
    (
        "its data wait",
        [job(suspend=True, labels=STAGING), workload(job(), PENDING)],
        (JobState.STAGING, 1, PENDING["message"], None, None),
    ),
    (
        "its data cannot be had",
        [
            job(OVER, labels=STAGING),
            pod("a", "Failed", labels=STAGING, status=ended(22, "4:00", name="staging-0")),
        ],
        (JobState.FAILED, 1, "", EndOfRun(22, None, "its data could not be fetched: work-a"), None),
    ),
    (
        "deleted",
        [job(metadata=GOING)],
        (JobState.STOPPING, 1, "", None, None),
    ),
    (
        "failed because its pods were ended as it was deleted",
        [job(said("Failed", "MaxFailedIndexesExceeded", at="0:02"), metadata=GOING)],
        (JobState.STOPPING, 1, "", None, None),
    ),
    (
        "deleted after it had failed",
        [job(said("Failed", "X"), metadata={**GOING, "deletionTimestamp": "2026-11-28T02:00:09Z"})],
        (JobState.FAILED, 1, "", EndOfRun(None, None, "X"), None),
    ),
    (
        "deleted when it was over",
        [job(said("Complete"), metadata=GOING)],
        (JobState.SUCCEEDED, 1, "", EndOfRun(0), None),
    ),
]


def shown(bodies: list[Body]) -> FollowedJob:
    kube = FakeKube()
    kube.put(*bodies)
    (seen,) = seen_jobs(kube, (), HOMES).values()
    found = followed(seen)
    assert found is not None
    return found


@pytest.mark.parametrize(("bodies", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_job_stands(bodies: list[Body], expected: tuple[Any, ...]) -> None:
    found = shown(bodies)
    assert (found.state, found.attempt, found.reason, found.end, found.before) == expected


def test_what_is_replaced_without_a_count_is_told() -> None:
    waits = pod("b", "Pending")
    waits["metadata"]["creationTimestamp"] = "2026-11-28T02:07:00Z"
    cases: list[tuple[list[Body], bool]] = [
        ([job(), waits], True),
        ([job(), pod("b", "Running")], True),
        # One whose pod goes may have failed: then its Job counts it.
        ([job()], False),
        ([SET, OF_SET, {**pod("b", "Pending", owner=OF_SET)}], False),
        ([job(spec=GANG), pod("a", "Pending", rank=0), pod("b", "Pending", rank=1)], True),
        ([job(spec=GANG), pod("a", "Running", rank=0), pod("b", "Pending", rank=1)], False),
        # The next trial of a sweep.
        ([job(spec=GANG, status={"succeeded": 1}), pod("a", "Pending", rank=1)], False),
        ([job(suspend=True), workload(job(), EVICTED, evictions=1)], False),
    ]
    assert [shown(bodies).uncounted for bodies, _ in cases] == [expected for _, expected in cases]
    assert shown([job(), LEAVING]).why is MoveCause.RECLAIMED
    assert shown([job(), workload(job(), LET_IN, admitted=True), waits]).since == 1795831620000


def test_places_are_told_by_rank() -> None:
    found = shown([job(spec=GANG), pod("b", "Running", rank=1), pod("a", "Running", rank=0)])
    assert [(each.rank, each.node) for each in found.places] == [(0, "node-a"), (1, "node-b")]
    over = shown([job(said("Complete"), spec=GANG), pod("b", "Succeeded", rank=1), pod("a", "Succeeded", rank=0)])
    assert [(each.rank, each.node) for each in over.places] == [(0, "node-a"), (1, "node-b")]
    assert shown([job(spec=GANG, suspend=True), pod("b", "Running", rank=1)]).places == ()
    assert found.since == 1795831260000
    assert found.native == f"job/{NAME}@job"


def test_staged_is_what_is_complete_and_not_gone_on_with() -> None:
    staging = job(said("Complete"), labels=STAGING)
    for bodies, expected in (([staging], True), ([job(labels=STAGING)], False), ([staging, SET], False)):
        kube = FakeKube()
        kube.put(*bodies)
        (seen,) = seen_jobs(kube, (NAMESPACE,), HOMES).values()
        assert is_staged(seen) is expected


def event(uid: str, message: str, *, at: str = "02:05") -> Body:
    metadata = {"name": f"event-{uid}-{at}", "namespace": NAMESPACE}
    told = {"reason": "FailedCreate", "message": message, "lastTimestamp": f"2026-11-28T{at}:00Z"}
    return {"apiVersion": "v1", "kind": "Event", "metadata": metadata, "involvedObject": {"uid": uid}, **told}


NO_ROOM = 'Error creating: pods "work-{}" is forbidden: exceeded quota: later, limited: pods=0'
REFUSED = 'its pods cannot be made: "forbidden: exceeded quota: later, limited: pods=0"'
LET_IN = said("Admitted")


@pytest.mark.parametrize(
    ("bodies", "reason"),
    [
        ([job(), event("job", NO_ROOM.format("x7k2p"))], REFUSED),
        ([SET, OF_SET, event("of-set", NO_ROOM.format("0-abcde"))], REFUSED),
        ([job(), event("job", "old", at="02:01"), event("job", NO_ROOM.format("b"))], REFUSED),
        ([job(), pod("a", "Running"), event("job", "it was so")], ""),
        ([job(suspend=True), event("job", "it was so")], ""),
        ([job(said("Complete")), event("job", "it was so")], ""),
        ([job(), event("another", "of somebody else's")], ""),
        ([job(), workload(job(), LET_IN, admitted=True), event("job", "before it was let in", at="01:59")], ""),
    ],
)
def test_pods_that_cannot_be_made_are_told_as_the_reason(bodies: list[Body], reason: str) -> None:
    kube = FakeKube()
    kube.put(*bodies)
    (seen,) = seen_jobs(kube, (), HOMES).values()
    look_for_refusals(kube, [seen])
    found = followed(seen)
    assert found is not None
    assert found.reason == reason


class _Asked(set[str]):
    """Uids of makers that count how often one is looked for among them."""

    looks = 0

    def __contains__(self, uid: object) -> bool:
        _Asked.looks += 1
        return super().__contains__(uid)


def test_events_are_gone_through_once_however_many_jobs_lack_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Asked, "looks", 0)
    kube, number = FakeKube(), 40
    kube.put(job(), *(event(f"u{each}", NO_ROOM.format(each)) for each in range(number)))
    (seen,) = seen_jobs(kube, (), HOMES).values()
    jobs = [replace(seen, id=f"k{each}", makers=_Asked({f"u{each}"})) for each in range(number)]
    look_for_refusals(kube, jobs)
    assert [each.refused for each in jobs] == [REFUSED] * number
    assert _Asked.looks <= number


def test_pods_are_those_that_the_jobs_own_objects_made() -> None:
    """A colleague's Job whose pods bear the label is none of it; what controllers put in between is followed."""
    colleague = {**job(), "metadata": {**job()["metadata"], "name": "mine", "uid": "mine"}}
    found = shown(
        [job(spec=GANG), colleague, *(pod(f"p{rank}", "Running", rank=rank, owner=colleague) for rank in (0, 1))]
    )
    assert (found.state, found.places) == (JobState.STARTING, ())
    service = {**made("Deployment", "service", spec={"replicas": 1}), "apiVersion": "apps/v1"}
    between = {**made("ReplicaSet", "between", owner=service), "apiVersion": "apps/v1"}
    between["metadata"].pop("labels")
    found = shown([service, between, pod("a", "Running", owner=between)])
    assert (found.state, [each.node for each in found.places]) == (JobState.RUNNING, ["node-a"])


def test_places_tell_how_each_rank_ended_and_are_those_of_its_last_pod() -> None:
    """Of one second the one that has not ended is the later one."""
    first = pod("replaced", "Failed", rank=1, status=ended(1, "1:00"))
    found = shown([
        job(spec={**GANG, "completions": 3, "parallelism": 3}),
        pod("a", "Failed", rank=0, status=ended(0, "2:00", signal=9)), first,
        pod("b", "Running", rank=1), pod("c", "Succeeded", rank=2, status=ended(0, "2:00")),
        pod("d", "Pending", rank=3),
    ])  # fmt: skip
    told = [(each.rank, each.node, each.over, each.code) for each in found.places]
    assert told == [
        (0, "node-a", JobState.FAILED, 137), (1, "node-b", None, None), (2, "node-c", JobState.SUCCEEDED, 0),
    ]  # fmt: skip


def test_a_trial_without_a_pod_has_failed_where_its_job_says_so_and_a_displaced_one_has_not() -> None:
    sweep = {**GANG, "completions": 4, "backoffLimitPerIndex": 0}
    displaced = {**ended(1, "2:00"), **DISRUPTED}
    found = shown([
        job(spec=sweep, status={"failed": 1, "failedIndexes": "0,3-9"}),
        pod("b", "Running", rank=1), pod("c", "Failed", rank=2, status=displaced),
    ])  # fmt: skip
    told = [(each.rank, each.node, each.over, each.code) for each in found.places]
    assert told[:3] == [(1, "node-b", None, None), (2, "node-c", None, None), (0, "", JobState.FAILED, None)]
    assert [rank for rank, *_ in told[3:]] == [3]


def test_foreign_words_are_bounded_and_move_no_cursor() -> None:
    hostile = said("QuotaReserved", "Pending", "\x1b[2J" + "x" * 9000, "False")
    found = shown([job(suspend=True), workload(job(), hostile)])
    assert len(found.reason) == 500
    assert "\x1b" not in found.reason


def test_one_object_that_cannot_be_read_stops_nothing() -> None:
    kube = FakeKube()
    poison = {**job(), "spec": {"suspend": "perhaps"}, "status": {"conditions": {"no": "list"}, "failed": "many"}}
    other = job(said("Complete"), labels={**MAIN, "allotment.dev/job": "other", "allotment.dev/attempt": "9" * 99})
    kube.put(poison, {**other, "metadata": {**other["metadata"], "name": "work--other", "uid": "other"}})
    seen = seen_jobs(kube, (), HOMES)
    assert followed(seen["other"]) == FollowedJob(
        "other", "job/work--other@other", JobState.SUCCEEDED, 1, since=1795831200000, end=EndOfRun(0)
    )


def test_of_two_that_claim_to_be_one_job_the_one_at_home_is_believed() -> None:
    kube = FakeKube()
    other = job(said("Complete"))
    kube.put(job(), {**other, "metadata": {**other["metadata"], "namespace": "another", "uid": "other"}})
    assert seen_jobs(kube, (), {}) == {}
    for home in (NAMESPACE, "another"):
        (seen,) = seen_jobs(kube, (), {"k7x2": JobHome("k7x2", home, "work")}).values()
        assert seen.main is not None
        assert (seen.namespace, seen.main.namespace) == (home, home)
