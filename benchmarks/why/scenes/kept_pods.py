"""Causes of images and containers on lively platforms; a kubelet's words are written by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable

from benchmarks.why.making import Raw, deployment
from benchmarks.why.scenes.kept_acts import (
    again,
    another,
    applied,
    kubelet_event,
    kubelet_says,
    pod_that_runs,
    pods_of,
    quota_act,
)
from benchmarks.why.scenes.surroundings import CLOUD, HALL
from benchmarks.why.situation import Played
from benchmarks.why.stage import Stage, now

Row = tuple[str, str, str, str, Callable[[Stage], Played]]


def _of_image(mine: Raw, image: str, command: list[str] | None = None) -> Raw:
    new = copy.deepcopy(mine)
    container = pods_of(new)["containers"][0]
    container["image"] = image
    if command:
        container["command"] = command
    return new


def _not_found(stage: Stage, mine: Raw, image: str, right: str, why: str) -> Played:
    mine = _of_image(mine, image)
    meta = mine["metadata"]
    stage.make(mine)
    pod = pod_that_runs(stage, meta["namespace"], meta["name"])
    tail = f'rpc error: code = NotFound desc = failed to pull and unpack image "{image}": {why}'
    words = f'Back-off pulling image "{image}": ErrImagePull: {tail}'
    kubelet_says(stage, pod, "Pending", {"waiting": {"reason": "ImagePullBackOff", "message": words}}, {}, 0)
    kubelet_event(stage, pod, "Normal", "Pulling", f'Pulling image "{image}"', 4)
    kubelet_event(stage, pod, "Warning", "Failed", f'Failed to pull image "{image}": {tail}', 4)
    kubelet_event(stage, pod, "Warning", "Failed", "Error: ErrImagePull", 4)
    kubelet_event(stage, pod, "Normal", "BackOff", f'Back-off pulling image "{image}"', 9)
    make = applied if mine["kind"] == "Deployment" else again
    return Played(
        mine,
        {"image": image, "reason": "ImagePullBackOff", "pod": pod["metadata"]["name"]},
        (make("fix-image", f"the image {right}", mine, _of_image(mine, right)),),
        (quota_act(CLOUD, "vision", "a100", 12) if "vision" in meta["namespace"] else another(HALL, "gpu-a10g"),),
    )


def _tag_not_there(stage: Stage) -> Played:
    image = "ghcr.io/acme-ai/pytorch-train:2.9.1-cu129"
    mine = CLOUD.work("clip-embed-4", "vision", CLOUD.spec("a100", 1))
    why = f'failed to resolve reference "{image}": {image}: not found'
    return _not_found(stage, mine, image, "ghcr.io/acme-ai/pytorch-train:2.9.1-cu128", why)


def _repository_not_there(stage: Stage) -> Played:
    image = "europe-docker.pkg.dev/acme-ml/prd/server:1.4.0"
    mine = deployment("feature-srv", "team-genomics", 1, HALL.spec("gpu-a10g", 1, "2", "8Gi"))
    why = f'failed to resolve reference "{image}": {image}: not found'
    return _not_found(stage, mine, image, "europe-docker.pkg.dev/acme-ml/prod/server:1.4.0", why)


def _crashes(stage: Stage, mine: Raw, code: int, restarts: int, right: list[str]) -> Played:
    meta = mine["metadata"]
    stage.make(mine)
    pod = pod_that_runs(stage, meta["namespace"], meta["name"])
    name = pods_of(mine)["containers"][0]["name"]
    ended = {
        "exitCode": code,
        "reason": "Error",
        "startedAt": now(),
        "finishedAt": now(),
        "containerID": "containerd://5c1",
    }
    whole = f"{pod['metadata']['name']}_{meta['namespace']}({pod['metadata']['uid']})"
    words = f"back-off 2m40s restarting failed container={name} pod={whole}"
    state = {"waiting": {"reason": "CrashLoopBackOff", "message": words}}
    kubelet_says(stage, pod, "Running", state, {"terminated": ended}, restarts)
    kubelet_event(stage, pod, "Warning", "BackOff", f"Back-off restarting failed container {name} in pod {whole}", 12)
    make = applied if mine["kind"] == "Deployment" else again
    good = _of_image(mine, pods_of(mine)["containers"][0]["image"], right)
    return Played(
        mine,
        {"container": name, "exit_code": code, "restart_count": restarts, "reason": "Error"},
        (make("fix-command", f"the command {right}", mine, good),),
        (another(HALL, "gpu-a10g") if meta["namespace"] == "team-genomics" else quota_act(CLOUD, "docs", "a100", 12),),
    )


def _no_such_module(stage: Stage) -> Played:
    mine = CLOUD.work("whisper-ft-3", "docs", CLOUD.spec("a100", 1, restartPolicy="OnFailure"))
    mine = _of_image(mine, "ghcr.io/acme-ai/train:3.0.1", ["python", "-m", "trian", "--config", "configs/base.yaml"])
    right = ["python", "-m", "train", "--config", "configs/base.yaml"]
    return _crashes(stage, mine, 1, 6, right)


def _no_such_flag(stage: Stage) -> Played:
    mine = deployment("asr-api", "team-genomics", 1, HALL.spec("gpu-a10g", 1, "2", "8Gi"))
    mine = _of_image(mine, "ghcr.io/acme-ai/serve:1.9.0", ["python", "-m", "serve", "--prot", "8000"])
    return _crashes(stage, mine, 2, 8, ["python", "-m", "serve", "--port", "8000"])


def _past_its_deadline(stage: Stage, mine: Raw) -> Played:
    meta = mine["metadata"]
    stage.make(mine)

    def failed() -> bool:
        found = stage.get("jobs.batch", meta["name"], meta["namespace"])
        conditions = (found or {}).get("status", {}).get("conditions", ())
        return any(each["type"] == "Failed" and each["status"] == "True" for each in conditions)

    stage.until("it is past its deadline", failed)
    longer = copy.deepcopy(mine)
    longer["spec"]["activeDeadlineSeconds"] = 86400
    without = copy.deepcopy(mine)
    del without["spec"]["activeDeadlineSeconds"]
    retries = copy.deepcopy(mine)
    retries["spec"]["backoffLimit"] = 10
    return Played(
        mine,
        {"active_deadline_seconds": mine["spec"]["activeDeadlineSeconds"], "reason": "DeadlineExceeded"},
        (
            *(again(kind, "a longer deadline", mine, longer) for kind in ("other", "fix-limits")),
            again("other", "without a deadline", mine, without),
        ),
        (quota_act(CLOUD, "vision", "a100", 12),)
        if "vision" in meta["namespace"]
        else (quota_act(HALL, "ranking", "gpu-h100", 16),),
    )


def _stopped_while_it_ran(stage: Stage) -> Played:
    mine = CLOUD.work("ablation-14", "vision", CLOUD.spec("a100", 1), activeDeadlineSeconds=6)
    return _past_its_deadline(stage, mine)


def _stopped_before_it_ran(stage: Stage) -> Played:
    spec = HALL.spec("gpu-h100", 1, nodeSelector={"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"})
    mine = HALL.work("distill-31", "ranking", spec, 2, activeDeadlineSeconds=8)
    return _past_its_deadline(stage, mine)


FIXED = "misconfigured"
PODS: dict[str, list[Row]] = {
    "cloud": [
        ("k44", "image-pull-not-found", "image", FIXED, _tag_not_there),
        ("k46", "crash-loop-app-error", "pod", FIXED, _no_such_module),
        ("k48", "job-deadline-exceeded", "pod", FIXED, _stopped_while_it_ran),
    ],
    "hall": [
        ("k45", "image-pull-not-found", "image", FIXED, _repository_not_there),
        ("k47", "crash-loop-app-error", "pod", FIXED, _no_such_flag),
        ("k49", "job-deadline-exceeded", "pod", FIXED, _stopped_before_it_ran),
    ],
}
