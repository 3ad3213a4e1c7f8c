"""Probes of what a namespace and a pod may hold: ResourceQuota and LimitRange."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from allotment.model.manifest import Body, Family
from allotment.model.quantity import Bytes, MilliCpu, format_bytes, format_cpu
from allotment.prove import bodies
from allotment.prove.bodies import Json
from allotment.prove.probes import OURSELVES, Inspect, MustAccept, MustHold, MustRefuse, Post, Probe
from allotment.prove.refusers import RefuserKind
from allotment.prove.rights import needed
from allotment.prove.scene import Scene

_GIB: Final = 1 << 30


def resource_quota(scene: Scene) -> Iterator[Probe]:
    """One more than the quota allows, of everything that one object can ask too much of."""
    quota = scene.key(Family.RESOURCE_QUOTAS, "ResourceQuota")
    if quota is None or scene.leaving:
        return

    def refused(key: str) -> MustRefuse:
        return MustRefuse(RefuserKind.QUOTA, quota.name, f"requested: {key}")

    too_large = format_bytes(Bytes(scene.placement.namespace_quota.storage + _GIB))
    persona = scene.worker or OURSELVES
    yield Probe(
        tried=f"create a volume claim of {too_large}",
        object=str(quota),
        persona=persona,
        attempt=Post(bodies.claim(scene, too_large)),
        expected=refused("requests.storage"),
        needs=None if persona.is_ourselves else needed("create", "PersistentVolumeClaim", scene.namespace),
    )
    # As an engineer, whom the policies on services and queues do not bind: only the quota is left to refuse.
    for type_, key in (("NodePort", "services.nodeports"), ("LoadBalancer", "services.loadbalancers")):
        yield Probe(
            tried=f"create a {type_} service",
            object=str(quota),
            persona=OURSELVES,
            attempt=Post(bodies.service(scene, type=type_)),
            expected=MustRefuse(RefuserKind.QUOTA, quota.name, key),
        )
    for tried, key, pod in _too_big_for_the_namespace(scene):
        if scene.starts_softly and key in ("requests.cpu", "requests.memory"):
            continue
        yield Probe(f"create a pod {tried}", str(quota), OURSELVES, Post(pod), refused(key))
    if scene.starts_softly:
        yield not_yet(scene, "ResourceQuota", "a quota on CPU and memory")


def not_yet(scene: Scene, kind: str, what: str) -> Probe:
    """What a namespace whose work was there before does not have: said, since it is not proved either."""
    return Probe(
        tried=f"read every {kind} of the namespace",
        object=f"{kind} of namespace {scene.namespace}",
        persona=OURSELVES,
        attempt=Inspect("v1", kind, scene.namespace, lambda _found: ""),
        expected=MustHold(
            what,
            unproved=f"none yet: {scene.namespace} is one of warnNamespaces: nothing is filled in or asked for there",
        ),
    )


def _too_big_for_the_namespace(scene: Scene) -> Iterator[tuple[str, str, Json]]:
    """Pods above the quota that the LimitRange would let through; what it would not cannot be tried with one pod."""
    quota, most = scene.placement.namespace_quota, scene.team.member_limits
    for resource, devices in quota.accelerators:
        amounts = {resource: str(devices + 1)}
        yield f"with {devices + 1} {resource}", f"requests.{resource}", _asking(scene, amounts, amounts)
    cpu = MilliCpu(quota.requests_cpu + 1000)
    if most.cpu is None or cpu <= most.cpu:
        asked = {"cpu": format_cpu(cpu)}
        yield f"with {asked['cpu']} CPUs", "requests.cpu", _asking(scene, asked, asked)
    memory = Bytes(quota.requests_memory + _GIB)
    if most.memory is None or memory <= most.memory:
        asked = {"memory": format_bytes(memory)}
        yield f"with {asked['memory']} of memory", "requests.memory", _asking(scene, asked, asked)


def limit_range(scene: Scene) -> Iterator[Probe]:
    """No pod above the team's limit for one pod; defaults for containers that ask for nothing."""
    key = scene.key(Family.LIMIT_RANGES, "LimitRange")
    if key is None and scene.starts_softly:
        yield not_yet(scene, "LimitRange", "limits for one pod, and defaults for containers that ask for nothing")
    if key is None:
        return
    for tried, resource, amount in _above_one_pod(scene):
        yield Probe(
            tried=f"create a pod with {tried}",
            object=str(key),
            persona=OURSELVES,
            attempt=Post(_asking(scene, {resource: amount}, {resource: amount})),
            expected=MustRefuse(RefuserKind.LIMIT_RANGE, resource, "usage per Pod"),
        )
    bare = bodies.pod_spec(scene, containers=[bodies.container(scene, resources={})])
    yield Probe(
        tried="create a pod that asks for nothing",
        object=str(key),
        persona=OURSELVES,
        attempt=Post(bodies.pod(scene, bare)),
        expected=MustAccept("admitted with default requests and limits", _has_defaults),
    )


def _above_one_pod(scene: Scene) -> Iterator[tuple[str, str, str]]:
    most = scene.team.member_limits
    if most.cpu is not None:
        amount = format_cpu(MilliCpu(most.cpu + 1000))
        yield f"{amount} CPUs", "cpu", amount
    if most.memory is not None:
        amount = format_bytes(Bytes(most.memory + _GIB))
        yield f"{amount} of memory", "memory", amount


def _has_defaults(body: Body) -> str:
    resources = body["spec"]["containers"][0].get("resources", {})
    missing = [
        f"{side}.{name}"
        for side in ("requests", "limits")
        for name in ("cpu", "memory")
        if name not in resources.get(side, {})
    ]
    return f"the container got no default for {', '.join(missing)}" if missing else ""


def _asking(scene: Scene, requests: dict[str, str], limits: dict[str, str]) -> Json:
    small = {"cpu": "10m", "memory": "16Mi"}
    resources = {"requests": {**small, **requests}, "limits": {**small, **limits}}
    spec = bodies.pod_spec(scene, containers=[bodies.container(scene, resources=resources)])
    return bodies.pod(scene, spec)
