"""Scenes in which Kueue waits for something beside quota, holds what nobody uses, or does not look again."""

from __future__ import annotations

import time

from benchmarks.why.making import (
    A100,
    GPU,
    KUEUE,
    Raw,
    cluster_queue,
    flavor,
    job,
    local_queue,
    namespace,
    node,
    pod_spec,
    subject,
    usual,
)
from benchmarks.why.scenes.definitions import PROVISIONING_REQUESTS
from benchmarks.why.scenes.states import (
    another_node,
    condition,
    more_quota,
    queue_ref,
    said,
    workload_of,
)
from benchmarks.why.situation import Act, Played, Situation
from benchmarks.why.stage import Stage, now

TWO_A100 = (node("gpu-a"), node("gpu-b"), node("cpu-a", 0))
NO_CHECKS = [{"op": "remove", "path": "/spec/admissionChecksStrategy"}]
ACCEPTED = ("Accepted", "True", "Accepted", "ProvisioningRequest is accepted by the autoscaler")
DONE = ("Provisioned", "True", "Provisioned", "Provisioning request was successfully provisioned")
KUEUE_ISSUES = "https://github.com/kubernetes-sigs/kueue/issues"
ASKED = "ProvisioningRequest's kind (without its schema) and conditions, which cluster-autoscaler writes"
NO_GPU = (node("cpu-a", 0),)


def _with_check(stage: Stage, name: str, check: Raw, *more: Raw, beside: str = "") -> None:
    checks = [{"name": each} for each in (check["metadata"]["name"], beside) if each]
    stage.make(
        namespace(name),
        flavor("a100", A100),
        *more,
        check,
        cluster_queue(name, {"a100": usual(16)}, admissionChecksStrategy={"admissionChecks": checks}),
        local_queue("main", name, name),
    )


def admission_check(name: str, controller: str, parameters: str = "", of: str = "") -> Raw:
    spec: Raw = {"controllerName": controller}
    if parameters:
        spec["parameters"] = {"apiGroup": "kueue.x-k8s.io", "kind": of, "name": parameters}
    return {"apiVersion": KUEUE, "kind": "AdmissionCheck", "metadata": {"name": name}, "spec": spec}


def provisioning(stage: Stage, name: str, beside: str = "") -> None:
    """A queue whose workloads need machines to be made for them, and another check's word where one is named."""
    check = admission_check("machines", "kueue.x-k8s.io/provisioning-request", "gpus", "ProvisioningRequestConfig")
    config = {
        "apiVersion": KUEUE,
        "kind": "ProvisioningRequestConfig",
        "metadata": {"name": "gpus"},
        "spec": {
            "provisioningClassName": "best-effort-atomic-scale-up.autoscaling.x-k8s.io",
            "managedResources": [GPU],
            "retryStrategy": {"backoffLimitCount": 3, "backoffBaseSeconds": 50, "backoffMaxSeconds": 1800},
        },
    }
    _with_check(stage, name, check, config, beside=beside)


def asked_for(stage: Stage, namespace: str, beside: str = "") -> Raw:
    """The ProvisioningRequest that Kueue made, other than the one of a uid."""

    def made() -> Raw | None:
        found = stage.get("provisioningrequests.autoscaling.x-k8s.io", namespace=namespace)
        return next((each for each in found if each["metadata"]["uid"] != beside), None)

    return dict(stage.until("Kueue asks for machines", made))


def answered(stage: Stage, request: Raw, *conditions: Raw) -> None:
    stage.patch(request, {"status": {"conditions": list(conditions)}}, subresource="status")


def machines_are_being_made(stage: Stage) -> Played:
    """The autoscaler has taken the request and makes machines; nothing is to be done."""
    provisioning(stage, "climate")
    mine = job("downscale", "climate", "main", spec=pod_spec(8))
    stage.make(mine)
    request = asked_for(stage, "climate")
    waits = said("Provisioned", "False", "Provisioning", "Waiting for 1 of 1 nodes to be created")
    answered(stage, request, said(*ACCEPTED), waits)
    stage.until("the check is pending", lambda: _check_state(stage, "downscale", "climate") == "Pending")
    time.sleep(2)

    def come(live: Stage) -> None:
        live.make(another_node("gpu-n1").body)
        answered(live, asked_for(live, "climate"), said(*ACCEPTED), said(*DONE))

    return Played(
        mine,
        {"admission_check": "machines", "request": request["metadata"]["name"], "cluster_queue": "climate"},
        (
            Act(
                "wait-for-capacity",
                "user",
                "wait until the machines are there",
                "wait",
                None,
                {"until": "provisioned"},
                come,
            ),
        ),
        (more_quota("climate", 32),),
    )


def _check_state(stage: Stage, name: str, namespace: str) -> str:
    states = (workload_of(stage, name, namespace) or {}).get("status", {}).get("admissionChecks", ())
    return str(states[0].get("state", "")) if states else ""


def machines_cannot_be_had(stage: Stage) -> Played:
    """The cloud had no machines; Kueue keeps the quota and asks again after a while."""
    provisioning(stage, "forecast")
    mine = job("ensemble", "forecast", "main", spec=pod_spec(8))
    stage.make(mine)
    request = asked_for(stage, "forecast")
    failed = said("Failed", "True", "OutOfResources", "out of resources in zone europe-west4-a for a2-highgpu-8g")
    answered(stage, request, said(*ACCEPTED), failed)
    stage.until("it is put back", lambda: put_back(stage, "ensemble", "forecast"))

    def come(live: Stage) -> None:
        live.make(another_node("gpu-n1").body)
        again = asked_for(live, "forecast", request["metadata"]["uid"])
        answered(live, again, said(*ACCEPTED), said(*DONE))

    unchecked = [
        {"op": "json-patch", "target": queue_ref("forecast"), "body": NO_CHECKS},
        {"op": "create", "body": another_node("gpu-n1").body},
        {"op": "resubmit", "target": subject(mine), "body": mine},
    ]
    return Played(
        mine,
        {"admission_check": "machines", "request": request["metadata"]["name"], "cluster_queue": "forecast"},
        (
            Act(
                "wait-for-capacity", "user", "wait until Kueue asks again", "wait", None, {"until": "provisioned"}, come
            ),
            Act(
                "fix-admission-check",
                "platform",
                "take the check out, add a machine, submit again",
                "signal",
                None,
                {"steps": unchecked},
            ),
        ),
        (more_quota("forecast", 32),),
    )


def put_back(stage: Stage, name: str, namespace: str) -> bool:
    """Whether a check said to try again, and Kueue has set the time of that; it keeps the quota meanwhile."""
    status = (workload_of(stage, name, namespace) or {}).get("status", {})
    states = {each.get("state") for each in status.get("admissionChecks", ())}
    return "Retry" in states and bool(status.get("requeueState"))


def booked_and_expired(stage: Stage) -> Played:
    """The machines were there and booked; another check took so long that the booking ran out."""
    stage.make(admission_check("spend", "finops.example/spend"))
    active = said("Active", "True", "Active", "The admission check is active")
    spend = {"apiVersion": KUEUE, "kind": "AdmissionCheck", "name": "spend"}
    stage.patch(spend, {"status": {"conditions": [active]}}, subresource="status")
    provisioning(stage, "satellite", "spend")
    mine = job("mosaic", "satellite", "main", spec=pod_spec(8))
    stage.make(mine)
    request = asked_for(stage, "satellite")
    answered(stage, request, said(*ACCEPTED), said(*DONE))
    time.sleep(3)
    expired = said(
        "BookingExpired", "True", "BookingExpired", "Capacity booking for the ProvisioningRequest has expired"
    )
    answered(stage, request, said(*ACCEPTED), said(*DONE), expired)
    stage.until("it is put back", lambda: put_back(stage, "mosaic", "satellite"))

    def come(live: Stage) -> None:
        live.make(another_node("gpu-n1").body)
        again = asked_for(live, "satellite", request["metadata"]["uid"])
        answered(live, again, said(*ACCEPTED), said(*DONE))
        workload = workload_of(live, "mosaic", "satellite") or {}
        states = [
            {**each, "state": "Ready", "message": "within budget"} if each["name"] == "spend" else each
            for each in workload["status"]["admissionChecks"]
        ]
        live.patch(workload, {"status": {"admissionChecks": states}}, subresource="status")

    unchecked = [
        {"op": "json-patch", "target": queue_ref("satellite"), "body": NO_CHECKS},
        {"op": "create", "body": another_node("gpu-n1").body},
        {"op": "resubmit", "target": subject(mine), "body": mine},
    ]
    return Played(
        mine,
        {"admission_check": "machines", "request": request["metadata"]["name"], "cluster_queue": "satellite"},
        (
            Act(
                "wait-for-capacity",
                "user",
                "wait until both checks agree",
                "wait",
                None,
                {"until": "provisioned"},
                come,
            ),
            Act(
                "fix-admission-check",
                "platform",
                "take the checks out, add a machine, submit again",
                "signal",
                None,
                {"steps": unchecked},
            ),
        ),
        (more_quota("satellite", 32),),
    )


def worker_not_reachable(stage: Stage) -> Played:
    """Jobs go to another cluster, whose kubeconfig was never put where it is said to be: the queue is inactive."""
    _with_check(
        stage,
        "dispatch",
        admission_check("elsewhere", "kueue.x-k8s.io/multikueue", "clusters", "MultiKueueConfig"),
        {
            "apiVersion": KUEUE,
            "kind": "MultiKueueConfig",
            "metadata": {"name": "clusters"},
            "spec": {"clusters": ["west"]},
        },
        {
            "apiVersion": KUEUE,
            "kind": "MultiKueueCluster",
            "metadata": {"name": "west"},
            "spec": {"clusterSource": {"kubeConfig": {"location": "west-kubeconfig", "locationType": "Secret"}}},
        },
    )
    mine = job("pretrain-1", "dispatch", "main", spec=pod_spec(8))
    stage.make(mine)

    def inactive() -> bool:
        queue = stage.get("clusterqueues.kueue.x-k8s.io", "dispatch")
        return condition(queue, "Active").get("status") == "False" and bool(
            workload_of(stage, "pretrain-1", "dispatch")
        )

    stage.until("the queue is inactive", inactive)
    time.sleep(4)
    return Played(
        mine,
        {"admission_check": "elsewhere", "cluster": "west", "cluster_queue": "dispatch"},
        (
            Act(
                "fix-admission-check",
                "platform",
                "take the check out of the queue and submit again: the Job says who is to run it",
                "signal",
                None,
                {
                    "steps": [
                        {"op": "json-patch", "target": queue_ref("dispatch"), "body": NO_CHECKS},
                        {"op": "resubmit", "target": subject(mine), "body": mine},
                    ]
                },
            ),
        ),
        (
            more_quota("dispatch", 32),
            Act(
                "reduce-request",
                "user",
                "ask for one GPU",
                "resubmit",
                subject(mine),
                job("pretrain-1", "dispatch", "main", spec=pod_spec(1)),
            ),
        ),
    )


def check_said_no(stage: Stage) -> Played:
    """A check of the platform's own refused the job for good."""
    _with_check(stage, "pricing", admission_check("spend", "finops.example/spend"))
    active = said("Active", "True", "Active", "The admission check is active")
    stage.patch(
        {"apiVersion": KUEUE, "kind": "AdmissionCheck", "name": "spend"},
        {"status": {"conditions": [active]}},
        subresource="status",
    )
    mine = job("elasticity", "pricing", "main", spec=pod_spec(2))
    stage.make(mine)
    stage.until("its check is asked", lambda: _check_state(stage, "elasticity", "pricing") == "Pending")
    refused = {
        "name": "spend",
        "state": "Rejected",
        "message": "cost center 4711 is closed",
        "lastTransitionTime": now(),
    }
    workload = subject(workload_of(stage, "elasticity", "pricing") or {})
    stage.patch(workload, {"status": {"admissionChecks": [refused]}}, subresource="status")
    stage.until(
        "it is deactivated", lambda: (workload_of(stage, "elasticity", "pricing") or {})["spec"].get("active") is False
    )
    time.sleep(3)
    steps = [
        {"op": "json-patch", "target": queue_ref("pricing"), "body": NO_CHECKS},
        {"op": "resubmit", "target": subject(mine), "body": mine},
    ]
    return Played(
        mine,
        {"admission_check": "spend", "state": "Rejected", "cluster_queue": "pricing"},
        (
            Act(
                "fix-admission-check",
                "platform",
                "take the check out of the queue and submit again",
                "signal",
                None,
                {"steps": steps},
            ),
        ),
        (
            more_quota("pricing", 32),
            Act(
                "unsuspend",
                "platform",
                "activate the Workload and change nothing else",
                "merge-patch",
                workload,
                {"spec": {"active": True}},
            ),
        ),
    )


SITUATIONS = (
    Situation(
        "s14",
        "provisioning-request-failed",
        "queue",
        "waiting",
        f"{KUEUE_ISSUES}/6323",
        machines_cannot_be_had,
        NO_GPU,
        definitions=PROVISIONING_REQUESTS,
        written=ASKED,
    ),
    Situation(
        "s16",
        "provisioning-booking-expired",
        "queue",
        "waiting",
        "https://github.com/kubernetes-sigs/kueue/pull/2445",
        booked_and_expired,
        NO_GPU,
        definitions=PROVISIONING_REQUESTS,
        written=f"{ASKED}; that the check of the platform's own is active",
    ),
    Situation(
        "s15",
        "provisioning-request-pending",
        "queue",
        "waiting",
        "https://github.com/kubernetes-sigs/kueue/pull/2255",
        machines_are_being_made,
        NO_GPU,
        definitions=PROVISIONING_REQUESTS,
        written=ASKED,
    ),
    Situation(
        "s17",
        "clusterqueue-inactive-admission-check",
        "queue",
        "misconfigured",
        "https://github.com/kubernetes-sigs/kueue/pull/1631",
        worker_not_reachable,
        TWO_A100,
    ),
    Situation(
        "s18",
        "admission-check-rejected-or-retry",
        "queue",
        "misconfigured",
        "https://github.com/kubernetes-sigs/kueue/pull/2363",
        check_said_no,
        TWO_A100,
        written="that the check is active and what it says: its controller is the platform's own",
    ),
)
