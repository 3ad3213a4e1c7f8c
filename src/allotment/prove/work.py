"""Probes that run work for real, in the forms in which people write it: what Kueue charges is what the pods take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from allotment.model import labels
from allotment.model.grouping import group_name
from allotment.model.manifest import Family
from allotment.model.quantity import parse_quantity
from allotment.prove import bodies
from allotment.prove.bodies import SMALL, Json
from allotment.prove.charging import Amounts
from allotment.prove.probes import MARK, PROBE_NAME, MustHold, Probe, RunWork
from allotment.prove.rights import needed
from allotment.prove.scene import Scene

_GROUP: Final = 2
_SECONDS: Final = 60


def charges(scene: Scene) -> Iterator[Probe]:
    """A Job with limits only, a plain Job, and a group of pods where the cluster queues pods."""
    persona = scene.worker
    local = next(iter(scene.mine(Family.KUEUE, "LocalQueue")), None)
    if persona is None or local is None or scene.leaving:
        return
    queue: str = local.body["spec"]["clusterQueue"]
    for what, made, needs in _forms(scene):
        yield Probe(
            tried=f"run {what}, for real",
            object=f"ClusterQueue {queue}",
            persona=persona,
            attempt=RunWork(
                bodies=made,
                needs=needs,
                workloads=(f"kueue.x-k8s.io/{scene.here.cluster.kueue_api.value}", "Workload"),
                queue=queue,
                runs=bool(scene.here.platform.prove_image),
            ),
            expected=MustHold("charged what its pods take"),
            needs=needed("create", made[0]["kind"], scene.namespace),
        )


def _forms(scene: Scene) -> Iterator[tuple[str, tuple[Json, ...], Amounts]]:
    mutating = scene.fills_in
    if scene.flavor is not None:
        # Without mutating policies a template has to say what it requests of CPU and memory; devices it never has to.
        requests = {} if mutating else {"requests": dict(SMALL)}
        asked = bodies.amounts(scene, devices=1)
        yield "a Job with limits only", (_job(scene, {**requests, "limits": asked}),), _times(1, asked)
    asked = bodies.amounts(scene)
    what = "with requests and limits" if scene.devices else "without accelerators"
    yield f"a Job {what}", (_job(scene, _both(asked)),), _times(1, asked)
    # Elsewhere teams may make no groups of pods: see the policy queue-marks-protected.
    if mutating and scene.queues_pods:
        group = tuple(_member(scene, number) for number in range(_GROUP))
        yield "a group of pods", group, _times(_GROUP, asked)


def _times(number: int, asked: Mapping[str, str]) -> Amounts:
    return {name: number * parse_quantity(amount) for name, amount in asked.items()}


def _both(asked: Mapping[str, str]) -> Json:
    return {"requests": dict(asked), "limits": dict(asked)}


def _job(scene: Scene, resources: Json) -> Json:
    body = bodies.job(scene, _spec(scene, resources), ttlSecondsAfterFinished=_SECONDS, activeDeadlineSeconds=_SECONDS)
    body["metadata"]["labels"][MARK] = "true"
    return body


def _member(scene: Scene, number: int) -> Json:
    asked = bodies.amounts(scene)
    spec = _spec(scene, _both(asked)) | {"activeDeadlineSeconds": _SECONDS}
    group = group_name(
        PROBE_NAME,
        cpu=parse_quantity(asked["cpu"]),
        memory=parse_quantity(asked["memory"]),
        devices=scene.devices,
        size=_GROUP,
    )
    own = {
        **scene.labels,
        MARK: "true",
        labels.KUEUE_QUEUE: labels.LOCAL_QUEUE,
        "kueue.x-k8s.io/pod-group-name": group,
    }
    body = bodies.pod(scene, spec, own)
    body["metadata"]["name"] = f"{PROBE_NAME}-{number}"
    body["metadata"]["annotations"] = {
        "kueue.x-k8s.io/pod-group-total-count": str(_GROUP),
        # The group ends with its pods; otherwise Kueue would keep them, and the quota, for replacements to come.
        "kueue.x-k8s.io/retriable-in-group": "false",
    }
    return body


def _spec(scene: Scene, resources: Json) -> Json:
    changes: dict[str, Any] = {"resources": resources}
    if scene.here.platform.prove_image:
        changes["image"] = scene.here.platform.prove_image
    container = bodies.container(scene, **changes)
    return bodies.pod_spec(scene, containers=[container], priorityClassName=_lowest(scene))


def _lowest(scene: Scene) -> str:
    """The lowest rung that the team may use: a proof displaces nobody."""
    ladder = scene.here.platform.priorities
    allowed = {*scene.team.priorities, scene.here.platform.default_priority.name}
    return min((rung for rung in ladder if rung.name in allowed), key=lambda rung: rung.value).name
