"""Probes of what must work: the ladder, the queues, and good work; a guardrail that refuses everything fails here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from allotment.model.manifest import Body, Family
from allotment.model.policy import Priority
from allotment.prove import bodies
from allotment.prove.bodies import Json
from allotment.prove.probes import (
    OURSELVES,
    CompareNodes,
    CompareWork,
    Inspect,
    MustAccept,
    MustHold,
    Post,
    Probe,
    RunJob,
)
from allotment.prove.rights import needed
from allotment.prove.scene import DeclaredCluster, Scene

_KUEUE: Final = "kueue.x-k8s.io"


def ladder(scene: Scene) -> Iterator[Probe]:
    """Pods get the value of their rung, and the default rung's if they name none."""
    if scene.maker is None or scene.leaving:
        return
    default = scene.here.platform.default_priority
    rungs = {rung.name: rung for rung in scene.here.platform.priorities}
    yield _at_rung(scene, "that names no priority", {}, default)
    for name in scene.team.priorities:
        yield _at_rung(scene, f"of priority {name}", {"priorityClassName": name}, rungs[name])


def _at_rung(scene: Scene, which: str, changes: Json, rung: Priority) -> Probe:
    persona = scene.maker
    assert persona is not None  # noqa: S101  # `ladder` has looked
    preempts = "PreemptLowerPriority" if rung.preempts else "Never"

    def fault(body: Body) -> str:
        spec = body["spec"]
        got: tuple[Any, Any] = (spec.get("priority"), spec.get("preemptionPolicy"))
        wanted = (rung.value, preempts)
        return "" if got == wanted else f"priority and preemption are {got}, not {wanted}"

    return Probe(
        tried=f"create a pod {which}",
        object=f"PriorityClass {rung.name}",
        persona=persona,
        attempt=Post(bodies.made_pod(scene, **changes)),
        expected=MustAccept(f"admitted with priority {rung.value}, preemption {preempts}", fault),
        needs=needed("create", "Pod", scene.namespace),
    )


def workload_ladder(here: DeclaredCluster) -> Iterator[Probe]:
    """Kueue's classes have the values of the ladder."""
    wanted = {rung.name: rung.value for rung in here.platform.priorities}

    def fault(found: tuple[Body, ...]) -> str:
        values = {body["metadata"]["name"]: body.get("value") for body in found}
        wrong = [
            f"{name} is {values.get(name)}, not {value}" for name, value in wanted.items() if values.get(name) != value
        ]
        return "; ".join(wrong)

    yield Probe(
        tried="read Kueue's priority classes",
        object="WorkloadPriorityClasses",
        persona=OURSELVES,
        attempt=Inspect(_kueue_api(here), "WorkloadPriorityClass", "", fault),
        expected=MustHold("every rung has its value"),
    )


def queues(scene: Scene) -> Iterator[Probe]:
    """The team's queue takes work in: it says so, and a real Job is admitted through it."""
    local = next(iter(scene.mine(Family.KUEUE, "LocalQueue")), None)
    if local is None or scene.leaving:
        return
    queue: str = local.body["spec"]["clusterQueue"]
    api = _kueue_api(scene.here)
    yield Probe(
        tried="read the state of the ClusterQueue",
        object=f"ClusterQueue {queue}",
        persona=OURSELVES,
        attempt=Inspect(api, "ClusterQueue", "", lambda found: _inactive(found, queue)),
        expected=MustHold("active"),
    )
    yield Probe(
        tried="read the state of the LocalQueue",
        object=str(local.key),
        persona=OURSELVES,
        attempt=Inspect(api, "LocalQueue", scene.namespace, lambda found: _inactive(found, local.key.name)),
        expected=MustHold("active"),
    )
    persona = scene.worker
    if persona is not None:
        yield Probe(
            tried="submit a Job, for real",
            object=f"ClusterQueue {queue}",
            persona=persona,
            attempt=_real_job(scene, queue),
            expected=MustHold("admitted by Kueue through the team's queue"),
            needs=needed("create", "Job", scene.namespace),
        )


def _real_job(scene: Scene, queue: str) -> RunJob:
    devices = 1 if scene.flavor is not None else 0
    return RunJob(
        body=bodies.real_job(scene, devices=devices),
        modest=bodies.real_job(scene),
        workloads=(_kueue_api(scene.here), "Workload"),
        queue=queue,
        resource=scene.resource if devices else "",
    )


def counted(here: DeclaredCluster) -> Iterator[Probe]:
    """What runs is what is counted: a flavor taken out of a queue takes running work out of the accounts."""
    yield Probe(
        tried="compare running work with the flavors that its queues count",
        object="Workloads",
        persona=OURSELVES,
        attempt=CompareWork(here.manifests),
        expected=MustHold("all of it is counted"),
    )


def nodes(here: DeclaredCluster) -> Iterator[Probe]:
    """What is admitted finds a node: labels, taints, devices and number, pool by pool."""
    yield Probe(
        tried="compare the nodes with the declared pools",
        object="Nodes",
        persona=OURSELVES,
        attempt=CompareNodes(here.platform, here.cluster),
        expected=MustHold("labels, taints, devices and minNodes as declared"),
    )


def _inactive(found: tuple[Body, ...], name: str) -> str:
    body = next((body for body in found if body["metadata"]["name"] == name), None)
    if body is None:
        return f"{name} is not there"
    conditions = body.get("status", {}).get("conditions") or ()
    active = next((item for item in conditions if item.get("type") == "Active"), None)
    if active is None:
        return f"{name} has no condition Active: is Kueue running?"
    return "" if active.get("status") == "True" else f"{name} is not active: {active.get('message', '')}"


def good_work(scene: Scene) -> Iterator[Probe]:
    """What a team is here to do, it can do."""
    persona = scene.worker
    if persona is None or scene.leaving:
        return
    for what, body in _good(scene).items():
        yield Probe(
            tried=f"create {what}, as it should be",
            object=f"namespace {scene.namespace}",
            persona=persona,
            attempt=Post(body),
            expected=MustAccept("admitted without a warning"),
            needs=needed("create", body["kind"], scene.namespace),
        )


def _good(scene: Scene) -> dict[str, Json]:
    good: dict[str, Json] = {
        "a pod": bodies.pod(scene, bodies.pod_spec(scene)),
        "a Job": bodies.job(scene, bodies.pod_spec(scene)),
        "a Deployment": bodies.deployment(scene),
        "a Service": bodies.service(scene),
        "a ConfigMap": bodies.config_map(scene.namespace, scene.labels),
        "a volume claim": bodies.claim(scene, "1Mi"),
    }
    if scene.flavor is not None and not scene.devices:
        good["a Job with an accelerator"] = bodies.job(scene, bodies.pod_spec(scene, devices=1))
    return {
        what: body for what, body in good.items() if not (scene.only_jobs and body["kind"] in ("Pod", "Deployment"))
    }


def _kueue_api(here: DeclaredCluster) -> str:
    return f"{_KUEUE}/{here.cluster.kueue_api.value}"
