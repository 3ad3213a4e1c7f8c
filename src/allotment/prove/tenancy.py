"""Probes of a namespace's walls: roles, foreign namespaces, escalation, Pod Security, network, tokens, departure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from allotment.model import labels
from allotment.model.cluster import Feature
from allotment.model.manifest import Body, Family, ObjectKey
from allotment.model.team import PodSecurityLevel
from allotment.prove import bodies
from allotment.prove.limits import not_yet
from allotment.prove.probes import (
    OURSELVES,
    PROBE_NAME,
    Amend,
    AskRights,
    Attempt,
    Expectation,
    Inspect,
    LookAround,
    MustAccept,
    MustHold,
    MustRefuse,
    Nobody,
    Persona,
    Post,
    Probe,
)
from allotment.prove.refusers import RefuserKind
from allotment.prove.rights import needed, rights_elsewhere, rights_gone, rights_of
from allotment.prove.scene import Scene

_ESCALATION_REFUSES: Final = MustRefuse(RefuserKind.ESCALATION)
_PSS_REFUSES: Final = MustRefuse(RefuserKind.POD_SECURITY, says="violates PodSecurity")


def _rbac_refuses(persona: Persona) -> MustRefuse:
    # By name: a refusal of whoever runs prove must not pass for a refusal of the one he acts as.
    return MustRefuse(RefuserKind.RBAC, says=f'User "{persona.user}" cannot')


def roles(scene: Scene) -> Iterator[Probe]:
    """Each role may do what it is for, and nothing else."""
    if scene.leaving:
        return
    people = {"owner": scene.owner, "member": scene.member, "viewer": scene.viewer, "exec": scene.debugger}
    for role, persona in people.items():
        if persona is not None:
            given = scene.team.extra_rules.held_by(role)
            cells = rights_of(role, scene.namespace, scene.here.cluster.features, given)
            yield Probe(
                tried="the can-i matrix in the own namespace and the cluster",
                object=f"Roles and RoleBindings of namespace {scene.namespace}",
                persona=persona,
                attempt=AskRights(cells),
                expected=MustHold(f"{len(cells)} answers as promised"),
            )
    for role, why in scene.blurred.items():
        yield Probe(
            tried=f"what needs somebody who is {role} and nothing else",
            object=f"Roles and RoleBindings of namespace {scene.namespace}",
            persona=OURSELVES,
            attempt=Nobody(f"not tried: {why}"),
            expected=MustHold("rights of one role alone"),
        )


def own_namespace_only(scene: Scene) -> Iterator[Probe]:
    """Nothing outside the team's namespace is within reach, nor the namespace itself."""
    persona = scene.worker
    if persona is None or scene.leaving:
        return
    foreign = scene.foreign_namespace
    yield Probe(
        tried="the can-i matrix in somebody else's namespace",
        object=f"namespace {foreign}",
        persona=persona,
        attempt=AskRights(rights_elsewhere(foreign, scene.here.cluster.features)),
        expected=MustHold("everything is denied"),
    )
    yield Probe(
        tried="the can-i matrix in the platform's own namespace",
        object=f"namespace {labels.SYSTEM_NAMESPACE}",
        persona=persona,
        attempt=AskRights(rights_elsewhere(labels.SYSTEM_NAMESPACE, scene.here.cluster.features)),
        expected=MustHold("everything is denied"),
    )
    for tried, target, attempt in _trespasses(scene, foreign):
        yield Probe(tried, target, persona, attempt, _rbac_refuses(persona))


def _trespasses(scene: Scene, foreign: str) -> Iterator[tuple[str, str, Attempt]]:
    yield (
        "create a ConfigMap in somebody else's namespace",
        f"namespace {foreign}",
        Post(bodies.config_map(foreign, scene.labels)),
    )
    yield "create a namespace", "the cluster", Post(bodies.clustered("v1", "Namespace", {}))
    yield (
        "relabel the own namespace",
        f"namespace {scene.namespace}",
        Amend(
            "v1", ObjectKey("", "Namespace", "", scene.namespace), {"metadata": {"labels": {labels.TEAM: PROBE_NAME}}}
        ),
    )
    yield (
        "relabel a node",
        "nodes",
        Amend("v1", ObjectKey("", "Node", "", PROBE_NAME), {"metadata": {"labels": {labels.NODE_POOL: PROBE_NAME}}}),
    )
    yield "taint a node away", "nodes", Amend("v1", ObjectKey("", "Node", "", PROBE_NAME), {"spec": {"taints": None}})
    yield (
        "create a CustomResourceDefinition",
        "the cluster",
        Post(bodies.clustered("apiextensions.k8s.io/v1", "CustomResourceDefinition", {"spec": {}})),
    )
    yield (
        "create an admission webhook",
        "the cluster",
        Post(bodies.clustered("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", {"webhooks": []})),
    )
    quota = scene.key(Family.RESOURCE_QUOTAS, "ResourceQuota")
    if quota is not None:
        yield "raise the own quota", str(quota), Amend("v1", quota, {"spec": {"hard": {"pods": "1000"}}})
    policy = scene.key(Family.NETWORK_POLICIES, "NetworkPolicy")
    if policy is not None:
        yield (
            "open the own network policy",
            str(policy),
            Amend("networking.k8s.io/v1", policy, {"spec": {"policyTypes": []}}),
        )


def no_escalation(scene: Scene) -> Iterator[Probe]:
    """Nobody gives himself or others more than he has."""
    if scene.leaving:
        return
    if scene.owner is not None:
        for tried, body, kind in _escalations(scene, scene.owner):
            yield Probe(
                tried,
                f"namespace {scene.namespace}",
                scene.owner,
                Post(body),
                _ESCALATION_REFUSES,
                needed("create", kind, scene.namespace),
            )
    if scene.member is not None:
        body = bodies.role_binding(scene, "ClusterRole", "view", scene.member.groups[0])
        yield Probe(
            "bind a role at all",
            f"namespace {scene.namespace}",
            scene.member,
            Post(body),
            _rbac_refuses(scene.member),
        )


def _escalations(scene: Scene, owner: Persona) -> Iterator[tuple[str, Body, str]]:
    group = owner.groups[0]
    yield (
        "bind the own group to cluster-admin",
        bodies.role_binding(scene, "ClusterRole", "cluster-admin", group),
        "RoleBinding",
    )
    everything = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    yield "create a role with all rights", bodies.role(scene, everything), "Role"
    execs = [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}]
    yield "create a role with the right to exec", bodies.role(scene, execs), "Role"
    quotas = [{"apiGroups": [""], "resources": ["resourcequotas"], "verbs": ["update"]}]
    yield "create a role that edits quotas", bodies.role(scene, quotas), "Role"


def pod_security(scene: Scene) -> Iterator[Probe]:
    """Pods that could leave their container are refused, as far as the team has no exception."""
    persona = scene.maker
    if persona is None or scene.leaving:
        return
    for what, changes, expected in _unsafe(scene):
        yield Probe(
            tried=f"create {what}",
            object=f"Pod Security of namespace {scene.namespace}",
            persona=persona,
            attempt=Post(bodies.made_pod(scene, **changes)),
            expected=expected,
            needs=needed("create", "Pod", scene.namespace),
        )


def _unsafe(scene: Scene) -> Iterator[tuple[str, dict[str, Any], Expectation]]:
    level = scene.pod_security
    if level is not PodSecurityLevel.PRIVILEGED:
        # Left out, allowPrivilegeEscalation may be filled in as false, and the API server itself would refuse the pair.
        context = {"privileged": True, "allowPrivilegeEscalation": True}
        container = bodies.container(scene, securityContext=context)
        yield "a privileged pod", {"containers": [container]}, _PSS_REFUSES
        folder = {"name": "host", "hostPath": {"path": "/"}}
        yield "a pod with a folder of its node", {"volumes": [folder]}, _PSS_REFUSES
        yield "a pod in its node's network", {"hostNetwork": True}, _PSS_REFUSES
    root = {"runAsUser": 0, "seccompProfile": {"type": "RuntimeDefault"}}
    let_in = MustAccept(f"admitted, as the team's level is {level}")
    yield (
        "a pod that runs as root",
        {"securityContext": root},
        _PSS_REFUSES if level is PodSecurityLevel.RESTRICTED else let_in,
    )


def service_account(scene: Scene) -> Iterator[Probe]:
    """A pod that asks for no token gets none."""
    key = scene.key(Family.SERVICE_ACCOUNTS, "ServiceAccount")
    if key is None and scene.starts_softly:
        yield not_yet(scene, "ServiceAccount", "a default account without a token")
        return
    persona = scene.maker
    if persona is None or scene.leaving:
        return
    yield Probe(
        tried="create a pod that names no account",
        object=str(key),
        persona=persona,
        attempt=Post(bodies.made_pod(scene)),
        expected=MustAccept("admitted without a token for the API server", _no_token),
        needs=needed("create", "Pod", scene.namespace),
    )


def _no_token(body: Body) -> str:
    volumes = body.get("spec", {}).get("volumes") or ()
    tokens = [
        volume["name"]
        for volume in volumes
        if any("serviceAccountToken" in source for source in volume.get("projected", {}).get("sources") or ())
    ]
    return f"the pod gets a token for the API server (volume {tokens[0]})" if tokens else ""


def network(scene: Scene) -> Iterator[Probe]:
    """The network policies stand and nothing opens the wall besides; traffic itself cannot be tried from here."""
    declared = frozenset(manifest.key.name for manifest in scene.mine(Family.NETWORK_POLICIES))
    open_ = _is_open(scene)

    def fault(found: tuple[Body, ...]) -> str:
        return "" if open_ else _network_fault(found, declared)

    yield Probe(
        tried="read all network policies of the namespace",
        object=f"NetworkPolicies of namespace {scene.namespace}",
        persona=OURSELVES,
        attempt=Inspect("networking.k8s.io/v1", "NetworkPolicy", scene.namespace, fault),
        expected=MustHold(
            "a default deny in both directions, and no opening but the declared ones",
            unproved=_unproved(scene),
        ),
    )


def _is_open(scene: Scene) -> bool:
    return not scene.leaving and scene.namespace in scene.here.cluster.without_network_policies


def _network_fault(found: tuple[Body, ...], declared: frozenset[str]) -> str:
    if not any(_denies_all(body) for body in found):
        return "no policy denies both directions for all pods"
    strangers = sorted(body["metadata"]["name"] for body in found if body["metadata"]["name"] not in declared)
    return f"not declared, and it may open the wall: {', '.join(strangers)}" if strangers else ""


def _denies_all(body: Body) -> bool:
    spec = body.get("spec", {})
    closed = not spec.get("ingress") and not spec.get("egress")
    everyone = not spec.get("podSelector", {}).get("matchLabels") and not spec.get("podSelector", {}).get(
        "matchExpressions"
    )
    return closed and everyone and set(spec.get("policyTypes") or ()) >= {"Ingress", "Egress"}


def _unproved(scene: Scene) -> str:
    if _is_open(scene):
        return (
            f"there is no wall: the platform names {scene.namespace} among the namespaces withoutNetworkPolicies, so"
            " its pods are reached from everywhere"
        )
    if Feature.NETWORK_POLICY in scene.here.cluster.features:
        return (
            "stored, not proved: the platform declares that this cluster's network plug-in enforces policies,"
            " but the API server cannot show it"
        )
    return (
        "stored, not proved: enforcement is the network plug-in's, and the platform does not declare that this"
        " cluster has one that enforces (feature network-policy)"
    )


_ACCESS: Final = frozenset({"Role", "RoleBinding", "Secret", "ServiceAccount"})


def offboarded(scene: Scene) -> Iterator[Probe]:
    """A team that leaves runs nothing any more, and nobody of it gets in."""
    if not scene.leaving:
        return
    body = bodies.pod(scene, bodies.pod_spec(scene))
    yield Probe(
        tried="create a pod in the namespace of a team that leaves",
        object=str(scene.key(Family.RESOURCE_QUOTAS, "ResourceQuota")),
        persona=OURSELVES,
        attempt=Post(body),
        expected=MustRefuse(RefuserKind.QUOTA, says="exceeded quota"),
    )
    if scene.worker is not None:
        yield Probe(
            "create a pod as somebody of the team", f"namespace {scene.namespace}", scene.worker, Post(body),
            _rbac_refuses(scene.worker),
        )  # fmt: skip
    if scene.is_first:
        yield Probe(
            tried="list roles, bindings, accounts and tokens that outlive the team",
            object=f"namespace {', '.join(scene.team.namespaces)}",
            persona=OURSELVES,
            attempt=LookAround(scene.team.name, _ACCESS),
            expected=MustHold("nothing lets anybody in"),
        )
    yield from _locked_out(scene)


def _locked_out(scene: Scene) -> Iterator[Probe]:
    people = {"owner": scene.owner, "member": scene.member, "viewer": scene.viewer, "exec": scene.debugger}
    former = [(role, persona) for role, persona in people.items() if persona is not None]
    # A token of the default account is anybody's who kept it.
    former.append(("owner", scene.account))
    for role, persona in former:
        yield Probe(
            tried="the can-i matrix of what it once could do",
            object=f"namespace {scene.namespace}",
            persona=persona,
            attempt=AskRights(rights_gone(role, scene.namespace, scene.team.extra_rules.held_by(role))),
            expected=MustHold("everything is denied"),
        )
