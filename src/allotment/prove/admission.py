"""Probes of the admission policies: for each, a request that violates this policy and no other guardrail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Any, Final

from allotment.model import labels
from allotment.model.cluster import Feature
from allotment.model.manifest import Family, ObjectKey
from allotment.model.policy import Mode, PolicyName
from allotment.model.team import PodSecurityLevel
from allotment.prove import bodies
from allotment.prove.bodies import Json
from allotment.prove.probes import (
    OURSELVES,
    PROBE_NAME,
    Attempt,
    Body,
    Create,
    Expectation,
    MayPass,
    MustAccept,
    MustRefuse,
    MustWarn,
    Patch,
    Persona,
    Probe,
    Remove,
    Right,
)
from allotment.prove.rights import needed
from allotment.prove.scene import (
    DEFAULTS_OBJECT,
    JOB_CONTROLLER,
    REPLICA_SET_CONTROLLER,
    UNKNOWN_IMAGE,
    Scene,
    Stage,
    policy_object,
)
from allotment.prove.sources import Source

Violation = tuple[str, Persona, Attempt, Right | None]
"""What is tried, as whom, how, and the right it needs."""

LeftOut = tuple[str, Json, Callable[[Body], str]]
"""What is tried, the object that leaves something out, and what is wrong with the object that comes back."""

_SYSTEM_CLASS: Final = "system-cluster-critical"
_RBAC_API: Final = "rbac.authorization.k8s.io/v1"
_GROUP: Final = "kueue.x-k8s.io/pod-group-name"
_GROUP_SIZE: Final = "kueue.x-k8s.io/pod-group-total-count"


def in_team(name: PolicyName, scene: Scene) -> Iterator[Probe]:
    """Probes of one policy in a team's namespace."""
    mode = scene.stage.mode(name)
    violations = _IN_TEAM.get(name)
    if mode is None or violations is None or scene.leaving:
        return
    for tried, persona, attempt, right in violations(scene):
        yield _probe(name, mode, tried, (persona, attempt), right)


def filled_in(scene: Scene) -> Iterator[Probe]:
    """Work that leaves out what has only one right answer: it is admitted, and the answer stands in it."""
    persona = scene.worker
    if persona is None or scene.leaving or not scene.stage.cluster.mutating_policies:
        return
    for what, body, fault in chain.from_iterable(left_out(scene) for left_out in _FILLED):
        yield Probe(
            tried=f"create {what}",
            object=f"MutatingAdmissionPolicy {DEFAULTS_OBJECT}",
            persona=persona,
            attempt=Create(body),
            expected=MustAccept("admitted, and filled in", fault),
            needs=needed("create", body["kind"], scene.namespace),
        )


def on_platform(name: PolicyName, stage: Stage) -> Iterator[Probe]:
    """Probes of one policy outside the teams' namespaces."""
    mode = stage.mode(name)
    violations = _ON_PLATFORM.get(name)
    if mode is None or violations is None:
        return
    for tried, persona, attempt, right in violations(stage):
        yield _probe(name, mode, tried, (persona, attempt), right)


def _probe(name: PolicyName, mode: Mode, tried: str, who_how: tuple[Persona, Attempt], right: Right | None) -> Probe:
    persona, attempt = who_how
    title = f"ValidatingAdmissionPolicy {policy_object(name)} ({mode.value})"
    return Probe(tried, title, persona, attempt, _expected(policy_object(name), mode), right)


def _expected(policy: str, mode: Mode) -> Expectation:
    if mode is Mode.ENFORCE:
        return MustRefuse(Source.POLICY, policy)
    return MustWarn(policy) if mode is Mode.WARN else MayPass(policy)


def _created(scene: Scene, tried: str, body: Json) -> Iterator[Violation]:
    persona = scene.worker
    if persona is not None:
        yield tried, persona, Create(body), needed("create", body["kind"], scene.namespace)


def _placed(scene: Scene) -> Json:
    """Node selector and tolerations that Kueue would write for the team's first flavor."""
    flavor = scene.reachable_flavor
    if flavor is None:
        return {}
    selector, taints = dict(flavor.node_labels), [(taint.key, taint.value) for taint in flavor.taints]
    if flavor.dedicated_to is not None:
        selector[labels.DEDICATED] = flavor.dedicated_to
        taints.append((labels.DEDICATED, flavor.dedicated_to))
    tolerations = [{"key": key, "operator": "Equal", "value": value} for key, value in dict.fromkeys(taints)]
    return {"nodeSelector": selector, "tolerations": tolerations}


def _forgotten_limit(scene: Scene) -> Iterator[Violation]:
    flavor = scene.reachable_flavor
    if flavor is not None:
        what = "for accelerator nodes that asks for no accelerator"
        spec = bodies.pod_spec(scene, nodeSelector={labels.ACCELERATOR: flavor.accelerator})
    else:
        # Other policies, too, refuse whoever chooses nodes that are not there.
        what = "that asks for 0 accelerators"
        asked = {**bodies.SMALL, scene.resource: "0"}
        container = bodies.container(scene, resources={"requests": dict(asked), "limits": dict(asked)})
        spec = bodies.pod_spec(scene, containers=[container])
    yield from _created(scene, f"create a pod {what}", bodies.pod(scene, spec))


def _unplaced(scene: Scene) -> Iterator[Violation]:
    spec = bodies.pod_spec(scene, tolerations=[{"operator": "Exists"}])
    yield from _created(scene, "create a pod that tolerates every taint", bodies.pod(scene, spec))
    placed = _placed(scene)
    # With its pod integration Kueue holds this pod, and places it later.
    if placed and not _queues_pods(scene):
        own = {key: value for key, value in placed["nodeSelector"].items() if key == labels.DEDICATED}
        spec = bodies.pod_spec(scene, devices=1, nodeSelector=own, tolerations=placed["tolerations"])
        yield (
            "create a pod with an accelerator for no particular nodes",
            JOB_CONTROLLER,
            Create(bodies.pod(scene, spec)),
            needed("create", "Pod", scene.namespace),
        )


def _queues_pods(scene: Scene) -> bool:
    return Feature.POD_INTEGRATION in scene.stage.cluster.features


def _fills(scene: Scene, key: str) -> bool:
    """Whether a label has only one right value, and the cluster can fill it in."""
    return scene.stage.cluster.mutating_policies and (key != labels.PROJECT or len(scene.team.projects) == 1)


def _without(scene: Scene, key: str) -> Json:
    own = {name: value for name, value in scene.labels.items() if name != key}
    return bodies.pod(scene, bodies.pod_spec(scene), own)


def _unlabelled(scene: Scene) -> Iterator[Violation]:
    for key in labels.BILLING_LABELS:
        if not _fills(scene, key):
            yield from _created(scene, f"create a pod without the label {key}", _without(scene, key))
    own = scene.labels | {labels.TEAM: PROBE_NAME}
    yield from _created(scene, "create a Job in another team's name", bodies.job(scene, bodies.pod_spec(scene), own))


def _labels_filled(scene: Scene) -> Iterator[LeftOut]:
    for key in labels.BILLING_LABELS:
        if _fills(scene, key):
            yield f"a pod without the label {key}", _without(scene, key), partial(_has_label, key, scene.labels[key])


def _has_label(key: str, wanted: str, body: Body) -> str:
    got = (body["metadata"].get("labels") or {}).get(key)
    return "" if got == wanted else f"the label {key} is {got}, not {wanted}"


def _unlimited(scene: Scene, **changes: Any) -> Json:
    return bodies.job(scene, bodies.pod_spec(scene, containers=[bodies.container(scene, **changes)]))


_LIMITS_ONLY: Final = {"limits": {"cpu": "20m", "memory": "32Mi"}}


def _uncharged(scene: Scene) -> Iterator[Violation]:
    if scene.stage.cluster.mutating_policies:
        # What containers leave out is filled in. Servers that do so know resources of a pod as a whole, too.
        asked = {"requests": dict(bodies.SMALL), "limits": dict(bodies.SMALL)}
        body = bodies.job(scene, bodies.pod_spec(scene, resources=asked))
        yield from _created(scene, "create a Job that asks for resources as a whole", body)
    else:
        body = _unlimited(scene, resources=_LIMITS_ONLY)
        yield from _created(scene, "create a Job whose containers have limits and no requests", body)


def _requests_filled(scene: Scene) -> Iterator[LeftOut]:
    body = _unlimited(scene, resources=_LIMITS_ONLY)
    yield "a Job whose containers have limits and no requests", body, _requests_its_limits


def _requests_its_limits(body: Body) -> str:
    got = _container_of(body).get("resources", {}).get("requests")
    return "" if got == _LIMITS_ONLY["limits"] else f"requests are {got}, not {_LIMITS_ONLY['limits']}"


def _container_of(job: Body) -> Body:
    found: Body = job["spec"]["template"]["spec"]["containers"][0]
    return found


_NO_NODE_HAS: Final = "1M"


def _unfit(scene: Scene) -> Iterator[Violation]:
    asked = {"cpu": _NO_NODE_HAS, "memory": "16Mi"}
    body = _unlimited(scene, resources={"requests": asked, "limits": asked})
    yield from _created(scene, f"create a Job whose pod asks for {_NO_NODE_HAS} CPUs", body)
    spec = bodies.pod_spec(scene, schedulerName=PROBE_NAME)
    yield from _created(scene, "create a Job for a scheduler that nobody runs", bodies.job(scene, spec))
    most = scene.team.member_limits.accelerators
    if most is not None and scene.flavor is not None:
        body = bodies.job(scene, bodies.pod_spec(scene, devices=most + 1))
        yield from _created(scene, f"create a Job whose pod asks for {most + 1} {scene.resource}", body)


def _insecure(scene: Scene) -> Iterator[Violation]:
    level = scene.pod_security
    if level is not PodSecurityLevel.PRIVILEGED:
        body = bodies.job(scene, bodies.pod_spec(scene, hostNetwork=True))
        yield from _created(scene, "create a Job on the network of its node", body)
    if level is PodSecurityLevel.RESTRICTED and not scene.stage.cluster.mutating_policies:
        body = _unlimited(scene, securityContext={})
        yield from _created(scene, "create a Job without a security context", body)


def _security_filled(scene: Scene) -> Iterator[LeftOut]:
    if scene.pod_security is PodSecurityLevel.RESTRICTED:
        yield "a Job without a security context", _unlimited(scene, securityContext={}), _is_restricted


def _is_restricted(body: Body) -> str:
    wanted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    got = _container_of(body).get("securityContext")
    return "" if got == wanted else f"the security context is {got}, not {wanted}"


def _forged(scene: Scene) -> Iterator[Violation]:
    body = bodies.job(scene, bodies.pod_spec(scene))
    body["metadata"]["annotations"] = {labels.SUBMITTER: PROBE_NAME}
    yield from _created(scene, "create a Job in another person's name", body)


def _signed(scene: Scene) -> Iterator[LeftOut]:
    persona = scene.worker
    if persona is not None:
        yield "a Job without a name", bodies.job(scene, bodies.pod_spec(scene)), partial(_is_signed, persona.user)


def _is_signed(user: str, body: Body) -> str:
    got = (body["metadata"].get("annotations") or {}).get(labels.SUBMITTER)
    return "" if got == user else f"it says it was submitted by {got}, not by {user}"


def _unqueued(scene: Scene) -> Iterator[Violation]:
    # Work with accelerators of a team that has none fits nowhere: work-fits may be the first to say so.
    if scene.flavor is not None:
        foreign = bodies.job(scene, bodies.pod_spec(scene, devices=1))
        foreign["metadata"]["labels"][labels.KUEUE_QUEUE] = PROBE_NAME
        yield from _created(scene, "create a Job with an accelerator in a foreign queue", foreign)
    placed = _placed(scene)
    if placed:
        # Where Kueue queues pods, it would put one without a queue into the team's own: so this names a foreign queue.
        own = scene.labels | ({labels.KUEUE_QUEUE: PROBE_NAME} if _queues_pods(scene) else {})
        yield (
            "create a pod with an accelerator past the team's queue",
            REPLICA_SET_CONTROLLER,
            Create(bodies.pod(scene, bodies.pod_spec(scene, devices=1, **placed), own)),
            needed("create", "Pod", scene.namespace),
        )
    persona = scene.worker
    if persona is not None:
        given = bodies.deployment(scene, replicas=0, queue=True)
        key = ObjectKey("apps", "Deployment", scene.namespace, PROBE_NAME)
        # Moved rather than removed: a label that is missing, Kueue puts back.
        moved = {"metadata": {"labels": {labels.KUEUE_QUEUE: PROBE_NAME}}}
        yield (
            "move submitted work to a foreign queue",
            persona,
            Patch("apps/v1", key, moved, given),
            needed("patch", "Deployment", scene.namespace),
        )
    if scene.owner is not None and _queues_pods(scene):
        scaler = bodies.scaler(scene, "StatefulSet")
        right = needed("create", "HorizontalPodAutoscaler", scene.namespace)
        yield "let an autoscaler change the number of a StatefulSet", scene.owner, Create(scaler), right


def _above_the_rungs(scene: Scene) -> Iterator[Violation]:
    default = scene.stage.platform.default_priority.name
    rungs = [rung.name for rung in scene.stage.platform.priorities]
    denied = [name for name in rungs if name not in scene.team.priorities and name != default] or [_SYSTEM_CLASS]
    body = bodies.job(scene, bodies.pod_spec(scene, priorityClassName=denied[0]))
    yield from _created(scene, f"create a Job with the priority class {denied[0]}", body)
    body = bodies.job(scene, bodies.pod_spec(scene))
    body["metadata"]["labels"][labels.KUEUE_PRIORITY] = denied[0]
    if denied[0] != _SYSTEM_CLASS:  # Kueue itself refuses a class that it does not have
        yield from _created(scene, f"create a Job with Kueue's priority {denied[0]}", body)


def _foreign_pool(scene: Scene) -> Iterator[Violation]:
    foreign = {"key": labels.DEDICATED, "operator": "Equal", "value": PROBE_NAME}
    spec = bodies.pod_spec(scene, tolerations=[foreign])
    yield from _created(scene, "create a pod that tolerates another team's pool", bodies.pod(scene, spec))


def _on_a_node(scene: Scene) -> Iterator[Violation]:
    # A Job: a pod that Kueue holds may name no node anyway, by the API's own validation.
    spec = bodies.pod_spec(scene, nodeName=PROBE_NAME)
    yield from _created(scene, "create a Job on a node of its choice", bodies.job(scene, spec))


def _ours(scene: Scene) -> Iterator[Violation]:
    counterfeit = bodies.config_map(scene.namespace, {labels.PLATFORM: scene.stage.platform.name})
    yield from _created(scene, "create an object that looks like the platform's own", counterfeit)
    claim = scene.key(Family.STORAGE, "PersistentVolumeClaim")
    if claim is not None and scene.worker is not None:
        right = needed("delete", "PersistentVolumeClaim", scene.namespace)
        yield "delete a claim that the platform made", scene.worker, Remove("v1", claim), right
    binding = scene.key(Family.RBAC, "RoleBinding")
    if binding is not None and scene.owner is not None:
        right = needed("delete", "RoleBinding", scene.namespace)
        yield "delete a role binding that the platform made", scene.owner, Remove(_RBAC_API, binding), right


def _exposed(scene: Scene) -> Iterator[Violation]:
    # External addresses: of all ways to expose a service the only one that the quota does not count.
    body = bodies.service(scene, externalIPs=["192.0.2.1"])
    yield from _created(scene, "create a service with an external address", body)


def _kueues_marks(scene: Scene) -> Iterator[Violation]:
    body = bodies.job(scene, bodies.pod_spec(scene))
    body["metadata"]["labels"]["kueue.x-k8s.io/prebuilt-workload-name"] = PROBE_NAME
    yield from _created(scene, "create a Job that names the Workload it is charged to", body)
    # With mutating policies the role is what is refused, without them the group.
    body = bodies.pod(scene, bodies.pod_spec(scene), scene.labels | {_GROUP: f"{PROBE_NAME}-1"})
    body["metadata"]["annotations"] = {
        _GROUP_SIZE: "1",
        "kueue.x-k8s.io/role-hash": PROBE_NAME,
    }
    yield from _created(scene, "create a pod that names its role in a group", body)
    body = bodies.pod(scene, bodies.pod_spec(scene), scene.labels | {_GROUP: PROBE_NAME})
    body["metadata"]["annotations"] = {_GROUP_SIZE: "1"}
    yield from _created(scene, "create a pod of a group whose name does not tell its size", body)


def _endless(scene: Scene) -> Iterator[Violation]:
    spec = bodies.pod_spec(scene, terminationGracePeriodSeconds=scene.team.max_grace + 1)
    yield from _created(scene, "create a Job whose pods take longer to end than they may", bodies.job(scene, spec))
    body = bodies.pod(scene, bodies.pod_spec(scene))
    body["metadata"]["finalizers"] = [f"{labels.DOMAIN}/{PROBE_NAME}"]
    yield from _created(scene, "create a pod that something else holds back from ending", body)


def _shared_access(scene: Scene) -> Iterator[Violation]:
    owner = scene.owner
    if owner is None:
        return
    held = (
        binding.body["roleRef"]["name"]
        for binding in scene.mine(Family.RBAC, "RoleBinding")
        if any(subject["name"] in owner.groups for subject in binding.body["subjects"])
    )
    # A role of her own: any other, the API server's escalation check would refuse.
    for role in held:
        body = bodies.role_binding(scene, "Role", role, "system:authenticated")
        yield "share a role with everybody", owner, Create(body), needed("create", "RoleBinding", scene.namespace)


def _side_doors(scene: Scene) -> Iterator[Violation]:
    seen = [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]
    spec = bodies.pod_spec(scene, containers=[bodies.container(scene, env=seen)])
    yield from _created(scene, "create a pod that sees every device of its node", bodies.pod(scene, spec))
    volume = {"name": "probe", "csi": {"driver": f"{PROBE_NAME}.{labels.DOMAIN}"}}
    spec = bodies.pod_spec(scene, volumes=[volume])
    yield from _created(scene, "create a Job that names a storage driver itself", bodies.job(scene, spec))


def _strange_image(scene: Scene) -> Iterator[Violation]:
    spec = bodies.pod_spec(scene, containers=[bodies.container(scene, image=UNKNOWN_IMAGE)])
    yield from _created(scene, f"create a pod with the image {UNKNOWN_IMAGE}", bodies.pod(scene, spec))


def _outside_teams(stage: Stage) -> Iterator[Violation]:
    resource = next(iter(stage.platform.accelerators.values())).resource_name
    body = bodies.foreign_pod("default", resource)
    right = needed("create", "Pod", "default")
    yield "create a pod with an accelerator in namespace default", REPLICA_SET_CONTROLLER, Create(body), right


def _adoption(stage: Stage) -> Iterator[Violation]:
    team = next((team.name for team, _ in stage.platform.teams_in(stage.cluster.name)), PROBE_NAME)
    claim: Mapping[str, Any] = {"metadata": {"labels": {labels.TENANT: team}}}
    attempt = Patch("v1", ObjectKey("", "Namespace", "", "default"), claim)
    yield f"make namespace default one of team {team}", OURSELVES, attempt, None


_IN_TEAM: Final[Mapping[PolicyName, Callable[[Scene], Iterator[Violation]]]] = {
    PolicyName.GPU_REQUESTS_EQUAL_LIMITS: _forgotten_limit,
    PolicyName.PLACEMENT_REQUIRED: _unplaced,
    PolicyName.LABELS_REQUIRED: _unlabelled,
    PolicyName.QUEUE_REQUIRED: _unqueued,
    PolicyName.PRIORITY_FROM_LADDER: _above_the_rungs,
    PolicyName.NODE_POOL_ISOLATION: _foreign_pool,
    PolicyName.NO_DIRECT_NODE_BINDING: _on_a_node,
    PolicyName.MANAGED_OBJECTS_PROTECTED: _ours,
    PolicyName.NO_EXPOSED_SERVICES: _exposed,
    PolicyName.TRUSTED_REGISTRIES: _strange_image,
    PolicyName.REQUESTS_AS_CHARGED: _uncharged,
    PolicyName.WORK_FITS: _unfit,
    PolicyName.POD_SECURITY_OF_TEMPLATES: _insecure,
    PolicyName.SUBMITTER_KEPT: _forged,
    PolicyName.QUEUE_MARKS_PROTECTED: _kueues_marks,
    PolicyName.WORK_ENDS: _endless,
    PolicyName.NO_SIDE_DOORS: _side_doors,
    PolicyName.ACCESS_WITHIN_TEAM: _shared_access,
}

_FILLED: Final[tuple[Callable[[Scene], Iterator[LeftOut]], ...]] = (
    _labels_filled,
    _requests_filled,
    _security_filled,
    _signed,
)

_ON_PLATFORM: Final[Mapping[PolicyName, Callable[[Stage], Iterator[Violation]]]] = {
    PolicyName.ACCELERATORS_ONLY_IN_TEAM_NAMESPACES: _outside_teams,
    PolicyName.NO_NAMESPACE_ADOPTION: _adoption,
}
