"""Causes of the queue layer: each with a case in which it holds, and a near one in which it does not."""

from __future__ import annotations

import msgspec
import pytest

from allotment.diagnose.case import Case
from allotment.diagnose.causes import BY_ID
from allotment.diagnose.explaining import explain
from allotment.diagnose.finding import Finding
from allotment.model.explanation import (
    CauseVerdict,
    Confidence,
    Doer,
    Explanation,
    PatchOp,
    RemedyKind,
    StartsWhen,
)
from allotment.model.labels import MULTIKUEUE_ORIGIN
from allotment.operations.ask.explaining import why_all
from tests.unit.diagnose.building import GPU, NOW, TEAM, Raw, case_of, job, node, owned_by, pod
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

ROOM = cluster_queue("cq", quota("f", 8))
LATER = "2026-11-01T11:30:00Z"
CHECKED = cluster_queue("cq", quota("f", 8), admissionChecksStrategy={"admissionChecks": [{"name": "c"}]})
STRICT = cluster_queue("cq", quota("f", 8), queueingStrategy="StrictFIFO")


def failed_to_start(reason: str) -> Raw:
    """The status of a Workload that ended as it was to start."""
    key = "kueue.x-k8s.io/workload"
    message = (
        f"invalid admission check PodSetUpdate: conflict for annotations: conflict for key={key}, value1=a, value2=b"
    )
    return {"conditions": [condition("Finished", reason=reason, message=message)]}


def evicted(reason: str, message: str = "") -> Raw:
    return {"conditions": [condition("Evicted", reason=reason, message=message)]}


def requeued(at: str) -> Raw:
    return evicted("PodsReadyTimeout") | {"requeueState": {"count": 2, "requeueAt": at}}


def suspended(**labels: str) -> Raw:
    found = job("train")
    found["spec"]["suspend"] = True
    found["metadata"]["labels"] = labels
    return found


def left_to(controller: str) -> list[Raw]:
    found = job("train")
    found["spec"]["managedBy"] = controller
    return [node("a"), found]


def provisioning(*conditions: Raw, state: str = "Pending") -> list[Raw]:
    pending = reserved(checks=[{"name": "c", "state": state, "message": "out of stock"}])
    request = thing("ProvisioningRequest", "train-c-1", TEAM, status={"conditions": list(conditions)})
    request["apiVersion"] = "autoscaling.x-k8s.io/v1"
    controller = "kueue.x-k8s.io/provisioning-request"
    return [*platform(CHECKED), check(controller=controller), request, *queued(status=pending)]


def multikueue(active: str, reason: str = "ClientConnectionFailed", check_active: str = "True") -> list[Raw]:
    pending = reserved(checks=[{"name": "c", "state": "Pending"}])
    named = check(controller="kueue.x-k8s.io/multikueue", active=check_active)
    named["spec"]["parameters"] = {"apiGroup": "kueue.x-k8s.io", "kind": "MultiKueueConfig", "name": "m"}
    status = {"conditions": [condition("Active", active, reason, "no route")]}
    worker = thing("MultiKueueCluster", "w", clusterSource={"kubeConfig": {"location": "w-config"}}, status=status)
    return [*platform(CHECKED), named, worker, thing("MultiKueueConfig", "m", clusters=["w"]), *queued(status=pending)]


def waits(state: str, message: str = "") -> list[Raw]:
    status = reserved(checks=[{"name": "c", "state": state, "message": message}])
    return [*platform(CHECKED), check(), *queued(status=status)]


def inadmissible(claim: str) -> Raw:
    message = f'{claim}.resourceClaimTemplateName: Not found: "DeviceClass gpu.x is not mapped in DRA configuration"'
    told = (condition(each, "False", "Inadmissible", message) for each in ("QuotaReserved", "Requeued"))
    return {"conditions": [*told]}


CLAIM = "spec.podSets[0].template.spec.resourceClaims[0]"
HEAD = queued("head", 3, gpus=2, priority=5)
BUSY = holding("busy", "cq", 2, gpus=2)

CASES: dict[str, tuple[list[Raw], list[Raw]]] = {
    "queue-missing": ([*platform(ROOM), *queued(queue="p")], [*platform(ROOM), *queued()]),
    "localqueue-points-to-missing-clusterqueue": (
        [*platform(ROOM)[:-1], thing("LocalQueue", "q", TEAM, clusterQueue="cp"), *queued()],
        [*platform(ROOM), *queued()],
    ),
    "localqueue-held": (
        [*platform(ROOM)[:-1], thing("LocalQueue", "q", TEAM, clusterQueue="cq", stopPolicy="Hold"), *queued()],
        [
            *platform(ROOM)[:-1],
            thing("LocalQueue", "q", TEAM, clusterQueue="cq", stopPolicy="Hold"),
            *holding("train", "cq"),
        ],
    ),
    "queue-held": (
        [*platform(cluster_queue("cq", quota("f", 8), stopPolicy="HoldAndDrain")), *queued()],
        [*platform(cluster_queue("cq", quota("f", 8), stopPolicy="None")), *queued()],
    ),
    "claims-not-counted": (
        [*platform(ROOM), *queued(status=inadmissible(CLAIM))],
        [*platform(ROOM), *queued(status=inadmissible("spec.podSets[0].template.spec.containers[0]"))],
    ),
    "controller-absent": (left_to("kueue.x-k8s.io/multikueue"), left_to("kubernetes.io/job-controller")),
    "clusterqueue-terminating": (
        [*platform(cluster_queue("cq", quota("f", 8), metadata={"deletionTimestamp": NOW})), *queued()],
        [*platform(ROOM), *queued()],
    ),
    "clusterqueue-inactive-missing-flavor": (
        [*platform(cluster_queue("cq", quota("f", 8), quota("g", 1))), *queued()],
        [*platform(cluster_queue("cq", quota("f", 8), quota("g", 1)), flavors={"f": {}, "g": {}}), *queued()],
    ),
    "clusterqueue-inactive-admission-check": (
        [*platform(CHECKED), check(active="False"), *queued()],
        [*platform(CHECKED), check(), *queued()],
    ),
    "clusterqueue-inactive-missing-topology": (
        [*platform(ROOM, flavors={"f": {"topologyName": "t"}}), *queued()],
        [*platform(ROOM, flavors={"f": {"topologyName": "t"}}), thing("Topology", "t"), *queued()],
    ),
    "cohort-cycle": (
        [
            *platform(cluster_queue("cq", quota("f", 8), cohort="a")),
            thing("Cohort", "a", parentName="b"),
            thing("Cohort", "b", parentName="a"),
            *queued(),
        ],
        [
            *platform(cluster_queue("cq", quota("f", 8), cohort="a")),
            thing("Cohort", "a", parentName="b"),
            thing("Cohort", "b"),
            *queued(),
        ],
    ),
    "namespace-selector-mismatch": (
        [*platform(cluster_queue("cq", quota("f", 8), namespaceSelector={"matchLabels": {"team": "x"}})), *queued()],
        [*platform(cluster_queue("cq", quota("f", 8), namespaceSelector={"matchLabels": {"team": TEAM}})), *queued()],
    ),
    "admission-check-rejected-or-retry": (waits("Retry", "later"), waits("Ready")),
    "workload-deactivated": (
        [*platform(ROOM), *queued(workload={"active": False})],
        [
            *platform(ROOM),
            *queued(workload={"active": False}, status=evicted("DeactivatedDueToAdmissionCheck")),
        ],
    ),
    "template-contradicts-admission": (
        [*platform(ROOM), *queued(status=failed_to_start("FailedToStart"))],
        [*platform(ROOM), *queued(status=failed_to_start("Succeeded"))],
    ),
    "job-suspended-by-user": ([suspended()], [*platform(ROOM), suspended(**{QUEUE: "q"})]),
    "workload-priority-class-missing": (
        [*platform(ROOM), suspended(**{QUEUE: "q", "kueue.x-k8s.io/priority-class": "urgent"})],
        [
            *platform(ROOM),
            suspended(**{QUEUE: "q", "kueue.x-k8s.io/priority-class": "urgent"}),
            {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "WorkloadPriorityClass", "metadata": {"name": "urgent"}},
        ],
    ),
    "pod-group-incomplete": (
        [*platform(ROOM), *queued(status={"conditions": [condition("WaitingForReplacementPods")]})],
        [*platform(ROOM), *queued(status={"conditions": [condition("WaitingForReplacementPods", "False")]})],
    ),
    "requeue-backoff": (
        [*platform(ROOM), *queued(status=requeued("2026-11-01T12:05:00Z"))],
        [*platform(ROOM), *queued(status=requeued(LATER))],
    ),
    "provisioning-request-failed": (provisioning(condition("Failed")), provisioning(condition("Failed", "False"))),
    "provisioning-booking-expired": (
        provisioning(condition("Provisioned"), condition("BookingExpired")),
        provisioning(condition("Provisioned")),
    ),
    "provisioning-request-pending": (provisioning(condition("Accepted")), provisioning(condition("Failed"))),
    "multikueue-no-worker": (multikueue("False"), waits("Pending")),
    "admission-check-pending": (waits("Pending"), waits("Ready")),
    "priority-below-others": (
        [*platform(STRICT), *BUSY, *queued("head", 3, gpus=2, priority=5, at=LATER), *queued(gpus=2)],
        [*platform(STRICT), *BUSY, *HEAD, *queued(gpus=2)],
    ),
    "strict-fifo-head-blocks": (
        [*platform(STRICT), *BUSY, *HEAD, *queued(gpus=2, at=LATER)],
        [*platform(ROOM), *BUSY, *HEAD, *queued(gpus=2, at=LATER)],
    ),
    "behind-in-line": (
        [*platform(ROOM), *BUSY, *queued("head", gpus=4), *queued(gpus=2, at=LATER)],
        [*platform(ROOM), *BUSY, *queued("head", gpus=2), *queued(gpus=2, at=LATER)],
    ),
    "stale-verdict": ([*platform(ROOM), *queued()], [*platform(ROOM), *queued(at=NOW)]),
    "not-looked-at-yet": ([*platform(ROOM), *queued(at=NOW)], [*platform(ROOM), *queued()]),
}


@pytest.mark.parametrize("cause", CASES)
def test_a_cause_is_found_where_it_holds_and_not_where_it_nearly_does(cause: str) -> None:
    holds, nearly = CASES[cause]
    find = BY_ID[cause].find
    found = find(case_of(holds))
    assert found is not None
    assert found.cause == cause
    assert find(case_of(nearly)) is None


def of(cause: str, objects: list[Raw]) -> Finding:
    found = BY_ID[cause].find(case_of(objects))
    assert found is not None
    return found


def test_a_check_that_was_rejected_is_the_cause_of_the_deactivation() -> None:
    message = 'The workload is deactivated due to AdmissionCheck in Rejected state: "c" (budget (2026) is spent)'
    status = evicted("DeactivatedDueToAdmissionCheck", message)
    objects = [*platform(CHECKED), check(), *queued(workload={"active": False}, status=status)]
    explanation = explain(case_of(objects))
    assert explanation.cause == "admission-check-rejected-or-retry"
    assert explanation.verdict is CauseVerdict.MISCONFIGURED
    assert explanation.facts["message"] == "budget (2026) is spent"
    assert [(each.kind, each.target and each.target.kind) for each in explanation.remedies] == [
        (RemedyKind.FIX_ADMISSION_CHECK, "ClusterQueue")
    ]
    opened, again = explanation.remedies[0].command.split(" && ", 1)
    assert opened.startswith("kubectl patch clusterqueue"), opened
    assert again.startswith(f"was=$(kubectl get job.batch/train -n {TEAM} -o json |"), "Kueue does not look again"


def test_checks_that_are_missing_are_taken_out_in_one_patch() -> None:
    rules = [{"name": each} for each in "abc"]
    queue = cluster_queue("cq", quota("f", 8), admissionChecksStrategy={"admissionChecks": rules})
    found = explain(case_of([*platform(queue), check(), *queued()]))
    first = found.remedies[0]
    assert (first.summary, found.cause) == (
        "take the checks a, b out of the ClusterQueue cq",
        "clusterqueue-inactive-admission-check",
    )
    assert first.patch is not None
    assert [each["path"][-2:] for each in first.patch.body] == ["/1", "/0"], (
        "the last first: numbers stay what they are"
    )


@pytest.mark.parametrize("reason", ["RequeuingLimitExceeded", "MaximumExecutionTimeExceeded"])
def test_why_kueue_itself_gave_up_is_a_fact_of_the_deactivation(reason: str) -> None:
    objects = [*platform(ROOM), *queued(workload={"active": False}, status=evicted(f"DeactivatedDueTo{reason}"))]
    assert of("workload-deactivated", objects).facts["reason"] == reason


def test_what_was_stopped_before_it_was_let_in_never_ran() -> None:
    status = evicted("Deactivated", "The workload is deactivated")
    waited = of("workload-deactivated", [*platform(ROOM), *queued(workload={"active": False}, status=status)])
    assert waited.summary.endswith("Kueue does not try it")
    status["conditions"].append(condition("Admitted", "False", "NoReservation"))
    ran = of("workload-deactivated", [*platform(ROOM), *queued(workload={"active": False}, status=status)])
    assert ran.summary.endswith("and stopped it while it ran")


def test_a_silent_check_is_broken_and_one_that_speaks_is_waited_for() -> None:
    assert of("admission-check-pending", waits("Pending")).verdict is CauseVerdict.BROKEN
    assert of("admission-check-pending", waits("Pending", "3 of 5 files")).verdict is CauseVerdict.WAITING


def test_a_head_that_can_never_fit_is_somebodys_to_mend() -> None:
    never = [*platform(STRICT), *BUSY, *queued("head", 3, gpus=4, priority=5), *queued(gpus=2, at=LATER)]
    found = of("strict-fifo-head-blocks", never)
    assert found.verdict is CauseVerdict.MISCONFIGURED
    assert not any(each.kind is RemedyKind.WAIT_FOR_QUOTA for each in found.proposals)
    waiting = of("strict-fifo-head-blocks", CASES["strict-fifo-head-blocks"][0])
    assert waiting.verdict is CauseVerdict.WAITING
    assert any(each.kind is RemedyKind.WAIT_FOR_QUOTA for each in waiting.proposals)


def test_what_a_head_lacks_is_not_told_as_what_the_subject_asks_for() -> None:
    mixed = cluster_queue("cq", quota("f", 4, cpu="8"), queueingStrategy="StrictFIFO")
    head = queued("head", gpus=1, cpu="16", priority=5)
    found = of("strict-fifo-head-blocks", [*platform(mixed), *head, *queued(gpus=2, at=LATER)])
    assert "it would fit, but" in found.summary
    assert "asks for 16 cpu and can never be admitted" in found.summary
    assert (found.facts["resource"], found.facts["requested"], found.facts["head_lacks"]) == (GPU, 2, "cpu")


def expression(key: str, operator: str, *values: str) -> Raw:
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


def sent_back(reason: str) -> Raw:
    return {"conditions": [*evicted(reason)["conditions"], condition("Requeued", "False", reason)]}


DRAINED = platform(cluster_queue("cq", quota("f", 8), stopPolicy="HoldAndDrain"))


@pytest.mark.parametrize(
    "objects",
    [
        CASES["queue-held"][0],
        [*DRAINED, *queued(status=sent_back("ClusterQueueStopped"))],
        [*platform(ROOM), *queued(workload={"active": False}, status=sent_back("Deactivated"))],
    ],
    ids=["held", "drained", "deactivated"],
)
def test_what_is_started_again_lets_it_go_at_once(objects: list[Raw]) -> None:
    """Kueue queues by itself what it sent back for that."""
    again = [each for each in explain(case_of([*objects, node("n")])).remedies if each.who is Doer.PLATFORM]
    assert (again[0].kind, again[0].tried.starts) in [
        (RemedyKind.RESUME_QUEUE, StartsWhen.NOW),
        (RemedyKind.UNSUSPEND, StartsWhen.NOW),
    ]


NAME = "kubernetes.io/metadata.name"
WIDER: dict[str, tuple[Raw, Raw | None]] = {
    "a label": (
        {"matchLabels": {"team": "team-b"}},
        {"matchExpressions": [{"key": "team", "operator": "In", "values": ["team-b", TEAM]}]},
    ),
    "what is met stays": (
        {"matchExpressions": [expression("team", "Exists"), expression("team", "NotIn", TEAM, "x")]},
        {"matchExpressions": [expression("team", "Exists"), expression("team", "NotIn", "x")]},
    ),
    "names": (
        {"matchExpressions": [expression(NAME, "In", "x")]},
        {"matchExpressions": [expression(NAME, "In", "x", TEAM)]},
    ),
    "a label that it lacks": ({"matchLabels": {"tier": "gold"}}, None),
    "two things": ({"matchLabels": {"team": "x", "tier": "gold"}}, None),
}


@pytest.mark.parametrize(("selector", "wider"), WIDER.values(), ids=WIDER)
def test_a_namespace_is_let_in_and_nobody_is_shut_out(selector: Raw, wider: Raw | None) -> None:
    objects = [*platform(cluster_queue("cq", quota("f", 8), namespaceSelector=selector)), *queued()]
    found = of("namespace-selector-mismatch", objects).proposals
    opened = [each.patch.body[0]["value"] for each in found if each.patch and each.patch.op is PatchOp.JSON]
    assert opened == ([] if wider is None else [wider])
    labelled = next((each for each in found if each.kind is RemedyKind.FIX_LABEL), None)
    over = labelled is not None and f"in place of team={TEAM}" in labelled.summary
    assert over is ("team" in selector.get("matchLabels", {}))


def test_a_queue_that_does_not_take_the_namespace_was_not_meant() -> None:
    closed = cluster_queue("closed", quota("f", 8), namespaceSelector={"matchLabels": {"team": "x"}})
    objects = [*platform(ROOM, closed), thing("LocalQueue", "side", TEAM, clusterQueue="closed"), *queued(queue="lost")]
    found = of(
        "localqueue-points-to-missing-clusterqueue", [*objects, thing("LocalQueue", "lost", TEAM, clusterQueue="cqq")]
    )
    assert found.facts["right_cluster_queue"] == "cq"


@pytest.mark.parametrize(
    ("cause", "ended"), [("provisioning-request-failed", "Failed"), ("provisioning-booking-expired", "BookingExpired")]
)
def test_nodes_that_did_not_come_are_asked_for_again_until_kueue_gives_up(cause: str, ended: str) -> None:
    waits_for = explain(case_of(provisioning(condition(ended), state="Retry")))
    assert (waits_for.cause, waits_for.verdict) == (cause, CauseVerdict.WAITING)
    assert waits_for.remedies[0].kind is RemedyKind.WAIT_FOR_CAPACITY
    over = explain(case_of(provisioning(condition(ended), state="Rejected")))
    assert (over.cause, over.verdict) == (cause, CauseVerdict.MISCONFIGURED)
    assert not any(each.kind is RemedyKind.WAIT_FOR_CAPACITY for each in over.remedies)


def test_nodes_that_were_taken_back_are_not_asked_for_again() -> None:
    revoked = of("provisioning-booking-expired", provisioning(condition("CapacityRevoked"), state="Pending"))
    assert revoked.verdict is CauseVerdict.BROKEN
    assert not any(each.kind is RemedyKind.WAIT_FOR_CAPACITY for each in revoked.proposals)


def test_a_worker_without_its_kubeconfig_is_misconfigured_and_one_out_of_reach_is_broken() -> None:
    badly_kept = multikueue("False", "BadKubeConfig", check_active="False")
    found = of("clusterqueue-inactive-admission-check", badly_kept)
    assert found.verdict is CauseVerdict.MISCONFIGURED
    assert any("w-config" in each.summary for each in found.proposals)
    unreached = of("clusterqueue-inactive-admission-check", multikueue("False", check_active="False"))
    assert unreached.verdict is CauseVerdict.BROKEN
    assert of("multikueue-no-worker", multikueue("False", "BadKubeConfig")).verdict is CauseVerdict.MISCONFIGURED


def test_nodes_of_a_manager_say_nothing_of_work_that_runs_in_a_worker() -> None:
    """As recorded: a manager has no GPU at all, and its queue's quota is that of its workers."""
    objects = [each for each in multikueue("True") if each["kind"] != "Node"]
    found = explain(case_of([*objects, node("cpu-only", gpus=0)]))
    assert (found.cause, found.verdict, found.start) == ("multikueue-no-worker", CauseVerdict.WAITING, None)
    assert not found.contributing


@pytest.mark.parametrize(("gpus", "never"), [(8, False), (1, True)])
def test_what_keeps_a_copy_in_its_worker_is_told_where_both_are_seen(gpus: int, never: bool) -> None:
    manager = case_of([*multikueue("True"), node("cpu-only", gpus=0)])
    (copied,) = (each for each in queued(gpus=2) if each["kind"] == "Workload")
    copied["metadata"] |= {"labels": {MULTIKUEUE_ORIGIN: "m"}, "ownerReferences": []}
    queue = cluster_queue("cq", quota("f", gpus))
    there = [*platform(queue), node("n"), *holding("busy", "cq", gpus=gpus), copied]
    worker = case_of(there, f"workload/{copied['metadata']['name']}")
    both = msgspec.structs.replace(
        manager.snapshot, sources=(manager.source, msgspec.structs.replace(worker.source, name="south-1"))
    )
    found = explain(Case(both, manager.source, manager.reference, manager.subject))
    assert (found.cause, found.verdict is CauseVerdict.MISCONFIGURED) == ("multikueue-no-worker", never)
    assert "in south-1 it asks for 2 nvidia.com/gpu" in found.summary
    assert (found.start is not None and found.start.never) is never
    assert [each.subject.name for each in why_all(both).waiting] == [manager.reference.name]


@pytest.mark.parametrize(("by", "anew"), [("kueue.x-k8s.io/multikueue", True), ("", False)])
def test_what_says_that_another_cluster_runs_it_is_made_anew_without_the_check(by: str, anew: bool) -> None:
    objects = multikueue("False", "BadKubeConfig", check_active="False")
    above = next(each for each in objects if each["kind"] == "Job")
    above["spec"]["managedBy"] = by
    first = explain(case_of(objects)).remedies[0]
    assert (first.kind, first.target and first.target.kind) == (RemedyKind.FIX_ADMISSION_CHECK, "ClusterQueue")
    assert ("submit train again" in first.summary) is anew


def test_work_of_a_further_kind_that_was_admitted_and_has_no_pods_has_no_operator() -> None:
    *_, workload = queued(status=reserved(further=(condition("Admitted"),)))
    above: Raw = {"apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": {**job("train")["metadata"]}, "spec": {}}
    workload["metadata"]["ownerReferences"] = [owned_by(above)]
    objects = [*platform(ROOM), node("a", gpus=0, labels={}), above, workload]
    found = explain(case_of(objects, "raycluster/train"))
    assert (found.cause, found.verdict) == ("controller-absent", CauseVerdict.BROKEN)
    assert "leaves it alone, or is refused what it makes" in found.summary
    told = {"involvedObject": {"kind": "RayCluster", "name": "train", "namespace": TEAM}, "reason": "FailedToCreatePod"}
    event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": TEAM}, **told}
    event["involvedObject"]["uid"] = above["metadata"]["uid"]
    event["reportingComponent"] = "raycluster-controller"
    assert explain(case_of([*objects, event], "raycluster/train")).cause != "controller-absent"
    unseen = {"apiVersion": "ray.io/v1", "kind": "Other", "metadata": {"name": "o", "uid": "o"}}
    stray = pod("stray", "a", owner=unseen)
    assert explain(case_of([*objects, stray], "raycluster/train")).cause != "controller-absent"


@pytest.mark.parametrize(
    ("version", "kind", "reason", "feature"),
    [
        ("jobset.x-k8s.io/v1alpha2", "JobSet", "JobCreationFailed", "jobset"),
        ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", "FailedCreate", "leaderworkerset"),
        ("ray.io/v1", "RayJob", "FailedToCreateRayCluster", "rayjob"),
        ("trainer.kubeflow.org/v1alpha1", "TrainJob", "TrainJobResourcesCreationFailed", "trainjob"),
    ],
)
def test_what_a_controller_says_it_cannot_make_is_quoted(version: str, kind: str, reason: str, feature: str) -> None:
    *_, workload = queued(status=reserved(further=(condition("Admitted"),)))
    above: Raw = {"apiVersion": version, "kind": kind, "metadata": {**job("train")["metadata"]}, "spec": {}}
    workload["metadata"]["ownerReferences"] = [owned_by(above)]
    objects = [*platform(ROOM), node("a", labels={}), above, workload]

    def answer(words: str) -> Explanation:
        about = {"kind": kind, "name": "train", "namespace": TEAM, "uid": above["metadata"]["uid"]}
        event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": TEAM}, "reason": reason}
        return explain(case_of([*objects, {**event, "involvedObject": about, "message": words}], f"{kind}/train"))

    ours = "queue-marks-protected.allotment.dev"
    denied = f"ValidatingAdmissionPolicy '{ours}' with binding '{ours}' denied request: a controller did not make it"
    found = answer(denied)
    assert (found.cause, found.confidence) == ("policy-refused", Confidence.LIKELY)
    assert "a controller did not make it" in found.summary
    assert [(each.who, f"add {feature} to features" in each.summary) for each in found.remedies] == [
        (Doer.PLATFORM, True)
    ]
    found = answer("the moon is full")
    assert (found.cause, found.summary) == (
        "creation-refused",
        'the API server refused what is made of train: "the moon is full"',
    )
