"""Causes of the quota layer on lively platforms."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable

from benchmarks.why.making import GPU, KUEUE, Raw, deployment, quota
from benchmarks.why.scenes.kept_acts import again, another, applied, asking, quota_act, rung, waiting, with_pods
from benchmarks.why.scenes.states import admitted, condition, has_no_place, waits_for_quota, workload_of
from benchmarks.why.scenes.surroundings import CLOUD, HALL, RACKS, Platform
from benchmarks.why.situation import Act, Played
from benchmarks.why.stage import Stage

Row = tuple[str, str, str, str, Callable[[Stage], Played]]
REQUIRED, PREFERRED = "kueue.x-k8s.io/podset-required-topology", "kueue.x-k8s.io/podset-preferred-topology"


def _own_in_use(stage: Stage) -> Played:
    """8 GPUs of a queue in no cohort, of which 4 run; a pod asks for 6."""
    mine = HALL.work("mixtral-ft-3", "ranking", HALL.spec("gpu-h100", 6))
    stage.make(mine)
    waits_for_quota(stage, "mixtral-ft-3", "team-ranking")
    return Played(
        mine,
        {"requested": 6, "nominal": 8, "used": 4, "free": 4, "cluster_queue": "ranking-cq", "flavor": "gpu-h100"},
        (
            again("reduce-request", "ask for 4 GPUs", mine, asking(mine, {GPU: "4"})),
            waiting("reward-model-2", "team-ranking"),
            quota_act(HALL, "ranking", "gpu-h100", 10),
        ),
        (another(HALL, "gpu-h100"),),
    )


def _own_in_use_by_two(stage: Stage) -> Played:
    big = HALL.work("fold-big-1", "genomics", HALL.spec("gpu-h100", 4), pods=2)
    stage.make(big)
    admitted(stage, "fold-big-1", namespace="team-genomics")
    mine = HALL.work("variant-call-2", "genomics", HALL.spec("gpu-h100", 4))
    stage.make(mine)
    waits_for_quota(stage, "variant-call-2", "team-genomics")
    return Played(
        mine,
        {"requested": 4, "nominal": 12, "used": 11, "free": 1, "cluster_queue": "genomics-cq", "flavor": "gpu-h100"},
        (
            again("reduce-request", "ask for 1 GPU", mine, asking(mine, {GPU: "1"})),
            waiting("fold-big-1", "team-genomics"),
            waiting("fold-small-3", "team-genomics"),
            quota_act(HALL, "genomics", "gpu-h100", 15),
        ),
        (another(HALL, "gpu-h100"),),
    )


def _named(mine: Raw, wrong: str, count: str) -> tuple[Act, ...]:
    good = asking(mine, {wrong: None, GPU: count})
    make = applied if mine["kind"] == "Deployment" else again
    return tuple(make(kind, f"ask for {GPU}", mine, good) for kind in ("fix-limits", "reduce-request", "other"))


def _misnamed(platform: Platform, team: str, pool: str, wrong: str) -> Callable[[Stage], Played]:
    def play(stage: Stage) -> Played:
        spec = platform.spec(pool, 1)
        mine = asking(platform.work("vit-train-4", team, spec), {GPU: None, wrong: "2"})
        stage.make(mine)
        of = platform.team(team)
        waits_for_quota(stage, "vit-train-4", of.namespace)
        return Played(
            mine,
            {"resource": wrong, "cluster_queue": of.cluster_queue},
            _named(mine, wrong, "2"),
            (quota_act(platform, team, pool, 16), another(platform, pool)),
        )

    return play


def _misnamed_server(stage: Stage) -> Played:
    spec = HALL.spec("gpu-a10g", 1, "4", "16Gi")
    mine = asking(deployment("embedder", "team-genomics", 1, spec), {GPU: None, "nvidia.com/gpus": "1"})
    stage.make(mine)
    has_no_place(stage, "team-genomics", "embedder", "nvidia.com/gpus")
    return Played(
        mine, {"resource": "nvidia.com/gpus"}, _named(mine, "nvidia.com/gpus", "1"), (another(HALL, "gpu-a10g"),)
    )


def _flavor_of_another(stage: Stage) -> Played:
    """The queue has a100 alone; the job selects l4."""
    mine = CLOUD.work("asr-eval-6", "tts", CLOUD.spec("l4", 1))
    stage.make(mine)
    waits_for_quota(stage, "asr-eval-6", "team-tts", "affinity")
    right = with_pods(mine, nodeSelector=dict(CLOUD.pool("a100").selects))
    more = {"name": "l4", "resources": [{"name": "cpu", **quota("50")}, {"name": "memory", **quota("200Gi")}]}
    more["resources"].append({"name": GPU, **quota("2")})  # type: ignore[attr-defined]
    target = {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": "tts-cq"}
    path = [{"op": "add", "path": "/spec/resourceGroups/0/flavors/-", "value": more}]
    return Played(
        mine,
        {"cluster_queue": "tts-cq", "flavors": ["a100", "cpu"], "selector": "nvidia-l4"},
        (
            again("change-flavor", "select a100", mine, right),
            again("fix-selector", "select a100", mine, right),
            Act("add-flavor", "platform", "give the queue the flavor l4", "json-patch", target, path),
        ),
        (quota_act(CLOUD, "tts", "a100", 12), another(CLOUD, "l4")),
    )


def _affinity_to_another(stage: Stage) -> Played:
    terms = [{"matchExpressions": [{"key": "nvidia.com/gpu.product", "operator": "In", "values": ["NVIDIA-A10G"]}]}]
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}
    spec = HALL.spec("gpu-h100", 1, affinity=affinity)
    del spec["nodeSelector"]
    mine = HALL.work("infer-batch-5", "ranking", spec)
    stage.make(mine)
    waits_for_quota(stage, "infer-batch-5", "team-ranking", "affinity")
    right = copy.deepcopy(mine)
    terms = right["spec"]["template"]["spec"]["affinity"]["nodeAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]["nodeSelectorTerms"]
    terms[0]["matchExpressions"][0]["values"] = ["NVIDIA-H100-80GB-HBM3"]
    return Played(
        mine,
        {"cluster_queue": "ranking-cq", "flavors": ["gpu-h100", "general"], "selector": "NVIDIA-A10G"},
        (
            again("change-flavor", "ask for H100", mine, right),
            again("fix-selector", "ask for H100", mine, right),
        ),
        (quota_act(HALL, "ranking", "gpu-h100", 16), rung(mine)),
    )


def _tied(mine: Raw, how: str, level: str) -> Raw:
    new = copy.deepcopy(mine)
    notes = new["spec"]["template"]["metadata"]["annotations"]
    notes.pop(REQUIRED, None)
    notes.pop(PREFERRED, None)
    notes[how] = level
    return new


def _above_a_rack(stage: Stage) -> Played:
    """12 GPUs in one rack of 8."""
    plain = RACKS.work("pretrain-2x6", "genomics", RACKS.spec("gpu-h100", 4), pods=3)
    running = stage.get("jobs.batch", "fold-small-3", "team-genomics")
    if running:
        stage.delete(running)
    mine = _tied(plain, REQUIRED, "platform.example/rack")
    stage.make(mine)
    waits_for_quota(stage, "pretrain-2x6", "team-genomics", "topology")
    return Played(
        mine,
        {"topology": "racks", "level": "platform.example/rack", "pods": 3, "pods_that_fit": 2},
        (
            again("other", "prefer one rack", mine, _tied(plain, PREFERRED, "platform.example/rack")),
            again("split-gang", "2 pods", mine, _tied(_pods(plain, 2), REQUIRED, "platform.example/rack")),
            again("reduce-request", "2 GPUs a pod", mine, asking(mine, {GPU: "2"})),
        ),
        (quota_act(RACKS, "genomics", "gpu-h100", 24), rung(mine)),
    )


def _pods(each: Raw, count: int) -> Raw:
    new = copy.deepcopy(each)
    new["spec"]["parallelism"] = new["spec"]["completions"] = count
    return new


def _level_unknown(stage: Stage) -> Played:
    plain = RACKS.work("moe-train-7", "ranking", RACKS.spec("gpu-h100", 1), pods=2)
    mine = _tied(plain, REQUIRED, "platform.example/block")
    stage.make(mine)
    waits_for_quota(stage, "moe-train-7", "team-ranking")
    return Played(
        mine,
        {"topology": "racks", "level": "platform.example/block"},
        (
            again("other", "require one rack", mine, _tied(plain, REQUIRED, "platform.example/rack")),
            again("fix-selector", "require one rack", mine, _tied(plain, REQUIRED, "platform.example/rack")),
        ),
        (quota_act(RACKS, "ranking", "gpu-h100", 16), another(RACKS, "gpu-h100")),
    )


def _evicted(stage: Stage, team: str, gpus: int, pods: int, by: int) -> Played:
    of = HALL.team(team)
    mine = HALL.work("lora-night-2", team, HALL.spec("gpu-h100", gpus), pods, rung="exploratory")
    stage.make(mine)
    admitted(stage, "lora-night-2", namespace=of.namespace)
    theirs = HALL.work("serve-batch-1", team, HALL.spec("gpu-h100", by), rung="production-inference")
    stage.make(theirs)
    admitted(stage, "serve-batch-1", namespace=of.namespace)

    def gone() -> bool:
        workload = workload_of(stage, "lora-night-2", of.namespace)
        return condition(workload, "Preempted").get("status") == "True" or (
            condition(workload, "Requeued").get("status") == "True"
        )

    stage.until("it was evicted", gone)
    time.sleep(3)
    nominal = of.gpus["gpu-h100"]
    used = (4 if team == "ranking" else 3) + by
    wanted = gpus * pods
    acts = [waiting("serve-batch-1", of.namespace)]
    if team == "ranking":
        acts.append(waiting("reward-model-2", of.namespace))
    each = (nominal - used) // pods
    if each:
        acts.insert(0, again("reduce-request", f"ask for {each} GPUs a pod", mine, asking(mine, {GPU: str(each)})))
    if team == "ranking":
        acts.append(rung(mine))
    acts.append(quota_act(HALL, team, "gpu-h100", used + wanted))
    return Played(
        mine,
        {"preempted_by": f"{of.namespace}/serve-batch-1", "requested": wanted, "cluster_queue": of.cluster_queue},
        tuple(acts),
        (rung(mine, "scheduled-training"),),
    )


FIXED = "misconfigured"
QUOTA: dict[str, list[Row]] = {
    "cloud": [
        ("k25", "wrong-resource-name", "quota", FIXED, _misnamed(CLOUD, "docs", "a100", "nvidia.com/a100")),
        ("k27", "flavor-mismatch", "quota", FIXED, _flavor_of_another),
    ],
    "hall": [
        ("k23", "quota-nominal", "quota", "waiting", _own_in_use),
        ("k24", "quota-nominal", "quota", "waiting", _own_in_use_by_two),
        ("k26", "wrong-resource-name", "quota", FIXED, _misnamed(HALL, "ranking", "gpu-h100", "nvidia.com/gpus")),
        ("k50", "wrong-resource-name", "scheduler", FIXED, _misnamed_server),
        ("k28", "flavor-mismatch", "quota", FIXED, _affinity_to_another),
        ("k31", "preempted", "quota", "waiting", lambda stage: _evicted(stage, "ranking", 4, 1, 4)),
        ("k32", "preempted", "quota", "waiting", lambda stage: _evicted(stage, "genomics", 4, 2, 6)),
    ],
    "racks": [
        ("k29", "topology-request-unsatisfiable", "quota", FIXED, _above_a_rack),
        ("k30", "topology-request-unsatisfiable", "quota", FIXED, _level_unknown),
    ],
}
