"""Requests that each violate one admission policy, and no other guardrail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from allotment.model import labels
from allotment.model.manifest import Family, ObjectKey
from allotment.model.policy import PolicyName
from allotment.model.team import PodSecurityLevel
from allotment.prove import bodies
from allotment.prove.bodies import Json
from allotment.prove.probes import OURSELVES, PROBE_NAME, Amend, Attempt, Persona, Post, Remove, Right
from allotment.prove.rights import needed
from allotment.prove.scene import JOB_CONTROLLER, REPLICA_SET_CONTROLLER, UNKNOWN_IMAGE, DeclaredCluster, Scene

Violation = tuple[str, Persona, Attempt, Right | None]
"""What is tried, as whom, how, and the right it needs."""

_SYSTEM_CLASS: Final = "system-cluster-critical"
_RBAC_API: Final = "rbac.authorization.k8s.io/v1"
_GROUP: Final = "kueue.x-k8s.io/pod-group-name"
_GROUP_SIZE: Final = "kueue.x-k8s.io/pod-group-total-count"


def _created(scene: Scene, tried: str, body: Json) -> Iterator[Violation]:
    persona = scene.worker
    if persona is not None:
        yield tried, persona, Post(body), needed("create", body["kind"], scene.namespace)


def _forgotten_limit(scene: Scene) -> Iterator[Violation]:
    flavor = scene.reachable_flavor
    if flavor is not None:
        what = "for accelerator nodes that asks for no accelerator"
        spec = bodies.pod_spec(scene, devices=0, nodeSelector={labels.ACCELERATOR: flavor.accelerator})
    else:
        # Other policies, too, refuse whoever chooses nodes that are not there.
        what = "that asks for 0 accelerators"
        asked = {**bodies.SMALL, scene.resource: "0"}
        container = bodies.container(scene, resources={"requests": dict(asked), "limits": dict(asked)})
        spec = bodies.pod_spec(scene, containers=[container])
    yield from _created(scene, f"create a {scene.unit} {what}", bodies.submitted(scene, spec))


def _unplaced(scene: Scene) -> Iterator[Violation]:
    spec = bodies.pod_spec(scene, tolerations=[{"operator": "Exists"}])
    yield from _created(scene, f"create a {scene.unit} that tolerates every taint", bodies.submitted(scene, spec))
    placed = bodies.placed(scene)
    # With its pod integration Kueue holds this pod, and places it later.
    if placed and not scene.queues_pods:
        own = {key: value for key, value in placed["nodeSelector"].items() if key == labels.DEDICATED}
        spec = bodies.pod_spec(scene, devices=1, nodeSelector=own, tolerations=placed["tolerations"])
        yield (
            "create a pod with an accelerator for no particular nodes",
            JOB_CONTROLLER,
            Post(bodies.pod(scene, spec)),
            needed("create", "Pod", scene.namespace),
        )


def fills(scene: Scene, key: str) -> bool:
    """Whether a label has only one right value, and the cluster can fill it in."""
    return scene.fills_in and (key != labels.PROJECT or len(scene.team.projects) == 1)


def without_label(scene: Scene, key: str) -> Json:
    """Work without one of its billing labels."""
    own = {name: value for name, value in scene.labels.items() if name != key}
    return bodies.submitted(scene, bodies.pod_spec(scene), own)


def _unlabelled(scene: Scene) -> Iterator[Violation]:
    for key in labels.BILLING_LABELS:
        if not fills(scene, key):
            yield from _created(scene, f"create a {scene.unit} without the label {key}", without_label(scene, key))
    own = scene.labels | {labels.TEAM: PROBE_NAME}
    yield from _created(scene, "create a Job in another team's name", bodies.job(scene, bodies.pod_spec(scene), own))


def job_with(scene: Scene, **changes: Any) -> Json:
    """A Job whose container has these changes."""
    return bodies.job(scene, bodies.pod_spec(scene, containers=[bodies.container(scene, **changes)]))


LIMITS: Final = {"cpu": "20m", "memory": "32Mi"}
"""What a container may use that does not say what it requests of it."""


def without_requests(scene: Scene) -> Json:
    """A Job whose container has limits only."""
    return job_with(scene, resources={"limits": bodies.amounts(scene, LIMITS)})


def _uncharged(scene: Scene) -> Iterator[Violation]:
    if scene.fills_in:
        # What containers leave out is filled in. Servers that do so know resources of a pod as a whole, too.
        asked = {"requests": dict(bodies.SMALL), "limits": dict(bodies.SMALL)}
        body = bodies.job(scene, bodies.pod_spec(scene, resources=asked))
        yield from _created(scene, "create a Job that asks for resources as a whole", body)
    else:
        what = "create a Job whose containers have limits and no requests"
        yield from _created(scene, what, without_requests(scene))


_NO_NODE_HAS: Final = "1M"


def _unfit(scene: Scene) -> Iterator[Violation]:
    asked = bodies.amounts(scene, {**bodies.SMALL, "cpu": _NO_NODE_HAS})
    body = job_with(scene, resources={"requests": asked, "limits": asked})
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
    if level is PodSecurityLevel.RESTRICTED and not scene.fills_in:
        body = job_with(scene, securityContext={})
        yield from _created(scene, "create a Job without a security context", body)


def _forged(scene: Scene) -> Iterator[Violation]:
    body = bodies.job(scene, bodies.pod_spec(scene))
    body["metadata"]["annotations"] = {labels.SUBMITTER: PROBE_NAME}
    yield from _created(scene, "create a Job in another person's name", body)


def _unqueued(scene: Scene) -> Iterator[Violation]:
    # Work with accelerators of a team that has none fits nowhere: work-fits may be the first to say so.
    if scene.flavor is not None:
        foreign = bodies.job(scene, bodies.pod_spec(scene, devices=1))
        foreign["metadata"]["labels"][labels.KUEUE_QUEUE] = PROBE_NAME
        yield from _created(scene, "create a Job with an accelerator in a foreign queue", foreign)
    placed = bodies.placed(scene)
    if placed:
        # Where Kueue queues pods, it would put one without a queue into the team's own: so this names a foreign queue.
        own = scene.labels | ({labels.KUEUE_QUEUE: PROBE_NAME} if scene.queues_pods else {})
        yield (
            "create a pod with an accelerator past the team's queue",
            REPLICA_SET_CONTROLLER,
            Post(bodies.pod(scene, bodies.pod_spec(scene, devices=1, **placed), own)),
            needed("create", "Pod", scene.namespace),
        )
    persona = scene.worker
    # Nobody of a team may change a Job: RBAC is what refuses there.
    if persona is not None and not scene.only_jobs:
        given = bodies.deployment(scene, replicas=0, queue=True)
        key = ObjectKey("apps", "Deployment", scene.namespace, PROBE_NAME)
        # Moved rather than removed: a label that is missing, Kueue puts back.
        moved = {"metadata": {"labels": {labels.KUEUE_QUEUE: PROBE_NAME}}}
        yield (
            "move submitted work to a foreign queue",
            persona,
            Amend("apps/v1", key, moved, given),
            needed("patch", "Deployment", scene.namespace),
        )
    if scene.owner is not None and scene.queues_pods:
        scaler = bodies.scaler(scene, "StatefulSet")
        right = needed("create", "HorizontalPodAutoscaler", scene.namespace)
        yield "let an autoscaler change the number of a StatefulSet", scene.owner, Post(scaler), right


def _above_the_rungs(scene: Scene) -> Iterator[Violation]:
    default = scene.here.platform.default_priority.name
    rungs = [rung.name for rung in scene.here.platform.priorities]
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
    yield from _created(
        scene, f"create a {scene.unit} that tolerates another team's pool", bodies.submitted(scene, spec)
    )


def _on_a_node(scene: Scene) -> Iterator[Violation]:
    # A Job: a pod that Kueue holds may name no node anyway, by the API's own validation.
    spec = bodies.pod_spec(scene, nodeName=PROBE_NAME)
    yield from _created(scene, "create a Job on a node of its choice", bodies.job(scene, spec))


def _ours(scene: Scene) -> Iterator[Violation]:
    counterfeit = bodies.config_map(scene.namespace, {labels.PLATFORM: scene.here.platform.name})
    yield from _created(scene, "create an object that looks like the platform's own", counterfeit)
    recorded = bodies.config_map(scene.namespace, {})
    recorded["metadata"]["annotations"] = {labels.ADOPTED: "{}"}
    yield from _created(scene, "create an object that looks as if the platform had taken it over", recorded)
    body = bodies.job(scene, bodies.pod_spec(scene))
    bodies.pod_of(body)["metadata"]["labels"][labels.PLATFORM] = scene.here.platform.name
    yield from _created(scene, "create a Job whose pods would look like the platform's own", body)
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
    body = _grouped(scene, f"{PROBE_NAME}-1", {"kueue.x-k8s.io/role-hash": PROBE_NAME})
    yield from _created(scene, f"create a {scene.unit} that names its role in a group", body)
    body = _grouped(scene, PROBE_NAME, {})
    yield from _created(scene, f"create a {scene.unit} of a group whose name does not tell its size", body)


def _grouped(scene: Scene, group: str, further: Mapping[str, str]) -> Json:
    body = bodies.submitted(scene, bodies.pod_spec(scene))
    metadata = bodies.pod_of(body)["metadata"]
    metadata["labels"][_GROUP] = group
    metadata["annotations"] = {_GROUP_SIZE: "1", **further}
    return body


def _endless(scene: Scene) -> Iterator[Violation]:
    spec = bodies.pod_spec(scene, terminationGracePeriodSeconds=scene.team.max_grace + 1)
    yield from _created(scene, "create a Job whose pods take longer to end than they may", bodies.job(scene, spec))
    body = bodies.submitted(scene, bodies.pod_spec(scene))
    bodies.pod_of(body)["metadata"]["finalizers"] = [f"{labels.DOMAIN}/{PROBE_NAME}"]
    yield from _created(scene, f"create a {scene.unit} that something else holds back from ending", body)


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
        yield "share a role with everybody", owner, Post(body), needed("create", "RoleBinding", scene.namespace)


def _side_doors(scene: Scene) -> Iterator[Violation]:
    seen = [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]
    spec = bodies.pod_spec(scene, containers=[bodies.container(scene, env=seen)])
    yield from _created(
        scene, f"create a {scene.unit} that sees every device of its node", bodies.submitted(scene, spec)
    )
    volume = {"name": "probe", "csi": {"driver": f"{PROBE_NAME}.{labels.DOMAIN}"}}
    spec = bodies.pod_spec(scene, volumes=[volume])
    yield from _created(scene, "create a Job that names a storage driver itself", bodies.job(scene, spec))


def _strange_image(scene: Scene) -> Iterator[Violation]:
    spec = bodies.pod_spec(scene, containers=[bodies.container(scene, image=UNKNOWN_IMAGE)])
    yield from _created(scene, f"create a {scene.unit} with the image {UNKNOWN_IMAGE}", bodies.submitted(scene, spec))


def outside_teams(here: DeclaredCluster, namespace: str) -> Violation:
    """A pod with an accelerator in a namespace of no team."""
    resource = next(iter(here.platform.accelerators.values())).resource_name
    tried = f"create a pod with an accelerator in namespace {namespace}"
    body = bodies.foreign_pod(namespace, resource)
    return tried, REPLICA_SET_CONTROLLER, Post(body), needed("create", "Pod", namespace)


def _outside_teams(here: DeclaredCluster) -> Iterator[Violation]:
    # Where it only warns is tried, too, but proves nothing.
    if not here.only_warns(PolicyName.ACCELERATORS_ONLY_IN_TEAM_NAMESPACES, "default"):
        yield outside_teams(here, "default")


def _adoption(here: DeclaredCluster) -> Iterator[Violation]:
    teams = [team for team, _ in here.platform.teams_in(here.cluster.name)]
    name = teams[0].id if teams else PROBE_NAME
    marked = {labels.MANAGED_BY: labels.MANAGED_BY_VALUE, labels.PLATFORM: here.platform.name}
    yield f"make namespace default one of team {name}", OURSELVES, _relabelled("default", {labels.TENANT: name}), None
    yield "mark namespace default as the platform's", OURSELVES, _relabelled("default", marked), None
    if teams:
        namespace = teams[0].namespaces[0]
        without = _relabelled(namespace, {labels.TENANT: None})
        yield f"take namespace {namespace} from team {name}", OURSELVES, without, None


def _relabelled(namespace: str, changed: Mapping[str, str | None]) -> Amend:
    return Amend("v1", ObjectKey("", "Namespace", "", namespace), {"metadata": {"labels": changed}})


IN_TEAM: Final[Mapping[PolicyName, Callable[[Scene], Iterator[Violation]]]] = {
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


ON_PLATFORM: Final[Mapping[PolicyName, Callable[[DeclaredCluster], Iterator[Violation]]]] = {
    PolicyName.ACCELERATORS_ONLY_IN_TEAM_NAMESPACES: _outside_teams,
    PolicyName.NO_NAMESPACE_ADOPTION: _adoption,
}
