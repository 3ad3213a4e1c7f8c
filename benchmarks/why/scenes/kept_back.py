"""Causes of the vocabulary, in variants on a lively platform: submission, policy, queue; and the list of all."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable

from benchmarks.why.making import KUEUE, Raw, deployment, pod, subject
from benchmarks.why.scenes.kept_acts import (
    again,
    another,
    applied,
    asking,
    pods_of,
    quota_act,
    refused_creation,
    rung,
    told,
    waiting,
    with_pods,
    without_quota,
)
from benchmarks.why.scenes.kept_places import PLACES
from benchmarks.why.scenes.kept_pods import PODS
from benchmarks.why.scenes.kept_quota import QUOTA
from benchmarks.why.scenes.states import core_ref
from benchmarks.why.scenes.surroundings import CLOUD, HALL, RACKS, Platform
from benchmarks.why.situation import Act, Played, Situation
from benchmarks.why.stage import Stage


def _misnamed_class(stage: Stage) -> Played:
    """A job whose pods name a PriorityClass that does not exist."""
    mine = CLOUD.work("seg-train-v2", "vision", CLOUD.spec("a100", 1, priorityClassName="batch-standart"))
    stage.make(mine)
    time.sleep(4)
    return Played(
        mine,
        {"priority_class": "batch-standart", "existing": ["batch-standard", "serving-critical"]},
        (
            again("other", "use batch-standard", mine, with_pods(mine, priorityClassName="batch-standard")),
            again("other", "leave the class out", mine, with_pods(mine, priorityClassName=None)),
            Act("other", "platform", "create it", "create", None, _class("batch-standart")),
        ),
        (quota_act(CLOUD, "vision", "a100", 12),),
    )


def _class(name: str) -> Raw:
    return {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": 500}


def _server_of_missing_class(stage: Stage) -> Played:
    """A Deployment of a class that nobody made: its ReplicaSet cannot make pods."""
    spec = HALL.spec("gpu-a10g", 1, "4", "16Gi", priorityClassName="inference-high")
    mine = deployment("asr-serve", "team-genomics", 2, spec)
    stage.make(mine)
    told(stage, "team-genomics", "asr-serve", "no PriorityClass")
    return Played(
        mine,
        {"priority_class": "inference-high", "existing": ["batch-standard", "serving-critical"]},
        (
            applied("other", "use serving-critical", mine, with_pods(mine, priorityClassName="serving-critical")),
            Act("other", "platform", "create it", "create", None, _class("inference-high")),
        ),
        (another(HALL, "gpu-a10g"),),
    )


def _pod_of_missing_class(stage: Stage) -> Played:
    spec = CLOUD.spec("l4", 1, "4", "16Gi", priorityClassName="interactive")
    mine = pod("notebook-ada", "team-docs", spec=spec)
    said = refused_creation(stage, mine, "no PriorityClass")
    return Played(
        mine,
        {"priority_class": "interactive"},
        (
            again("other", "leave the class out", mine, with_pods(mine, priorityClassName=None)),
            again("other", "use batch-standard", mine, with_pods(mine, priorityClassName="batch-standard")),
        ),
        (again("reduce-request", "ask for no GPU", mine, asking(mine, {"nvidia.com/gpu": None})),),
        refused=said,
    )


def _misspelt_rung(stage: Stage) -> Played:
    """The label of the job names no WorkloadPriorityClass: Kueue makes no Workload."""
    mine = HALL.work("dlrm-train-8", "ranking", HALL.spec("gpu-h100", 1), rung="scheduled-trainig")
    stage.make(mine)
    time.sleep(4)
    return Played(
        mine,
        {"priority_class": "scheduled-trainig", "existing": ["exploratory", "production-inference"]},
        (
            Act("other", "user", "use scheduled-training", "merge-patch", subject(mine), _label("scheduled-training")),
            Act("fix-label", "user", "the same", "merge-patch", subject(mine), _label("scheduled-training")),
        ),
        (quota_act(HALL, "ranking", "gpu-h100", 16),),
    )


def _label(name: str) -> Raw:
    return {"metadata": {"labels": {"kueue.x-k8s.io/priority-class": name}}}


def _account(name: str, namespace: str) -> Raw:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}


def _job_without_account(stage: Stage) -> Played:
    """Admitted by Kueue; no pod can be made for want of its account."""
    mine = CLOUD.work("llama-sft-5", "vision", CLOUD.spec("a100", 1, serviceAccountName="trainer"))
    stage.make(mine)
    told(stage, "team-vision", "llama-sft-5", 'serviceaccount "trainer" not found')
    return Played(
        mine,
        {"service_account": "trainer", "namespace": "team-vision"},
        (
            Act("other", "team-owner", "create it", "create", None, _account("trainer", "team-vision")),
            Act("other", "user", "create it", "create", None, _account("trainer", "team-vision")),
            again("other", "use default", mine, with_pods(mine, serviceAccountName="default")),
        ),
        (quota_act(CLOUD, "vision", "a100", 12), rung(mine)),
    )


def _server_without_account(stage: Stage) -> Played:
    spec = HALL.spec("general", 0, "2", "4Gi", serviceAccountName="feature-reader")
    mine = deployment("feature-api", "team-ranking", 2, spec)
    stage.make(mine)
    told(stage, "team-ranking", "feature-api", "not found")
    return Played(
        mine,
        {"service_account": "feature-reader", "namespace": "team-ranking"},
        (
            Act("other", "team-owner", "create it", "create", None, _account("feature-reader", "team-ranking")),
            applied("other", "use default", mine, with_pods(mine, serviceAccountName="default")),
        ),
        (another(HALL, "general"),),
    )


def _pod_without_account(stage: Stage) -> Played:
    mine = pod("probe-io", "team-tts", spec=CLOUD.spec("cpu", 0, "1", "2Gi", serviceAccountName="s3-reader"))
    said = refused_creation(stage, mine, "not found")
    return Played(
        mine,
        {"service_account": "s3-reader", "namespace": "team-tts"},
        (
            again("other", "use default", mine, with_pods(mine, serviceAccountName="default")),
            Act("other", "team-owner", "create it", "create", None, _account("s3-reader", "team-tts")),
        ),
        (again("reduce-request", "ask for less", mine, asking(mine, {"cpu": "500m"})),),
        refused=said,
    )


def _cron(platform: Platform, name: str, team: str, pool: str, gpus: int, **spec: object) -> Raw:
    work = platform.work(name, team, platform.spec(pool, gpus, "2", "8Gi"), rung="")
    template = {"metadata": {"labels": work["metadata"]["labels"]}, "spec": work["spec"]}
    meta = {"name": name, "namespace": work["metadata"]["namespace"]}
    body = {"schedule": "*/1 * * * *", "concurrencyPolicy": "Allow", "jobTemplate": template, **spec}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta, "spec": body}


def _cron_stands(platform: Platform, name: str, team: str, pool: str, gpus: int) -> Callable[[Stage], Played]:
    def play(stage: Stage) -> Played:
        mine = _cron(platform, name, team, pool, gpus, suspend=True)
        stage.make(mine)
        time.sleep(2)
        trigger = {"spec": {"schedule": "*/2 * * * *"}}
        return Played(
            mine,
            {"suspend": True, "schedule": "*/1 * * * *"},
            (Act("unsuspend", "user", "suspend: false", "merge-patch", subject(mine), {"spec": {"suspend": False}}),),
            (Act("other", "user", "another schedule", "merge-patch", subject(mine), trigger),),
        )

    return play


def _enforced(stage: Stage, namespace: str, level: str) -> Act:
    """Pod security of a namespace is enforced; the act that takes it back."""
    key = "pod-security.kubernetes.io/enforce"
    stage.patch(core_ref("Namespace", namespace), {"metadata": {"labels": {key: level}}})
    body = {"metadata": {"labels": {key: "privileged"}}}
    target = core_ref("Namespace", namespace)
    return Act("fix-label", "platform", "enforce the level privileged", "merge-patch", target, body)


def _restricted(stage: Stage) -> Played:
    """A namespace that enforces `restricted`, and a job that says nothing of its rights."""
    mine = CLOUD.work("clip-train-6", "tts", CLOUD.spec("a100", 1))
    back = _enforced(stage, "team-tts", "restricted")
    stage.make(mine)
    told(stage, "team-tts", "clip-train-6", "violates PodSecurity")
    container = {
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    good = copy.deepcopy(mine)
    pods_of(good)["containers"][0]["securityContext"] = container
    return Played(
        mine,
        {"level": "restricted", "namespace": "team-tts"},
        (again("fix-policy-violation", "a security context as restricted wants it", mine, good), back),
        (quota_act(CLOUD, "tts", "a100", 12), rung(mine)),
    )


def _baseline(stage: Stage) -> Played:
    """Shared memory of the host for the loaders: refused by `baseline`."""
    mine = deployment("vllm-serve", "team-genomics", 1, HALL.spec("gpu-a10g", 1, "4", "16Gi", hostIPC=True))
    back = _enforced(stage, "team-genomics", "baseline")
    stage.make(mine)
    told(stage, "team-genomics", "vllm-serve", "violates PodSecurity")
    return Played(
        mine,
        {"level": "baseline", "namespace": "team-genomics"},
        (applied("fix-policy-violation", "without hostIPC", mine, with_pods(mine, hostIPC=None)), back),
        (another(HALL, "gpu-a10g"),),
    )


def _privileged_pod(stage: Stage) -> Played:
    mine = pod("nccl-debug", "team-docs", spec=CLOUD.spec("l4", 1, "2", "8Gi"))
    pods_of(mine)["containers"][0]["securityContext"] = {"privileged": True}
    _enforced(stage, "team-docs", "baseline")
    said = refused_creation(stage, mine, "violates PodSecurity")
    good = copy.deepcopy(mine)
    del pods_of(good)["containers"][0]["securityContext"]
    return Played(
        mine,
        {"level": "baseline", "namespace": "team-docs"},
        (again("fix-policy-violation", "without privileged", mine, good),),
        (again("reduce-request", "no GPU", mine, asking(mine, {"nvidia.com/gpu": None})),),
        refused=said,
    )


def _namespace_quota(stage: Stage, namespace: str, hard: Raw) -> Act:
    """The namespace may use less; the act that raises it again."""
    target = core_ref("ResourceQuota", "team-quota", namespace)
    stage.patch(target, {"spec": {"hard": hard}})
    time.sleep(1)
    more = {key: {"4": "32", "20": "200", "128Gi": "2Ti", "1": "50", "2": "50"}[value] for key, value in hard.items()}
    return Act("raise-namespace-quota", "platform", f"raise to {more}", "merge-patch", target, {"spec": {"hard": more}})


def _gpus_of_the_namespace_used(stage: Stage) -> Played:
    """Kueue admits, the namespace's ResourceQuota refuses the pod: 4 GPUs, of which a running job holds 4."""
    raised = _namespace_quota(stage, "team-vision", {"requests.nvidia.com/gpu": "4"})
    mine = CLOUD.work("unet-train-3", "vision", CLOUD.spec("a100", 2))
    stage.make(mine)
    told(stage, "team-vision", "unet-train-3", "exceeded quota")
    return Played(
        mine,
        {"resource_quota": "team-quota", "hard": "4", "requested": "2", "resource": "requests.nvidia.com/gpu"},
        (waiting("detector-v4", "team-vision"), raised),
        (quota_act(CLOUD, "vision", "a100", 12), rung(mine)),
    )


def _above_the_namespace(stage: Stage) -> Played:
    """One pod asks for more memory than the namespace may have in all."""
    raised = _namespace_quota(stage, "team-ranking", {"requests.memory": "128Gi"})
    mine = HALL.work("t5-distill-2", "ranking", HALL.spec("gpu-h100", 1, "8", "160Gi"))
    stage.make(mine)
    told(stage, "team-ranking", "t5-distill-2", "exceeded quota")
    return Played(
        mine,
        {"resource_quota": "team-quota", "hard": "128Gi", "requested": "160Gi", "resource": "requests.memory"},
        (again("reduce-request", "ask for 20Gi", mine, asking(mine, {"memory": "20Gi"})), raised),
        (quota_act(HALL, "ranking", "gpu-h100", 16),),
    )


def _server_above_cpu(stage: Stage) -> Played:
    raised = _namespace_quota(stage, "team-tts", {"requests.cpu": "20"})
    mine = deployment("tts-api", "team-tts", 1, CLOUD.spec("cpu", 0, "16", "8Gi"))
    stage.make(mine)
    told(stage, "team-tts", "tts-api", "exceeded quota")
    return Played(
        mine,
        {"resource_quota": "team-quota", "hard": "20", "requested": "16", "resource": "requests.cpu"},
        (
            applied("reduce-request", "ask for 14 CPU", mine, asking(mine, {"cpu": "14"})),
            waiting("vocoder-11", "team-tts"),
            raised,
        ),
        (another(CLOUD, "cpu"),),
    )


def _too_many_jobs(stage: Stage) -> Played:
    raised = _namespace_quota(stage, "team-docs", {"count/jobs.batch": "2"})
    mine = CLOUD.work("rag-index-4", "docs", CLOUD.spec("l4", 1))
    said = refused_creation(stage, mine, "exceeded quota")
    steps = {
        "steps": [
            {"op": "merge-patch", "target": raised.target, "body": raised.body},
            {"op": "create", "target": subject(mine), "body": mine},
        ]
    }
    return Played(
        mine,
        {"resource_quota": "team-quota", "resource": "count/jobs.batch", "hard": "2", "used": "2"},
        (
            Act("raise-namespace-quota", "platform", "raise it and submit again", "signal", None, steps),
            Act(
                "raise-namespace-quota", "platform", "raise it", "merge-patch", raised.target, raised.body, tried=False
            ),
            Act(
                "wait-for-quota",
                "user",
                "delete or wait for gnn-train-36, and submit again",
                "wait",
                {**subject(mine), "name": "gnn-train-36"},
                {"until": "completed"},
                steps=lambda live: (live.delete({**subject(mine), "name": "gnn-train-36"}), live.make(mine))[0],
            ),
        ),
        (again("reduce-request", "ask for no GPU", mine, asking(mine, {"nvidia.com/gpu": None})),),
        refused=said,
    )


def _queue_stands(kind: str, platform: Platform, team: str, pool: str, policy: str) -> Callable[[Stage], Played]:
    def play(stage: Stage) -> Played:
        of = platform.team(team)
        target = {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": of.cluster_queue}
        if kind == "LocalQueue":
            target = {**target, "kind": "LocalQueue", "namespace": of.namespace, "name": of.queue}
        stage.patch(target, {"spec": {"stopPolicy": policy}})
        mine = platform.work("rerank-8", team, platform.spec(pool, 1))
        stage.make(mine)
        stage.until("it waits", lambda: without_quota(stage, "rerank-8", of.namespace))
        time.sleep(2)
        who = "team-owner" if kind == "LocalQueue" else "platform"
        body = {"spec": {"stopPolicy": "None"}}
        facts = {"stop_policy": policy, kind: target["name"]}
        return Played(
            mine,
            facts,
            (Act("resume-queue", who, "stopPolicy: None", "merge-patch", target, body),),
            (quota_act(platform, team, pool, 16), rung(mine)),
        )

    return play


def _check(name: str, controller: str) -> Raw:
    return {
        "apiVersion": KUEUE,
        "kind": "AdmissionCheck",
        "metadata": {"name": name},
        "spec": {"controllerName": controller},
    }


def _check_stands(there: str, platform: Platform, team: str, pool: str) -> Callable[[Stage], Played]:
    """A ClusterQueue asks for a check that does not exist, or whose controller, `there`, never said that it is."""

    def play(stage: Stage) -> Played:
        of = platform.team(team)
        target = {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": of.cluster_queue}
        if there:
            stage.make(_check("budget-gate", there))
        strategy = {"admissionChecksStrategy": {"admissionChecks": [{"name": "budget-gate"}]}}
        stage.patch(target, {"spec": strategy})
        mine = platform.work("sweep-21", team, platform.spec(pool, 1))
        stage.make(mine)
        stage.until("it waits", lambda: without_quota(stage, "sweep-21", of.namespace))
        time.sleep(2)
        out = [{"op": "remove", "path": "/spec/admissionChecksStrategy"}]
        return Played(
            mine,
            {"cluster_queue": of.cluster_queue, "admission_check": "budget-gate"},
            (
                Act("fix-admission-check", "platform", "take the check out", "json-patch", target, out),
                Act(
                    "fix-admission-check",
                    "platform",
                    "repair the controller" if there else "create the check",
                    "signal" if there else "create",
                    {"apiVersion": KUEUE, "kind": "AdmissionCheck", "name": "budget-gate"} if there else None,
                    {} if there else _check("budget-gate", CONTROLLER),
                    tried=False,
                ),
            ),
            (quota_act(platform, team, pool, 16), rung(mine)),
        )

    return play


def _rows(platform: Platform, *rows: tuple[str, str, str, str, Callable[[Stage], Played]]) -> list[Situation]:
    return [
        Situation(name, cause, layer, verdict, "", play, platform.nodes) for name, cause, layer, verdict, play in rows
    ]


CONTROLLER = "finops.example/budget"
FIXED = "misconfigured"
KEPT_BACK: dict[str, tuple[Platform, list[Situation]]] = {
    "cloud": (
        CLOUD,
        _rows(
            CLOUD,
            ("k01", "priorityclass-missing", "submission", FIXED, _misnamed_class),
            ("k03", "priorityclass-missing", "submission", FIXED, _pod_of_missing_class),
            ("k05", "service-account-missing", "submission", FIXED, _job_without_account),
            ("k07", "service-account-missing", "submission", FIXED, _pod_without_account),
            ("k08", "cronjob-suspended", "submission", FIXED, _cron_stands(CLOUD, "eval-nightly", "vision", "l4", 1)),
            ("k10", "pod-security-violation", "policy", FIXED, _restricted),
            ("k12", "pod-security-violation", "policy", FIXED, _privileged_pod),
            ("k13", "resourcequota-exceeded", "policy", "waiting", _gpus_of_the_namespace_used),
            ("k15", "resourcequota-exceeded", "policy", "waiting", _server_above_cpu),
            ("k16", "resourcequota-exceeded", "policy", FIXED, _too_many_jobs),
            ("k17", "localqueue-held", "queue", FIXED, _queue_stands("LocalQueue", CLOUD, "docs", "a100", "Hold")),
            ("k19", "queue-held", "queue", FIXED, _queue_stands("ClusterQueue", CLOUD, "tts", "a100", "HoldAndDrain")),
            (
                "k21",
                "clusterqueue-inactive-admission-check",
                "queue",
                FIXED,
                _check_stands("", CLOUD, "vision", "l4"),
            ),
            *QUOTA["cloud"],
            *PLACES["cloud"],
            *PODS["cloud"],
        ),
    ),
    "hall": (
        HALL,
        _rows(
            HALL,
            ("k02", "priorityclass-missing", "submission", FIXED, _server_of_missing_class),
            ("k04", "priorityclass-missing", "submission", FIXED, _misspelt_rung),
            ("k06", "service-account-missing", "submission", FIXED, _server_without_account),
            (
                "k09",
                "cronjob-suspended",
                "submission",
                FIXED,
                _cron_stands(HALL, "sync-labels", "ranking", "general", 0),
            ),
            ("k11", "pod-security-violation", "policy", FIXED, _baseline),
            ("k14", "resourcequota-exceeded", "policy", FIXED, _above_the_namespace),
            (
                "k18",
                "localqueue-held",
                "queue",
                FIXED,
                _queue_stands("LocalQueue", HALL, "ranking", "gpu-h100", "HoldAndDrain"),
            ),
            ("k20", "queue-held", "queue", FIXED, _queue_stands("ClusterQueue", HALL, "genomics", "gpu-a10g", "Hold")),
            (
                "k22",
                "clusterqueue-inactive-admission-check",
                "queue",
                "broken",
                _check_stands(CONTROLLER, HALL, "ranking", "gpu-h100"),
            ),
            *QUOTA["hall"],
            *PLACES["hall"],
            *PODS["hall"],
        ),
    ),
    "racks": (RACKS, _rows(RACKS, *QUOTA["racks"])),
}
