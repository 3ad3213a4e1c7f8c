"""Causes of the scheduler and the autoscaler on lively platforms."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks.why.making import GPU, Raw, deployment, subject
from benchmarks.why.scenes.kept_acts import (
    again,
    another,
    applied,
    asking,
    machine,
    quota_act,
    rung,
    waiting,
    with_pods,
)
from benchmarks.why.scenes.machines import autoscaler_event
from benchmarks.why.scenes.states import admitted, has_no_place
from benchmarks.why.scenes.surroundings import CLOUD, HALL
from benchmarks.why.situation import Act, Played
from benchmarks.why.stage import Stage, now

Row = tuple[str, str, str, str, Callable[[Stage], Played]]
DISK = "ephemeral-storage"


def _fill(stage: Stage) -> tuple[Act, ...]:
    """Hold what is free of the l4 machines by jobs outside of the queues; waiting for either of them."""
    for name, gpus in (("render-a", 4), ("render-b", 3)):
        stage.make(CLOUD.work(name, "tts", CLOUD.spec("l4", gpus, "4", "16Gi"), queued=False))
        admitted(stage, name, namespace="team-tts")  # the larger first: it needs a whole machine
    return tuple(waiting(name, "team-tts", "wait-for-capacity") for name in ("render-a", "render-b"))


def _all_held(stage: Stage) -> Played:
    """The queue has quota left, its machines have no GPU left."""
    waits = (*_fill(stage), waiting("quantize-7", "team-vision", "wait-for-capacity"))
    mine = CLOUD.work("ocr-eval-3", "docs", CLOUD.spec("l4", 1, "4", "16Gi"))
    stage.make(mine)
    has_no_place(stage, "team-docs", "ocr-eval-3", GPU)
    return Played(
        mine,
        {"requested_gpus_per_pod": 1, "gpus_free": 0, "gpus_total": 8, "pool": "l4"},
        (*waits, another(CLOUD, "l4")),
        (quota_act(CLOUD, "docs", "l4", 12),),
    )


def _all_served(stage: Stage) -> Played:
    servers = deployment("rerank-serve", "team-ranking", 3, HALL.spec("gpu-a10g", 1, "2", "8Gi"))
    stage.make(servers)
    stage.until(
        "they run",
        lambda: stage.get("deployments.apps", "rerank-serve", "team-ranking")["status"].get("readyReplicas") == 3,
    )
    mine = deployment("chat-api", "team-genomics", 1, HALL.spec("gpu-a10g", 1, "2", "8Gi"))
    stage.make(mine)
    has_no_place(stage, "team-genomics", "chat-api", GPU)
    fewer = {"spec": {"replicas": 2}}
    return Played(
        mine,
        {"requested_gpus_per_pod": 1, "gpus_free": 0, "gpus_total": 4, "pool": "gpu-a10g"},
        (
            waiting("embed-9", "team-genomics", "wait-for-capacity"),
            Act("other", "team-owner", "scale rerank-serve down", "merge-patch", subject(servers), fewer),
            another(HALL, "gpu-a10g"),
        ),
        (quota_act(HALL, "genomics", "gpu-a10g", 8),),
    )


def _disk_above_all(stage: Stage) -> Played:
    """A pod wants more scratch space than a machine has."""
    mine = CLOUD.work("shuffle-9", "docs", CLOUD.spec("l4", 1, "4", "16Gi"), queued=False)
    mine = asking(mine, {DISK: "1500Gi"})
    stage.make(mine)
    has_no_place(stage, "team-docs", "shuffle-9", DISK)
    bigger = another(CLOUD, "l4")
    bigger.body["status"]["allocatable"][DISK] = bigger.body["status"]["capacity"][DISK] = "3Ti"
    return Played(
        mine,
        {"requested": "1500Gi", "largest": "800Gi"},
        (again("reduce-request", "ask for 800Gi", mine, asking(mine, {DISK: "800Gi"})), bigger),
        (quota_act(CLOUD, "docs", "l4", 12),),
    )


def _disk_in_use(stage: Stage) -> Played:
    """Scratch space of both machines is held by others; their GPUs are free."""
    for name in ("cache-warm-1", "cache-warm-2"):
        work = CLOUD.work(
            name, "tts", CLOUD.spec("l4", 0, "2", "4Gi", tolerations=[{"operator": "Exists"}]), queued=False
        )
        stage.make(asking(work, {DISK: "600Gi"}))
    admitted(stage, "cache-warm-1", "cache-warm-2", namespace="team-tts")
    mine = CLOUD.work("tokenize-5", "vision", CLOUD.spec("l4", 1, "4", "16Gi"), queued=False)
    mine = asking(mine, {DISK: "300Gi"})
    stage.make(mine)
    has_no_place(stage, "team-vision", "tokenize-5", DISK)
    return Played(
        mine,
        {"requested": "300Gi", "largest_free": "200Gi"},
        (
            again("reduce-request", "ask for 200Gi", mine, asking(mine, {DISK: "200Gi"})),
            waiting("cache-warm-1", "team-tts", "wait-for-capacity"),
            waiting("cache-warm-2", "team-tts", "wait-for-capacity"),
            another(CLOUD, "l4"),
        ),
        (quota_act(CLOUD, "vision", "l4", 12),),
    )


def _selector(stage: Stage, mine: Raw, good: dict[str, str] | None, pool: str, facts: Raw) -> Played:
    stage.make(mine)
    has_no_place(stage, mine["metadata"]["namespace"], mine["metadata"]["name"], "affinity/selector")
    make = applied if mine["kind"] == "Deployment" else again
    platform = HALL if pool.startswith("gpu-") else CLOUD
    return Played(
        mine,
        facts,
        (make("fix-selector", f"nodeSelector {good}", mine, with_pods(mine, nodeSelector=good)),),
        (another(platform, pool),),
    )


def _misspelt_key(stage: Stage) -> Played:
    wrong = {"cloud.google.com/gke-acelerator": "nvidia-tesla-a100"}
    mine = CLOUD.work("bert-ft-12", "vision", CLOUD.spec("a100", 1, nodeSelector=wrong))
    facts = {"selector_key": "cloud.google.com/gke-acelerator", "selector_value": "nvidia-tesla-a100"}
    return _selector(stage, mine, dict(CLOUD.pool("a100").selects), "a100", facts)


def _misspelt_product(stage: Stage) -> Played:
    wrong = {"nvidia.com/gpu.product": "NVIDIA-A10"}
    mine = deployment("llm-gateway", "team-genomics", 1, HALL.spec("gpu-a10g", 1, "2", "8Gi", nodeSelector=wrong))
    facts = {"selector_key": "nvidia.com/gpu.product", "selector_value": "NVIDIA-A10"}
    return _selector(stage, mine, dict(HALL.pool("gpu-a10g").selects), "gpu-a10g", facts)


def _misspelt_machine(stage: Stage) -> Played:
    wrong = {"node.kubernetes.io/instance-type": "a2-highgpu-8"}
    mine = CLOUD.work("sdxl-lora-2", "docs", CLOUD.spec("a100", 2, nodeSelector=wrong))
    facts = {"selector_key": "node.kubernetes.io/instance-type", "selector_value": "a2-highgpu-8"}
    return _selector(stage, mine, {"node.kubernetes.io/instance-type": "a2-highgpu-8g"}, "a100", facts)


def _affinity(key: str, operator: str, *values: str) -> Raw:
    rule = {"key": key, "operator": operator, **({"values": list(values)} if values else {})}
    terms = [{"matchExpressions": [rule]}]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def _zone_without_machines(stage: Stage) -> Played:
    key = "topology.kubernetes.io/zone"
    spec = CLOUD.spec("a100", 1, affinity=_affinity(key, "In", "europe-west4-d", "europe-west4-e"))
    mine = CLOUD.work("conformer-8", "docs", spec)
    stage.make(mine)
    has_no_place(stage, "team-docs", "conformer-8", "affinity/selector")
    good = with_pods(mine, affinity=_affinity(key, "In", "europe-west4-a", "europe-west4-b"))
    return Played(
        mine,
        {"key": key, "operator": "In", "values": ["europe-west4-d", "europe-west4-e"]},
        (
            again("fix-selector", "zones that there are", mine, good),
            again("fix-selector", "without it", mine, with_pods(mine, affinity=None)),
            another(CLOUD, "a100", {key: "europe-west4-d"}),
        ),
        (quota_act(CLOUD, "docs", "a100", 12), rung(mine)),
    )


def _memory_label(stage: Stage) -> Played:
    affinity = _affinity("nvidia.com/gpu.memory", "Gt", "90000")
    mine = deployment("vlm-serve", "team-ranking", 1, HALL.spec("gpu-h100", 1, affinity=affinity))
    stage.make(mine)
    has_no_place(stage, "team-ranking", "vlm-serve", "affinity/selector")
    return Played(
        mine,
        {"key": "nvidia.com/gpu.memory", "operator": "Gt", "values": ["90000"]},
        (
            applied("fix-selector", "without it", mine, with_pods(mine, affinity=None)),
            another(HALL, "gpu-h100", {"nvidia.com/gpu.memory": "141000"}),
        ),
        (another(HALL, "gpu-h100"),),
    )


def _group(name: str, size: int, most: int, scale_up: str) -> str:
    stamp = now()
    return f"""- name: {name}
  health:
    status: Healthy
    nodeCounts:
      registered:
        total: {size}
        ready: {size}
        notStarted: 0
        unready:
          total: 0
          resourceUnready: 0
      longUnregistered: 0
      unregistered: 0
    cloudProviderTarget: {size}
    minSize: 0
    maxSize: {most}
    lastProbeTime: "{stamp}"
    lastTransitionTime: "{stamp}"
  scaleUp:
{scale_up}
    lastProbeTime: "{stamp}"
    lastTransitionTime: "{stamp}"
  scaleDown:
    status: NoCandidates
    lastProbeTime: "{stamp}"
    lastTransitionTime: "{stamp}"
"""


CALM = "    status: NoActivity\n    backoffInfo: {}"


def _cloud_refuses(code: str, message: str, subject_kind: str) -> Callable[[Stage], Played]:
    """The group of l4 machines may grow, and the cloud gives none: its quota is used up."""

    def play(stage: Stage) -> Played:
        waits = _fill(stage)
        spec = CLOUD.spec("l4", 2, "4", "16Gi")
        mine = (
            deployment("tts-serve", "team-vision", 1, spec)
            if subject_kind == "Deployment"
            else CLOUD.work("speech-lm-5", "vision", spec)
        )
        name = mine["metadata"]["name"]
        stage.make(mine)
        has_no_place(stage, "team-vision", name, GPU)
        pod = next(
            each for each in stage.get("pods", namespace="team-vision") if each["metadata"]["name"].startswith(name)
        )
        backoff = f"    status: Backoff\n    backoffInfo:\n      errorCode: {code}\n      errorMessage: '{message}'"
        groups = _group("gke-ml-cpu-pool", 2, 6, CALM) + _group("gke-ml-a100-pool", 2, 4, CALM)
        groups += _group("gke-ml-l4-pool", 2, 6, backoff)
        status = f"time: {now()}\nautoscalerStatus: Running\nnodeGroups:\n{groups}"
        meta = {"name": "cluster-autoscaler-status", "namespace": "kube-system"}
        stage.make({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"status": status}})
        about = "pod didn't trigger scale-up: 2 node(s) didn't match Pod's node affinity/selector, "
        stage.make(
            autoscaler_event(pod, "NotTriggerScaleUp", f"{about}1 in backoff after failed scale-up"),
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": f"cluster-autoscaler-status.{time.time_ns():x}", "namespace": "kube-system"},
                "involvedObject": {"apiVersion": "v1", "kind": "ConfigMap", **meta},
                "reason": "FailedToScaleUpGroup",
                "message": f"Scale-up failed for group gke-ml-l4-pool: {message}",
                "type": "Warning",
                "count": 1,
                "source": {"component": "cluster-autoscaler"},
                "firstTimestamp": now(),
                "lastTimestamp": now(),
            },
        )
        group = {"apiVersion": "", "kind": "NodeGroup", "name": "gke-ml-l4-pool"}
        more: Any = machine(CLOUD.pool("l4"), "gke-ml-l4-pool-90ab-x1x1")
        return Played(
            mine,
            {"node_group": "gke-ml-l4-pool", "error": code, "requested_gpus_per_pod": 2},
            (
                *waits,
                Act(
                    "ask-cloud-quota",
                    "platform",
                    "ask the cloud for more",
                    "signal",
                    group,
                    {"quota": "more"},
                    steps=lambda live: live.make(more),
                ),
                Act("add-node", "platform", "add a node", "create", None, more),
            ),
            (
                Act(
                    "raise-autoscaler-max",
                    "platform",
                    "raise the group's maximum",
                    "signal",
                    group,
                    {"maxSize": 12},
                    steps=lambda _: None,
                ),
                quota_act(CLOUD, "vision", "l4", 12),
            ),
        )

    return play


FIXED = "misconfigured"
GOOGLE = "Instance creation failed: Quota NVIDIA_L4_GPUS exceeded.  Limit: 8.0 in region europe-west4."
AMAZON = (
    "VcpuLimitExceeded: You have requested more vCPU capacity than your current vCPU limit of 192 allows for the"
    " instance bucket that the specified instance type belongs to."
)
PLACES: dict[str, list[Row]] = {
    "cloud": [
        ("k33", "gpu-all-in-use", "scheduler", "waiting", _all_held),
        ("k35", "insufficient-ephemeral-storage", "scheduler", FIXED, _disk_above_all),
        ("k36", "insufficient-ephemeral-storage", "scheduler", "waiting", _disk_in_use),
        ("k37", "node-selector-typo", "scheduler", FIXED, _misspelt_key),
        ("k39", "node-selector-typo", "scheduler", FIXED, _misspelt_machine),
        ("k40", "node-affinity-no-match", "scheduler", FIXED, _zone_without_machines),
        ("k42", "autoscaler-cloud-quota", "autoscaler", "waiting", _cloud_refuses("QUOTA_EXCEEDED", GOOGLE, "Job")),
        ("k43", "autoscaler-cloud-quota", "autoscaler", "waiting", _cloud_refuses("OTHER", AMAZON, "Deployment")),
    ],
    "hall": [
        ("k34", "gpu-all-in-use", "scheduler", "waiting", _all_served),
        ("k38", "node-selector-typo", "scheduler", FIXED, _misspelt_product),
        ("k41", "node-affinity-no-match", "scheduler", FIXED, _memory_label),
    ],
}
