# ruff: noqa: E501  messages of servers stand as they come
"""Causes of the submission layer: each with a case that has it, and one that nearly does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from allotment.diagnose.case import Case
from allotment.diagnose.explaining import explain
from allotment.diagnose.rules.submission.cron import parse
from allotment.model.explanation import Confidence, RemedyKind, StartsWhen
from tests.unit.diagnose.situations import (
    Raw,
    case,
    container,
    event,
    job,
    namespace,
    node,
    owned,
    pod,
    pod_spec,
    raw,
    ready,
    refusal,
    replicas,
    said,
)

_RBAC = "rbac.authorization.k8s.io/v1"
FORBIDDEN = (
    'jobs.batch is forbidden: User "kim" cannot create resource "jobs" in API group "batch" in the namespace "team-a"'
)


def cron(schedule: str = "0 * * * *", name: str = "nightly", **rest: Any) -> Raw:
    status = rest.pop("status", {})
    template = {"spec": job()["spec"]}
    return raw("batch/v1", "CronJob", name, spec={"schedule": schedule, "jobTemplate": template, **rest}, status=status)


def role(name: str, *verbs: str) -> Raw:
    return raw(_RBAC, "Role", name, rules=[{"apiGroups": ["batch"], "resources": ["jobs"], "verbs": list(verbs)}])


def binding(role_name: str, group: str) -> Raw:
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role_name}
    return raw(_RBAC, "RoleBinding", f"{role_name}s", roleRef=ref, subjects=[{"kind": "Group", "name": group}])


RUN = job("nightly-1")
RUN["metadata"] |= owned(cron())
FORBID = {"concurrencyPolicy": "Forbid", "status": {"lastScheduleTime": "2026-11-22T04:00:00Z"}}
OLD = raw("apps/v1", "ReplicaSet", "serve-1", meta=owned(replicas()), spec=replicas()["spec"])
SECOND = {**owned(replicas()), "annotations": {"deployment.kubernetes.io/revision": "2"}}
NEW = raw("apps/v1", "ReplicaSet", "serve-2", meta=SECOND, spec=replicas()["spec"])
ROLLING = (OLD, NEW, ready(OLD, "old"), pod("new", NEW, node=""))
LISTED = raw("scheduling.k8s.io/v1", "PriorityClass", "high", "", value=10)

CASES: dict[str, tuple[Case, str]] = {
    "rbac": (refusal(job(), 403, FORBIDDEN), "rbac-forbidden"),
    "policy is no rbac": (
        refusal(
            job(),
            403,
            "jobs.batch \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
        ),
        "policy-refused",
    ),
    "namespace missing": (
        refusal(job(), 404, 'namespaces "team-a" not found', namespace("team-b")),
        "namespace-missing",
    ),
    "namespace going": (
        refusal(job(), 403, "unable to create new content in namespace team-a because it is being terminated"),
        "namespace-terminating",
    ),
    "name taken": (refusal(job(), 409, 'jobs.batch "train" already exists'), "already-exists"),
    "webhook says no": (
        refusal(job(), 400, 'admission webhook "v.example" denied the request: no team'),
        "admission-webhook-refused",
    ),
    "webhook is away": (
        refusal(
            job(),
            500,
            'Internal error occurred: failed calling webhook "v.example": failed to call webhook: Post "https://v.sys.svc:443/x": no endpoints',
        ),
        "admission-webhook-unreachable",
    ),
    "webhook is away for pods": (
        case(job(), event(job(), "FailedCreate", 'failed calling webhook "v.example": timeout')),
        "admission-webhook-unreachable",
    ),
    "field": (
        refusal(job(), 422, 'Job.batch "train" is invalid: spec.completions: Invalid value: -1: must be positive'),
        "object-invalid",
    ),
    "no resource": (
        refusal(
            job(spec=pod_spec(container(resources={"limits": {"gpu": "1"}}))),
            422,
            'Job.batch "train" is invalid: spec.template.spec.containers[0].resources.limits[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
        ),
        "wrong-resource-name",
    ),
    "priority class": (case(job(spec=pod_spec(priorityClassName="hihg")), LISTED), "priorityclass-missing"),
    "priority class of a Deployment": (
        case(replicas(spec=pod_spec(priorityClassName="x")), LISTED),
        "priorityclass-missing",
    ),
    "priority class there": (case(job(spec=pod_spec(priorityClassName="high")), LISTED, node()), ""),
    "built-in class": (case(job(spec=pod_spec(priorityClassName="system-node-critical")), node()), ""),
    "account": (
        case(job(spec=pod_spec(serviceAccountName="runner")), raw("v1", "ServiceAccount", "default")),
        "service-account-missing",
    ),
    "account by refusal": (
        case(
            replicas(),
            OLD,
            event(
                OLD,
                "FailedCreate",
                'error looking up service account team-a/default: serviceaccount "default" not found',
            ),
        ),
        "service-account-missing",
    ),
    "account there": (case(job(), raw("v1", "ServiceAccount", "default"), node()), ""),
    "accounts not listed": (case(job(spec=pod_spec(serviceAccountName="runner")), node()), ""),
    "suspended": (case(cron(suspend=True)), "cronjob-suspended"),
    "overlap": (case(cron(**FORBID), RUN, ready(RUN)), "cronjob-forbid-overlap"),
    "overlap allowed": (case(cron(status=FORBID["status"]), RUN, ready(RUN)), ""),
    "31 February": (case(cron("0 0 31 2 *")), "cronjob-schedule-never"),
    "29 February": (case(cron("0 0 29 2 *")), "cronjob-not-due"),
    "deadline": (case(cron(startingDeadlineSeconds=5, status=FORBID["status"])), "cronjob-missed-deadline"),
    "not due": (case(cron("30 6 * * *")), "cronjob-not-due"),
    "no replicas": (case(replicas(replicas=0)), "scaled-to-zero"),
    "no replicas of a StatefulSet": (case(replicas("StatefulSet", replicas=0)), "scaled-to-zero"),
    "no pods": (case(job(parallelism=0)), "parallelism-zero"),
    "paused": (case(replicas(paused=True)), "rollout-paused"),
    "paused when done": (
        case(replicas(paused=True, status={"updatedReplicas": 1, "readyReplicas": 1}), ready(OLD), OLD),
        "",
    ),
    "own rollout": (case(replicas(), *ROLLING, node(gpus=1)), "rollout-blocks-itself"),
    "own rollout with room": (case(replicas(), *ROLLING, node(gpus=2)), "scheduler-has-not-looked"),
}


@pytest.mark.parametrize(("of", "cause"), CASES.values(), ids=CASES.keys())
def test_cause(of: Case, cause: str) -> None:
    assert said(of) == cause


def test_rights_are_asked_for_by_the_binding_that_gives_them() -> None:
    found = explain(
        refusal(
            job(),
            403,
            FORBIDDEN,
            role("dev", "create"),
            role("viewer", "get"),
            binding("dev", "devs"),
            binding("viewer", "all"),
            node(),
        )
    )
    (remedy,) = found.remedies
    assert remedy.kind is RemedyKind.ASK_PERMISSION
    assert remedy.patch is not None
    assert remedy.patch.body["roleRef"]["name"] == "dev"
    assert remedy.patch.body["subjects"][0]["name"] == "kim"
    assert found.facts["groups_that_may"] == ["devs"]
    assert remedy.tried.starts is StartsWhen.NOW


def test_a_rollout_goes_on_when_an_old_pod_may_go() -> None:
    found = explain(case(replicas(), *ROLLING, node(gpus=1)))
    assert found.remedies[0].tried.starts is StartsWhen.NOW


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("*/15 * * * *", "06:15"),
        ("0 9-17/4 * * mon-fri", "next 09:00"),
        ("@hourly", "07:00"),
        ("5 6 22 11 1", "06:05"),
    ],
)
def test_schedules(text: str, due: str) -> None:
    schedule = parse(text)
    assert schedule is not None
    found = schedule.next_after(datetime(2026, 11, 22, 6, 0, tzinfo=UTC))
    assert found is not None
    assert f"{found:%H:%M}" == due.removeprefix("next ")
    assert (found.day == 22) is not due.startswith("next")  # 22 November 2026 is a Sunday


@pytest.mark.parametrize("text", ["", "* * * *", "60 * * * *", "a * * * *", "*/0 * * * *", "@every 5m", "9" * 600])
def test_no_schedules(text: str) -> None:
    assert parse(text) is None


def test_that_a_run_was_missed_is_never_sure_by_an_event() -> None:
    late = cron(startingDeadlineSeconds=5, status=FORBID["status"])
    found = explain(case(late, event(late, "MissSchedule", "Missed scheduled time to start a job")))
    assert (found.cause, found.confidence) == ("cronjob-missed-deadline", Confidence.LIKELY)
