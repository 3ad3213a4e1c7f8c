# ruff: noqa: E501  one line a case
"""Everyday states in which something is amiss that is not the cause: what keeps the subject is told all the same."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.explaining import explain
from allotment.diagnose.rules.submission.cron import parse
from allotment.diagnose.subjects import find_case
from allotment.model.explanation import CauseVerdict, Confidence, PatchOp, RemedyKind, StartsWhen
from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Gap, Snapshot, Source
from allotment.observe.gathering import Gathered
from tests.unit.diagnose.building import (
    EARLIER,
    GPU,
    NOW,
    TEAM,
    Raw,
    case_of,
    job,
    node,
    owned_by,
    pod,
    pod_spec,
    waiting,
)
from tests.unit.diagnose.queues import (
    QUEUE,
    check,
    cluster_queue,
    condition,
    holding,
    platform,
    queued,
    quota,
    reserved,
    thing,
)
from tests.unit.diagnose.situations import job as written_job
from tests.unit.diagnose.situations import refusal

ROOM = cluster_queue("cq", quota("f", 8))
NODES = [node("n"), node("n2")]
LOST = [each for each in platform(ROOM) if each["kind"] != "LocalQueue"]
BEFORE = "2026-11-01T10:00:00Z"
OVER = {"conditions": [condition("Finished", reason="Failed")]}
POLICY_API = "admissionregistration.k8s.io/v1"


def failed(objects: list[Raw]) -> list[Raw]:
    """The Job has failed."""
    said = condition("Failed", reason="BackoffLimitExceeded", message="Job has reached the specified backoff limit")
    return [{**objects[0], "status": {"failed": 7, "conditions": [said]}}, *objects[1:]]


def stopped(policy: str) -> list[Raw]:
    return platform(cluster_queue("cq", quota("f", 8), stopPolicy=policy))


def cron(**spec: Any) -> Raw:
    meta = {"name": "nightly", "namespace": TEAM, "uid": "cron", "creationTimestamp": EARLIER, **spec.pop("meta", {})}
    template = {"spec": {"template": {"spec": pod_spec(0)}}}
    named = {"schedule": "30 12 * * *", "jobTemplate": template, **spec}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta, "spec": named}


def event(about: Raw, reason: str, message: str, at: str = EARLIER) -> Raw:
    meta = about["metadata"]
    named = {"kind": about["kind"], "name": meta["name"], "namespace": TEAM, "uid": meta["uid"]}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": reason, "namespace": TEAM},
        "involvedObject": named,
        "reason": reason,
        "message": message,
        "type": "Warning",
        "lastTimestamp": at,
    }


def crashing() -> list[Raw]:
    """A service that Kueue let in, and that crashes."""
    template = {"metadata": {"labels": {QUEUE: "q"}}, "spec": pod_spec(1)}
    meta = {"name": "web", "namespace": TEAM, "uid": "web", "labels": {QUEUE: "q"}}
    spec = {"replicas": 1, "template": template}
    above = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}
    again = {"metadata": {**meta, "name": "web-1", "uid": "web-1", "ownerReferences": [owned_by(above)]}}
    middle = {**above, "kind": "ReplicaSet", **again}
    ended = {
        "name": "main",
        "restartCount": 7,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
    }
    status = {"phase": "Running", "conditions": [condition("Ready", "False")], "containerStatuses": [ended]}
    return [above, middle, pod("web-1-a", "n", owner=middle, labels={QUEUE: "q"}, status=status)]


def refused(key: str, **meta: Any) -> list[Raw]:
    """A CronJob of which a policy refuses the runs for want of a label."""
    of = cron(meta=meta, schedule="30 11 * * *")
    why = f"needs {key}"
    rule = {"expression": f"'{key}' in object.metadata.labels", "message": why}
    bound = {"policyName": "p", "validationActions": ["Deny"]}
    said = f"Error creating job: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: {why}"
    policy = {"kind": "ValidatingAdmissionPolicy", "spec": {"validations": [rule]}}
    binding = {"kind": "ValidatingAdmissionPolicyBinding", "spec": bound}
    named = [{"apiVersion": POLICY_API, "metadata": {"name": "p"}, **each} for each in (policy, binding)]
    return [of, *named, event(of, "FailedCreate", said)]


def retired() -> Raw:
    above, middle, _ = crashing()
    return {**middle, "spec": {**above["spec"], "replicas": 0}}


def elsewhere() -> list[Raw]:
    ready = reserved(checks=[{"name": "c", "state": "Ready"}], further=(condition("Admitted"),))
    rules = {"admissionChecks": [{"name": "c"}]}
    queue = cluster_queue("cq", quota("f", 8), admissionChecksStrategy=rules)
    above, workload = queued(status=ready | {"clusterName": "w"})
    above["spec"] |= {"managedBy": "kueue.x-k8s.io/multikueue"}
    return [*platform(queue), check(controller="kueue.x-k8s.io/multikueue"), above, workload]


RUN = {**job("nightly-1"), "status": {"active": 1}}
RUN["metadata"]["ownerReferences"] = [owned_by(cron())]
OVERLAP = "Not starting job because prior execution is running and concurrency policy is Forbid"
GOES_ON = [cron(concurrencyPolicy="Forbid"), RUN, pod("nightly-1-a", "n", owner=RUN)]


def at(parallelism: int, completions: int | None, running: int, succeeded: int, **status: Any) -> list[Raw]:
    """A Job at some time of its life, all of whose pods run."""
    above = job("train", parallelism)
    above["spec"]["completions"] = completions
    above["status"] = {"active": running, "ready": running, "succeeded": succeeded, **status}
    bound = {"requests.nvidia.com/gpu": str(running)}
    full = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "r", "namespace": TEAM},
        "spec": {"hard": bound},
    }
    return [above, full, *(pod(f"train-{number}", "n", owner=above) for number in range(running))]


def partly(least: int, *others: Raw) -> list[Raw]:
    """A Job of 8 pods with 2 GPUs each that is content with fewer, in a queue of 8 GPUs."""
    above, workload = queued(pods=8, gpus=2)
    above["metadata"]["annotations"] = {"kueue.x-k8s.io/job-min-parallelism": str(least)}
    workload["spec"]["podSets"][0]["minCount"] = least
    return [*platform(ROOM), *others, above, workload]


def unread(**sums: str) -> list[Raw]:
    """Kueue's configuration was not read; a pod asks for what it leaves out, as shows where it has counted."""
    words = "couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu in flavor f, 1 more needed"
    status: Raw = {"conditions": [condition("QuotaReserved", "False", "Pending", words)]}
    if sums:
        status["resourceRequests"] = [{"name": "main", "resources": {"cpu": "1", "memory": "1Gi", **sums}}]
    asks = {"example.com/rdma": "1"}
    return [*platform(ROOM), *holding("b", "cq", gpus=7), *queued(gpus=2, asks=asks, status=status)]


def growing(to: int, *others: Raw) -> list[Raw]:
    """An elastic Job that runs with 3 pods of 2 GPUs, in a queue of 8, and is to have more."""
    above, workload = queued(pods=to, gpus=2)
    above["spec"]["suspend"] = False
    workload["metadata"]["annotations"] = {"kueue.x-k8s.io/workload-slice-replacement-for": f"{TEAM}/before"}
    before = copy.deepcopy(workload)
    before["metadata"] |= {"name": "before", "uid": "before", "annotations": {}, "creationTimestamp": BEFORE}
    before["spec"]["podSets"][0]["count"] = 3
    before["status"] = reserved(further=(condition("Admitted"),))
    before["status"]["admission"]["podSetAssignments"][0]["count"] = 3
    pods = [pod(f"train-{number}", "n", owner=above, gpus=2) for number in range(3)]
    return [*platform(ROOM), *others, above, workload, before, *pods]


def nameless() -> list[Raw]:
    """Kueue manages jobs without a queue's name."""
    above, workload = queued()
    above["metadata"]["labels"] = {}
    workload["spec"]["queueName"] = ""
    return [*platform(ROOM), above, workload]


def refused_pod(message: str) -> list[Raw]:
    above = job("train")
    return [above, event(above, "FailedCreate", f'Error creating: pods "train-x" is forbidden: {message}')]


def indexed() -> Raw:
    above = job("train", 4)
    above["spec"] |= {"completionMode": "Indexed", "backoffLimitPerIndex": 1}
    above["status"] = {"failed": 4, "failedIndexes": "1,3", "conditions": [condition("Failed", reason="FailedIndexes")]}
    return above


def succeeded() -> Raw:
    above = job("train", 4)
    above["status"] = {"succeeded": 1, "conditions": [condition("SuccessCriteriaMet", reason="SuccessPolicy")]}
    return above


def other(kind: str, **status: Any) -> Raw:
    """Work of a kind with a controller of its own."""
    api = "jobset.x-k8s.io/v1alpha2" if kind == "JobSet" else "ray.io/v1"
    meta = {"name": "train", "namespace": TEAM, "uid": "train", "labels": {QUEUE: "q"}, "creationTimestamp": EARLIER}
    return {"apiVersion": api, "kind": kind, "metadata": meta, "spec": {}, "status": status}


def bounded(gpus: str) -> Raw:
    hard = {"requests.nvidia.com/gpu": gpus}
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "r", "namespace": TEAM},
        "spec": {"hard": hard},
    }


def claiming(*, counted: bool) -> list[Raw]:
    """A Job that claims a device, for which its queue has quota under a name of its own."""
    queue = cluster_queue("cq", quota("f", 8))
    group = queue["spec"]["resourceGroups"][0]
    group["coveredResources"].append("devices")
    group["flavors"][0]["resources"].append({"name": "devices", "nominalQuota": "4"})
    template = {
        "kind": "ResourceClaimTemplate",
        "apiVersion": "resource.k8s.io/v1",
        "metadata": {"name": "t", "namespace": TEAM},
        "spec": {},
    }
    words = "couldn't assign flavors to pod set main: insufficient unused quota for devices in flavor f, 2 more needed"
    status: Raw = {"conditions": [condition("QuotaReserved", "False", "Pending", words)]}
    if counted:
        status["resourceRequests"] = [{"name": "main", "resources": {"cpu": "1", "memory": "1Gi", "devices": "2"}}]
    busy = holding("b", "cq", gpus=0)
    given = {"flavors": {"cpu": "f", "memory": "f", "devices": "f"}, "resourceUsage": {"devices": "4"}}
    busy[1]["status"]["admission"]["podSetAssignments"][0] |= given
    claims = [{"name": "g", "resourceClaimTemplateName": "t"}]
    return [*platform(queue), template, *busy, *queued(gpus=0, resourceClaims=claims, status=status)]


CASES: dict[str, tuple[list[Raw], str, str]] = {
    "failed, and its queue was stopped since": ([*stopped("Hold"), *failed(queued(status=OVER))], "job/train", "job-backoff-limit"),
    "failed, and its queue is drained": ([*stopped("HoldAndDrain"), *failed(queued(status=OVER))], "job/train", "job-backoff-limit"),
    "failed, and its Workload is gone": ([*stopped("Hold"), *failed(queued())[:1]], "job/train", "job-backoff-limit"),
    "failed, and its queue is gone": ([*LOST, *failed(queued(status=OVER))], "job/train", "job-backoff-limit"),
    "failed, and its class is gone": (
        [*platform(ROOM), *failed(queued(labels={"kueue.x-k8s.io/priority-class": "gone"}))[:1]],
        "job/train",
        "job-backoff-limit",
    ),
    "failed, and was made one of no pods": ([*failed([job("train", 0)])], "job/train", "job-backoff-limit"),
    "crashes, and its queue is gone": ([*LOST, *crashing()], "deployment/web", "crash-loop-app-error"),
    "waits, and its queue is gone": (
        [*LOST, *crashing()[:2], pod("web-1-a", labels={QUEUE: "q"}, schedulingGates=[{"name": "kueue.x-k8s.io/admission"}])],
        "deployment/web",
        "queue-missing",
    ),
    "an earlier state of a Deployment": ([*crashing()[:1], retired()], "replicaset/web-1", "none"),
    "runs in another cluster": (elsewhere(), "job/train", "none"),
    "the CronJob's own label": ([*platform(ROOM), cron(meta={"labels": {QUEUE: "lost"}})], "cronjob/nightly", "cronjob-not-due"),
    "a label that runs lack": ([*platform(ROOM), *refused("project")], "cronjob/nightly", "policy-refused-label"),
    "fewer are to complete than may run": (at(4, 2, 2, 0), "job/train", "none"),
    "the last of many": (at(4, 10, 2, 8), "job/train", "none"),
    "the last but for indexes that failed": (at(4, 10, 1, 5, failedIndexes="1,3-5"), "job/train", "none"),
    "the last of a queue of work": (at(4, None, 3, 1), "job/train", "none"),
    "one is missing": (at(4, 10, 3, 2), "job/train", "resourcequota-exceeded"),
    "content with fewer": (partly(2, *holding("b", "cq", gpus=7)), "job/train", "quota-nominal"),
    "content with fewer, and not with as few": (partly(5), "job/train", "parallelism-gang-too-big"),
    "left out of account": (unread(**{GPU: "2"}), "job/train", "quota-nominal"),
    "grows as far as there is quota": (growing(4), "job/train", "stale-verdict"),
    "grows beyond what is free": (growing(5), "job/train", "quota-nominal"),
    "held back for want of a queue's name": (nameless(), "job/train", "queue-label-missing"),
    "another's Workload is awaited": (
        [*platform(ROOM), *queued(labels={"kueue.x-k8s.io/prebuilt-workload-name": "gone"})[:1]],
        "job/train",
        "workload-missing",
    ),
    "indexes failed, each by itself": ([indexed()], "job/train", "job-backoff-limit"),
    "as many have succeeded as it needs": ([succeeded()], "job/train", "none"),
    "words of security contexts": ([*refused_pod("unable to validate against any security context constraint: usable by serviceaccount")], "job/train", "creation-refused"),
    "a JobSet failed, and its queue was stopped since": ([*stopped("Hold"), other("JobSet", conditions=[condition("Failed", reason="FailedJobs")])], "jobset/train", "job-failed"),
    "a RayJob failed": ([*platform(ROOM), other("RayJob", jobStatus="FAILED", jobDeploymentStatus="Failed")], "rayjob/train", "job-failed"),
    "a RayJob is tried again": ([*stopped("Hold"), other("RayJob", jobStatus="FAILED", jobDeploymentStatus="Retrying")], "rayjob/train", "queue-held"),
    "a RayJob is done": ([*stopped("Hold"), other("RayJob", jobStatus="SUCCEEDED", jobDeploymentStatus="Complete")], "rayjob/train", "none"),
    "a RayCluster says that it failed": ([*stopped("Hold"), other("RayCluster", state="failed")], "raycluster/train", "queue-held"),
    "no quota of its queue helps against one of its namespace": ([*platform(ROOM), bounded("2"), *holding("b", "cq", gpus=8, namespace="team-b"), *queued(gpus=4)], "job/train", "resourcequota-exceeded"),
    "its namespace's quota is in use, and its queue's first": ([*platform(ROOM), bounded("8"), *holding("b", "cq", gpus=8), *queued(gpus=4)], "job/train", "quota-nominal"),
    "pods that Kueue does not look after": ([*stopped("Hold"), *crashing()[:2], pod("web-1-a", labels={QUEUE: "q"}, owner=crashing()[1], gpus=16)], "deployment/web", "insufficient-gpu"),
    "claims that Kueue counts": (claiming(counted=True), "job/train", "quota-nominal"),
    "claims of which nobody knows what they count for": (claiming(counted=False), "job/train", "cohort-exhausted"),
    "its namespace is being deleted": ([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": TEAM, "deletionTimestamp": NOW}}, *waiting(gpus=16)], "job/train", "namespace-terminating"),
    "an event of a run before": (
        [*GOES_ON, event(GOES_ON[0], "JobAlreadyActive", OVERLAP, "2026-11-01T10:00:00Z")],
        "cronjob/nightly",
        "cronjob-not-due",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("objects", "subject", "cause"), CASES.values(), ids=CASES)
def test_what_is_amiss_besides_is_not_taken_for_the_cause(objects: list[Raw], subject: str, cause: str) -> None:
    nodes = [node("n", amounts={"example.com/rdma": "1"}), node("n2")]
    assert explain(case_of([*nodes, *objects], subject), with_remedies=False).cause == cause


def test_a_label_that_runs_of_a_cronjob_lack_goes_into_their_template() -> None:
    named = [*NODES, *platform(ROOM), *refused(QUEUE, labels={QUEUE: "q"})]
    first = explain(case_of(named, "cronjob/nightly")).remedies[0]
    assert first.patch is not None
    assert first.patch.body == {"spec": {"jobTemplate": {"metadata": {"labels": {QUEUE: "q"}}}}}


def test_a_star_with_a_step_is_a_list_of_days() -> None:
    """As robfig/cron has it: a day of either field is one, unless one of them is a star alone."""
    both, plain = parse("0 0 */2 * 1"), parse("0 0 * * 1")
    assert both is not None
    assert plain is not None
    assert (both.any_day, plain.any_day) == (False, True)


def test_what_is_content_with_fewer_pods_asks_for_those() -> None:
    busy = explain(case_of([*NODES, *partly(2, *holding("b", "cq", gpus=7))]))
    assert busy.summary.startswith("it asks for 4 nvidia.com/gpu at least, for 2 of its 8 pods, and of the 8")
    assert (busy.start, [each.kind.value for each in busy.remedies]) == (
        None,
        ["reduce-request", "wait-for-quota", "raise-quota"],
    )
    large = explain(case_of([*NODES, *partly(5)])).remedies[0]
    assert large.patch is not None
    assert large.patch.body == {"metadata": {"annotations": {"kueue.x-k8s.io/job-min-parallelism": "4"}}}


def test_jobs_that_are_over_are_deleted_to_make_room_for_a_run() -> None:
    of = cron(schedule="30 11 * * *")
    bound = {"count/jobs.batch": "1"}
    full = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "r", "namespace": TEAM},
        "spec": {"hard": bound},
    }
    said = "exceeded quota: r, requested: count/jobs.batch=1, used: count/jobs.batch=1, limited: count/jobs.batch=1"
    done = {**job("old"), "status": {"conditions": [condition("Complete")]}}
    objects = [*NODES, full, of, event(of, "FailedCreate", said)]
    found = explain(case_of([*objects, done], "cronjob/nightly"))
    assert (found.cause, found.remedies[0].command) == (
        "resourcequota-exceeded",
        f"kubectl delete job.batch/old -n {TEAM}",
    )
    assert explain(case_of(objects, "cronjob/nightly")).cause != "resourcequota-exceeded"


def test_a_resource_that_no_queue_lists_may_be_left_out_of_account() -> None:
    found = explain(case_of([*NODES, *unread()]))
    assert (found.cause, found.confidence, found.start) == ("resource-not-covered", Confidence.LIKELY, None)
    sure = explain(case_of([*NODES, *unread(**{GPU: "2", "example.com/rdma": "1"})]))
    assert (sure.cause, sure.confidence) == ("resource-not-covered", Confidence.SURE)


def test_what_grows_is_not_ended_for_it_and_waits_for_others_alone() -> None:
    found = explain(case_of([*NODES, *growing(5)]))
    assert found.summary.startswith(
        "it runs with 3 pods and waits to have more of them: for those it asks for 4 nvidia.com/gpu"
    )
    assert [each.kind.value for each in found.remedies] == ["reduce-request", "raise-quota"]
    first = found.remedies[0].patch
    assert first is not None
    assert (first.op, first.body) == (PatchOp.MERGE, {"spec": {"parallelism": 4}})
    busy = explain(case_of([*NODES, *growing(4, *holding("b", "cq", gpus=2))])).remedies[0]
    assert busy.summary == "wait until b ends (2 nvidia.com/gpu)"


def test_what_kueue_would_suspend_again_is_not_resumed() -> None:
    found = explain(case_of([*NODES, *nameless()]))
    assert [each.kind.value for each in found.remedies] == ["fix-label"]


def test_the_time_of_the_next_try_is_told_while_it_is_not_queued() -> None:
    conditions = [condition("Evicted", reason="PodsReadyTimeout"), condition("Requeued", "False", "PodsReadyTimeout")]
    status = {"conditions": conditions, "requeueState": {"count": 3, "requeueAt": "2026-11-01T12:10:00Z"}}
    found = explain(case_of([*NODES, *platform(ROOM), *queued(status=status)]), with_remedies=False)
    assert (found.cause, found.confidence, found.facts["requeue_at"]) == (
        "requeue-backoff",
        Confidence.SURE,
        "2026-11-01T12:10:00Z",
    )


def test_of_indexes_it_is_told_which_and_how_often_each_may_fail() -> None:
    found = explain(case_of([*NODES, indexed()]), with_remedies=False)
    each = "the indexes 1,3 of the Job train failed more often than each may (backoffLimitPerIndex 1)"
    assert found.summary == each
    gang = indexed()
    gang["spec"]["maxFailedIndexes"] = 0
    gang["status"]["conditions"][0]["reason"] = "MaxFailedIndexesExceeded"
    assert explain(case_of([*NODES, gang]), with_remedies=False).summary == each
    several = indexed()
    several["spec"]["maxFailedIndexes"] = 1
    several["status"]["conditions"][0]["reason"] = "MaxFailedIndexesExceeded"
    found = explain(case_of([*NODES, several]), with_remedies=False)
    assert found.summary == f"{each}, and no more than 1 of them may (maxFailedIndexes)"
    assert found.facts["backoff_limit"] is None


WEBHOOK = 'failed calling webhook "w": failed to call webhook: Post "https://s.ns.svc:443/x": '
WORDS = {
    "a certificate": (WEBHOOK + "tls: failed to verify certificate: x509: signed by unknown authority", "admission-webhook-unreachable", "renew the certificate of the webhook 'w' (service ns/s)"),
    "no answer": (WEBHOOK + "context deadline exceeded", "admission-webhook-unreachable", "bring what serves the webhook 'w'"),
    "a server that is not well": ("etcdserver: request timed out", "creation-refused", "wait until its controller tries again"),
}  # fmt: skip


@pytest.mark.parametrize(("message", "cause", "first"), WORDS.values(), ids=WORDS)
def test_what_fails_outside_of_the_object_is_broken_and_not_misconfigured(message: str, cause: str, first: str) -> None:
    found = explain(case_of([*NODES, *refused_pod(message)]))
    assert (found.cause, found.verdict) == (cause, CauseVerdict.BROKEN)
    assert found.remedies[0].summary.replace("'", "").startswith(first.replace("'", ""))


def test_a_quota_that_may_not_be_read_is_believed_and_not_taken_to_be_gone() -> None:
    said = "exceeded quota: r, requested: requests.nvidia.com/gpu=1, used: requests.nvidia.com/gpu=2, limited: requests.nvidia.com/gpu=2"
    gathered = Gathered()
    gathered.take_any([*NODES, *refused_pod(said)])

    def told(*unseen: str) -> tuple[str, Confidence]:
        gaps = tuple(Gap(what=each, reason="forbidden") for each in unseen)
        source = Source(name="test", observed_at=NOW, objects=gathered.objects(), gaps=gaps)
        found = explain(find_case(Snapshot(taken_at=NOW, sources=(source,)), "job/train"), with_remedies=False)
        return found.cause, found.confidence

    assert told("resourcequotas") == ("resourcequota-exceeded", Confidence.LIKELY)
    assert told() == ("repair-not-noticed", Confidence.LIKELY)


def test_a_cohort_that_lends_too_little_is_named_and_may_lend_more() -> None:
    part = {
        "coveredResources": ["cpu", "memory", GPU],
        "flavors": [quota("f", {"nominalQuota": "8", "lendingLimit": "2"})],
    }
    cohorts = [
        thing("Cohort", "c", parentName="root"),
        thing("Cohort", "d", parentName="root", resourceGroups=[part]),
        thing("Cohort", "root"),
    ]
    objects = [*NODES, *platform(cluster_queue("cq", quota("f", 0), cohort="c")), *cohorts, *queued(gpus=4)]
    found = explain(case_of(objects))
    assert found.cause == "lending-limit"
    assert "6 are idle behind the lending limits of the Cohort d" in found.summary
    raised = next(each for each in found.remedies if each.kind is RemedyKind.RAISE_LENDING_LIMIT)
    assert (raised.target and raised.target.kind, raised.tried.starts) == ("Cohort", StartsWhen.NOW)


RACKS = [node(f"n{number}", 4, labels={"block": "b", "rack": f"r{number // 2}"}) for number in range(4)]
RESTING = [{**each, "spec": {"unschedulable": at % 2 == 0}} for at, each in enumerate(RACKS)]


def placed(pods: int, gpus: int, nodes: list[Raw], **asks: Any) -> list[Raw]:
    """A Job in a queue whose flavor has a topology of racks of two nodes."""
    levels = thing(
        "Topology", "t", levels=[{"nodeLabel": each} for each in ("block", "rack", "kubernetes.io/hostname")]
    )
    queue = platform(cluster_queue("cq", quota("f", 64)), flavors={"f": {"topologyName": "t"}})
    above, workload = queued(pods=pods, gpus=gpus)
    if asks:
        workload["spec"]["podSets"][0]["topologyRequest"] = asks
    return [levels, *queue, *nodes, above, workload]


def test_nodes_of_a_topology_that_are_cordoned_come_back_some_day() -> None:
    found = explain(case_of(placed(2, 4, RESTING, required="rack")))
    assert (found.cause, found.verdict, found.start) == ("topology-request-unsatisfiable", CauseVerdict.WAITING, None)
    assert found.summary.endswith("; n0, n2 are cordoned or not ready")
    assert "kubectl uncordon node/n0" in [each.command for each in found.remedies]
    never = explain(case_of(placed(3, 4, RESTING, required="rack")), with_remedies=False)
    assert (never.verdict, never.start is not None and never.start.never) == (CauseVerdict.MISCONFIGURED, True)


def test_slices_are_told_as_such_and_kept_whole() -> None:
    slices = {"podSetSliceRequiredTopology": "rack", "podSetSliceSize": 3, "preferred": "block"}
    found = explain(case_of(placed(3, 4, RACKS, **slices)))
    assert found.summary.startswith("every 3 of its pods must lie in one rack, and")
    assert not [each for each in found.remedies if each.kind is RemedyKind.SPLIT_GANG]
    assert found.remedies[0].summary == "let each of its pods lie alone (kueue.x-k8s.io/podset-slice-size 3 → 1)"


def test_what_no_node_of_a_topology_holds_asks_for_less() -> None:
    found = explain(case_of(placed(2, 8, RACKS)))
    assert found.cause == "topology-request-unsatisfiable"
    assert [each.summary for each in found.remedies] == ["ask for 4 nvidia.com/gpu in place of 8 for each pod"]


PROVISIONING = "kueue.x-k8s.io/provisioning-request"


def requested(name: str, said: str, at: str) -> Raw:
    """A ProvisioningRequest of the job's Workload."""
    meta = {
        "creationTimestamp": at,
        "ownerReferences": [{"kind": "Workload", "name": "train", "uid": "Workload-train"}],
    }
    return {
        **thing("ProvisioningRequest", name, TEAM, status={"conditions": [condition(said)]}, metadata=meta),
        "apiVersion": "autoscaling.x-k8s.io/v1",
    }


def test_a_request_is_of_the_check_that_it_is_named_for() -> None:
    names = ("prov", "prov-spot")
    rules = {"admissionChecks": [{"name": each} for each in names]}
    queue = cluster_queue("cq", quota("f", 8), admissionChecksStrategy=rules)
    asked = [requested("train-prov-1", "Accepted", BEFORE), requested("train-prov-spot-1", "Failed", EARLIER)]
    checks = [check(each, PROVISIONING) for each in names]

    def of(*pending: str) -> tuple[str, Any]:
        states = [{"name": each, "state": "Pending" if each in pending else "Ready"} for each in names]
        objects = [*NODES, *platform(queue), *checks, *asked, *queued(status=reserved(checks=states))]
        found = explain(case_of(objects), with_remedies=False)
        return found.cause, found.facts["provisioning_request"]

    assert of("prov") == ("provisioning-request-pending", "train-prov-1")
    assert of("prov-spot") == of(*names) == ("provisioning-request-failed", "train-prov-spot-1")


def test_pods_of_a_group_that_contradict_each_other_are_no_fault_of_kueue() -> None:
    def member(name: str, total: str, queue: str = "q") -> Raw:
        labels = {QUEUE: queue, "kueue.x-k8s.io/pod-group-name": "g"}
        made = pod(name, labels=labels, schedulingGates=[{"name": "kueue.x-k8s.io/admission"}])
        made["metadata"]["annotations"] = {"kueue.x-k8s.io/pod-group-total-count": total}
        return made

    for asked, others in (("a", member("b", "3")), ("b", member("b", "3")), ("a", member("b", "2", queue="p"))):
        objects = [*NODES, *platform(ROOM), member("a", "2"), others]
        found = explain(case_of(objects, f"pod/{asked}"), with_remedies=False)
        assert (found.cause, found.verdict, found.confidence) == (
            "workload-missing",
            CauseVerdict.MISCONFIGURED,
            Confidence.SURE,
        )
    alone = queued()[0]
    told = [*NODES, *platform(ROOM), alone, event(alone, "ErrWorkloadCompose", "too many of them")]
    assert "too many of them" in explain(case_of(told), with_remedies=False).summary


def test_what_a_check_sent_back_is_not_made_anew_first() -> None:
    conditions = [condition("Evicted", reason="AdmissionCheck"), condition("Requeued", "False", "AdmissionCheck")]
    status = {"conditions": conditions, "requeueState": {"count": 1, "requeueAt": "2026-11-01T12:05:00Z"}}
    found = explain(case_of([*NODES, *platform(ROOM), *queued(status=status)]))
    assert found.summary.startswith("an AdmissionCheck sent it back")
    assert found.remedies[0].summary == "wait until 2026-11-01T12:05:00Z"


def test_a_ratio_is_told_as_one() -> None:
    item = {"type": "Container", "default": {"cpu": "8"}, "maxLimitRequestRatio": {"cpu": "4"}}
    bounds = {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "l", "namespace": TEAM},
        "spec": {"limits": [item]},
    }
    found = explain(case_of([*NODES, bounds, job("train", cpu="1")]))
    assert found.summary.startswith("the container main has a limit of cpu of 8 times its request where 4 times it is")
    assert found.remedies[0].summary == "set the limit to 4 cpu"


def test_by_past_use_the_order_is_not_known_for_sure() -> None:
    def of(**scope: Any) -> Confidence:
        queue = cluster_queue("cq", quota("f", 8), **scope)
        line = [*holding("b", "cq", gpus=4), *queued("head", gpus=4, at=BEFORE), *queued(gpus=4)]
        found = explain(case_of([*NODES, *platform(queue), *line]), with_remedies=False)
        assert found.cause == "behind-in-line"
        return found.confidence

    assert of() is Confidence.SURE
    assert of(admissionScope={"admissionMode": "UsageBasedAdmissionFairSharing"}) is Confidence.LIKELY


def test_what_was_suspended_has_missed_nothing() -> None:
    of = cron(schedule="0 * * * *", startingDeadlineSeconds=5, suspend=True)
    first = explain(case_of([*NODES, of], "cronjob/nightly")).remedies[0]
    assert (first.kind, first.tried.starts) == (RemedyKind.UNSUSPEND, StartsWhen.NOW)


def test_a_queue_of_multikueue_keeps_its_check() -> None:
    rules = {"admissionChecks": [{"name": "c"}]}
    queue = cluster_queue("cq", quota("f", 8), admissionChecksStrategy=rules)
    lost = reserved(checks=[{"name": "c", "state": "Retry", "message": "Reserving remote lost"}])
    objects = [*NODES, *platform(queue), check(controller="kueue.x-k8s.io/multikueue"), *queued(status=lost)]
    found = explain(case_of(objects))
    assert found.cause == "admission-check-rejected-or-retry"
    assert [each.kind for each in found.remedies] == [RemedyKind.WAIT_FOR_QUOTA]


def test_a_queue_label_is_changed_where_it_stands() -> None:
    above, middle, _ = crashing()
    gate = {"schedulingGates": [{"name": "kueue.x-k8s.io/admission"}]}
    waits = pod("web-1-a", labels={QUEUE: "lost"}, owner=middle, **gate)
    own = thing("Workload", "web", TEAM, queueName="lost", podSets=[], metadata={"ownerReferences": [owned_by(waits)]})
    for label, path in (({QUEUE: "lost"}, ("metadata",)), ({}, ("spec", "template", "metadata"))):
        named = copy.deepcopy([above, middle])
        for each in named:
            each["metadata"]["labels"] = label
            each["spec"]["template"]["metadata"]["labels"] = {QUEUE: "lost"}
        first = explain(case_of([*NODES, *platform(ROOM), *named, waits, own], "deployment/web")).remedies[0]
        body: Any = {"labels": {QUEUE: "q"}}
        for key in reversed(path):
            body = {key: body}
        assert first.patch is not None
        assert (first.kind, first.patch.body) == (RemedyKind.FIX_QUEUE_NAME, body)


def test_which_pods_do_not_tolerate_a_taint_and_a_flavor_that_cannot_be_changed() -> None:
    taints = [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]
    above, workload = queued(gpus=0)
    worker = copy.deepcopy(workload["spec"]["podSets"][0])
    worker["name"], worker["template"]["spec"]["tolerations"] = "worker", [{"operator": "Exists"}]
    workload["spec"]["podSets"].append(worker)

    def of(**flavor: Any) -> list[str]:
        levels = thing("Topology", "t", levels=[{"nodeLabel": "kubernetes.io/hostname"}])
        queue = platform(cluster_queue("cq", quota("f", 8)), flavors={"f": {"nodeTaints": taints, **flavor}})
        found = explain(case_of([*NODES, levels, *queue, above, workload]))
        assert found.summary.endswith("which its pods of main do not tolerate")
        return [each.summary for each in found.remedies]

    user, platforms = (
        "tolerate gpu=yes:NoSchedule in the pods of main",
        "let the flavor f carry the toleration for its jobs",
    )
    assert of() == [user, platforms]
    assert of(topologyName="t") == [user]


def test_what_is_being_stopped_runs_no_more() -> None:
    words = (
        "Preempted to accommodate a workload (UID: Workload-boss, JobUID: x) due to prioritization in the ClusterQueue"
    )
    told = [condition("Preempted", reason="InClusterQueue", message=words), condition("Evicted", reason="Preempted")]
    above, workload, own = holding("train", "cq", gpus=4)
    workload["status"]["conditions"] += told
    own["metadata"]["deletionTimestamp"] = NOW
    objects = [*NODES, *platform(ROOM), *queued("boss", gpus=8, priority=10), above, workload, own]
    found = explain(case_of(objects))
    assert (found.cause, found.verdict) == ("preempted", CauseVerdict.WAITING)
    assert found.summary.startswith("it is being stopped for boss by a higher priority in the same ClusterQueue")
    workload["status"]["conditions"] = workload["status"]["conditions"][:2]
    assert explain(case_of(objects)).cause == "none", "somebody deleted a pod"


def without(objects: list[Raw], *unseen: str) -> Any:
    """The answer where kinds may not be read."""
    gathered = Gathered()
    gathered.take_any(objects)
    gaps = tuple(Gap(what=each, reason="forbidden") for each in unseen)
    source = Source(name="test", observed_at=NOW, objects=gathered.objects(), gaps=gaps)
    return explain(find_case(Snapshot(taken_at=NOW, sources=(source,)), "job/train"))


def test_cohorts_and_flavors_that_may_not_be_read_make_nothing_impossible() -> None:
    queue = platform(cluster_queue("cq", quota("f", 8), cohort="c"))
    words = "couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu in flavor f, 2 more needed"
    said = {"conditions": [condition("QuotaReserved", "False", "Pending", words)]}
    large = without([*NODES, *queue, *queued(gpus=16)], "cohorts")
    assert (large.cause, large.confidence, large.start) == ("quota-larger-than-total", Confidence.LIKELY, None)
    assert {each.tried.starts for each in large.remedies} == {StartsWhen.NOT_SIMULATED}
    assert without([*NODES, *queue, *queued(gpus=16, status=said)], "cohorts").cause == "cohort-exhausted", (
        "Kueue knows"
    )
    bare = [each for each in queue if each["kind"] != "ResourceFlavor"]
    found = without([*NODES, *bare, *holding("b", "cq", gpus=8), *queued(gpus=4)], "resourceflavors")
    assert (found.cause, found.confidence) == ("quota-nominal", Confidence.LIKELY)
    assert without([*NODES, *queue, *queued(gpus=16)]).confidence is Confidence.SURE


def test_nobody_waits_for_a_service_to_end() -> None:
    above, middle, _ = crashing()
    serves = pod("web-1-a", "n", owner=middle, gpus=8)
    trains = job("other")
    of = [*NODES, bounded("8"), job("train"), trains]

    def waited(*users: Raw) -> list[str]:
        found = explain(case_of([*of, above, middle, *users]))
        assert found.cause == "resourcequota-exceeded"
        return [each.summary for each in found.remedies if each.kind is RemedyKind.WAIT_FOR_QUOTA]

    assert waited(serves) == []
    assert waited(pod("other-a", "n", owner=trains, gpus=8)) == ["wait for Job other to end, which uses the quota"]


def test_what_runs_elsewhere_or_under_a_kind_that_is_not_read_is_no_ghost() -> None:
    def told(change: Any) -> list[str]:
        held = holding("far", "cq", gpus=8, ran=False, since=BEFORE)
        change(held[1])
        found = explain(case_of([*NODES, *platform(ROOM), *held, *queued(gpus=4)]), with_remedies=False)
        return [each.cause for each in found.contributing]

    assert told(lambda workload: None) == ["ghost-reservation"]
    assert told(lambda workload: workload["status"].update(clusterName="w")) == []
    strange = {"apiVersion": "acme.io/v1", "kind": "Trainer", "name": "t", "uid": "t", "controller": True}
    assert told(lambda workload: workload["metadata"].update(ownerReferences=[strange])) == []


def test_a_head_that_only_waits_is_not_deleted() -> None:
    strict = cluster_queue("cq", quota("f", 8), queueingStrategy="StrictFIFO")
    line = [*holding("b", "cq", gpus=4), *queued("head", gpus=6, at=BEFORE), *queued(gpus=2)]
    found = explain(case_of([*NODES, *platform(strict), *line]))
    assert found.cause == "strict-fifo-head-blocks"
    assert not [each for each in found.remedies if each.patch is not None and each.patch.op is PatchOp.DELETE]


def test_restarts_in_a_pod_count_as_failures() -> None:
    never = explain(case_of([*NODES, *failed([job("train")])]), with_remedies=False).summary
    assert never == "the Job train failed 7 times and may 6 (backoffLimit)"
    above = job("train", restartPolicy="OnFailure")
    above["status"] = {"failed": 1, "conditions": [condition("Failed", reason="BackoffLimitExceeded")]}
    told = explain(case_of([*NODES, above]), with_remedies=False).summary
    assert told == "the containers of the Job train failed more often than they may (backoffLimit 6)"


def test_what_keeps_work_in_the_worker_that_has_taken_it_is_told() -> None:
    def source(name: str, objects: list[Raw]) -> Source:
        gathered = Gathered()
        gathered.take_any(objects)
        return Source(name=name, observed_at=NOW, objects=gathered.objects(), gaps=gathered.gaps)

    above, workload, _ = holding("train", "cq", gpus=16)
    copy_of = [*platform(ROOM), above, workload, pod("train-0", owner=above, gpus=16)]
    worker, manager = source("w", [node("n", 4), *copy_of]), source("manager", elsewhere())

    def told(*sources: Source) -> tuple[str, str]:
        snapshot = Snapshot(taken_at=NOW, sources=sources)
        index = Index(manager)
        asked = index.objects.jobs[0]
        found = explain(Case(snapshot, manager, reference_of(asked), asked, index=index))
        assert not found.remedies
        return found.cause, found.summary

    assert told(manager)[0] == "none"
    cause, summary = told(manager, worker)
    assert cause == "insufficient-gpu"
    assert summary.startswith("in the worker cluster w a pod asks for 16 nvidia.com/gpu; the largest node")


def test_a_workload_that_is_finished_has_ended() -> None:
    status = {"conditions": [condition("Finished", reason="Succeeded", message="Job finished successfully")]}
    found = explain(case_of([*NODES, *platform(ROOM), queued(status=status)[1]], "workload/train"))
    assert (found.cause, found.summary) == ("none", "it has ended: Job finished successfully")
    lost = explain(case_of([*NODES, *platform(ROOM), *failed(queued(status=OVER))], "workload/train"))
    assert lost.cause == "job-backoff-limit"


def test_a_field_that_cannot_be_changed_is_not_wrong() -> None:
    words = 'Job.batch "train" is invalid: spec.template: Invalid value: core.PodTemplateSpec{}: field is immutable'
    found = explain(refusal(written_job(), 422, words))
    assert found.cause == "object-invalid"
    assert found.remedies[0].summary == "delete the Job train that is there, or submit it under another name"


def test_numbers_of_a_queue_do_not_bear_on_what_it_has_let_in() -> None:
    queue = platform(cluster_queue("cq", quota("f", 8)))
    waits = pod("train-0", owner=queued()[0], gpus=9)
    let_in = [*queue, node("n"), *queued(gpus=9, status=reserved(further=(condition("Admitted"),))), waits]
    assert without(let_in, "cohorts", "events").unseen == ("events: forbidden",)
    assert without([*queue, node("n"), *queued(gpus=9)], "cohorts").unseen == ("cohorts: forbidden",)
