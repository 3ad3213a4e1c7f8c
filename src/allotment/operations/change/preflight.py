"""Use case: is a cluster ready for what is declared, and may we do what we want to do there? Changes nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import yaml

from allotment.errors import ConflictError
from allotment.model.cluster import Cluster
from allotment.model.manifest import Body, Manifests, ObjectKey
from allotment.model.mark import MARK, mark_of
from allotment.model.platform import Platform
from allotment.model.rights import resource_of
from allotment.operations.change.engineers import way_in
from allotment.operations.change.identity import OVERRIDE, Meant, admitted, doubts, meant
from allotment.operations.change.living import wanted_of
from allotment.operations.change.planning import WORKERS, PlanSettings, make_plan, side_by_side
from allotment.operations.change.rights import Task, known_types, rights_for
from allotment.plan import preflight
from allotment.plan.changes import Action, Blocked, WarningCode
from allotment.plan.nodes import declared_nodes
from allotment.plan.preflight import PreflightCheck, Readiness
from allotment.plan.resemblance import SAYS_WHICH
from allotment.plan.strangers.kept import adoptions
from allotment.plan.strangers.stranger import Live
from allotment.plan.survey import belongs_to, in_inventory, is_being_deleted
from allotment.ports.kube import AccessQuestion, AccessRefusedError, Identity, KubePort
from allotment.render.manifests import render
from allotment.render.policies.identities import engineer_groups

_CONTROLLER: Final = ObjectKey("apps", "Deployment", "kueue-system", "kueue-controller-manager")
_CONFIGURATION: Final = ObjectKey("", "ConfigMap", "kueue-system", "kueue-manager-config")
_WEBHOOKS: Final = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_ADMISSION: Final = "admissionregistration.k8s.io/v1"
_UNREADY: Final = frozenset({Readiness.MISSING, Readiness.BLOCKED})


@dataclass(frozen=True, slots=True)
class Readied:
    """Everything that was looked at, in the order of the topics."""

    platform: str
    cluster: str
    server: str
    context: str
    user: str
    checks: tuple[PreflightCheck, ...]

    @property
    def ready(self) -> bool:
        """Whether nothing is missing or blocked."""
        return all(check.readiness not in _UNREADY for check in self.checks)

    @property
    def exit_code(self) -> int:
        """0, or 6 if something is missing or blocked."""
        return 0 if self.ready else ConflictError.exit_code


def look(platform: Platform, cluster: Cluster, kube: KubePort, today: dt.date) -> Readied:
    """Look at everything; what may not be read is unknown, and hides nothing else.

    Raises:
        UnreachableError: the server does not answer.
        NotSignedInError: no valid credentials.
    """
    desired = render(platform, cluster)
    at, us = kube.endpoint(), kube.whoami()
    settings = PlanSettings(platform.name, today, partial=True)
    looks: tuple[tuple[str, Callable[[], Iterable[PreflightCheck]]], ...] = (
        ("server", lambda: [preflight.server_version(kube.server().version, cluster)]),
        ("mark", lambda: _mark(kube, meant(platform, cluster))),
        ("kinds", lambda: preflight.kinds(desired, _unserved(kube, desired))),
        ("kueue", lambda: [preflight.kueue_version(_image(kube), cluster)]),
        ("kueue", lambda: _kueue_configuration(kube, cluster)),
        ("account", lambda: _account(us, platform)),
        ("rights", lambda: _rights(kube, platform, cluster, desired)),
        ("webhooks", lambda: _webhooks(kube, desired)),
        ("devices", lambda: preflight.operators(kube.list("apps/v1", "DaemonSet"))),
        ("nodes", lambda: preflight.nodes(declared_nodes(platform, cluster), tuple(kube.list("v1", "Node")))),
        ("limits", lambda: _limited(kube, platform, cluster)),
        ("names", lambda: preflight.taken(_taken(kube, wanted_of(platform, cluster, kube).manifests, settings))),
    )
    checks = tuple(check for topic, found in looks for check in _seen(topic, found))
    return Readied(platform.name, cluster.name, at.url, at.context, us.user, checks)


def _seen(topic: str, found: Callable[[], Iterable[PreflightCheck]]) -> tuple[PreflightCheck, ...]:
    try:
        return tuple(found())
    except AccessRefusedError as error:
        return (PreflightCheck(topic, "all", Readiness.UNKNOWN, f"it may not be read: {error.message}"),)


def _mark(kube: KubePort, wanted: Meant) -> Iterator[PreflightCheck]:
    mark = wanted.mark
    try:
        admitted(kube, mark)
    except ConflictError as error:
        yield PreflightCheck("mark", str(mark), Readiness.MISSING, error.what, error.fix)
        return
    signs = doubts(kube, wanted)
    for sign in signs:
        fix = f"choose the right context with --context; if it is the one meant, apply with {OVERRIDE} {mark}"
        grave = sign.code is WarningCode.ANOTHER_CLUSTER
        # What it would send the reader to stands below.
        said = sign.message.replace(SAYS_WHICH, "the lines on nodes say which can be whose")
        yield PreflightCheck("mark", str(mark), Readiness.MISSING if grave else Readiness.WARNING, said, fix)
    if not signs:
        there = kube.get("v1", MARK)
        carried = there is not None and mark_of(there) is not None
        said = (
            f"the cluster says so itself (namespace {MARK.name})"
            if carried
            else "nothing in the cluster says which one it is yet; the first apply writes that down"
        )
        yield PreflightCheck("mark", str(mark), Readiness.OK, said)


def _unserved(kube: KubePort, desired: Manifests) -> set[tuple[str, str]]:
    kinds = {(manifest.api_version, manifest.key.kind) for manifest in desired}
    return {kind for kind in kinds if not kube.serves(*kind)}


def _image(kube: KubePort) -> str:
    body = kube.get("apps/v1", _CONTROLLER)
    if body is None:
        return ""
    containers = (((body.get("spec") or {}).get("template") or {}).get("spec") or {}).get("containers") or ()
    named = sorted(containers, key=lambda container: container.get("name") != "manager")
    return str(named[0].get("image", "")) if named else ""


def _kueue_configuration(kube: KubePort, cluster: Cluster) -> Iterable[PreflightCheck]:
    body = kube.get("v1", _CONFIGURATION)
    text = next(iter(((body or {}).get("data") or {}).values()), "")
    try:
        found: Any = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        found = None
    if not isinstance(found, Mapping):
        said = f"no configuration was found in {_CONFIGURATION}: feature gates are not visible"
        return [PreflightCheck("kueue", "configuration", Readiness.UNKNOWN, said)]
    return preflight.kueue_configuration(found, cluster)


def _account(us: Identity, platform: Platform) -> Iterator[PreflightCheck]:
    """The policies bind everybody but the engineers: whoever applies and proves has to be one."""
    mine = sorted({*engineer_groups(platform)} & {*us.groups})
    if mine:
        yield PreflightCheck("account", "platform engineer", Readiness.OK, f"by the group {mine[0]}")
        return
    said = "it is in none of the platform's admin groups: the policies bind it"
    fix = f"for apply and prove, {way_in(platform, us)}"
    yield PreflightCheck("account", "platform engineer", Readiness.WARNING, said, fix)


def _rights(kube: KubePort, platform: Platform, cluster: Cluster, desired: Manifests) -> Iterator[PreflightCheck]:
    needless = _needless(kube, desired)
    needed = {
        task: [grant for grant in rights_for(task, platform, cluster) if (grant.group, grant.resource) not in needless]
        for task in Task
    }
    allowed = _allowed(kube, {grant.question for grants in needed.values() for grant in grants})
    for task, grants in needed.items():
        missing = [grant.question for grant in grants if grant.question not in allowed]
        if not missing:
            yield PreflightCheck("rights", task.value, Readiness.OK, f"all {len(grants)} that it needs")
            continue
        aim = "for a whole plan" if task is Task.PLAN else f"to {task.value}"
        fix = f"{aim}, it needs the role that `allot preflight --rights {task.value} -o yaml` prints"
        yield PreflightCheck("rights", task.value, Readiness.WARNING, f"not allowed: {_listed(missing)}", fix)


def _needless(kube: KubePort, desired: Manifests) -> set[tuple[str, str]]:
    """Resources, (group, resource), of kinds that the server does not know: nothing of them is there to be read.

    A kind that is declared stays: as soon as it is installed, the right is needed.
    """
    declared = {(manifest.key.group, resource_of(manifest.key.kind)) for manifest in desired}
    versions: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for api_version, kind in known_types():
        versions.setdefault((api_version.rpartition("/")[0], resource_of(kind)), []).append((api_version, kind))
    return {
        resource
        for resource, types in versions.items()
        if resource not in declared and not any(kube.serves(*each) for each in types)
    }


def _allowed(kube: KubePort, asked: Iterable[AccessQuestion]) -> frozenset[AccessQuestion]:
    """Those that are answered by yes; what may be done everywhere is not asked about name by name."""
    wide = {question: replace(question, namespace="", name="") for question in asked}
    first = sorted(set(wide.values()), key=repr)
    everywhere = {each for each, yes in zip(first, side_by_side(kube.permitted, first, WORKERS), strict=True) if yes}
    narrow = sorted((each for each, general in wide.items() if general not in everywhere | {each}), key=repr)
    answers = zip(narrow, side_by_side(kube.permitted, narrow, WORKERS), strict=True)
    by_name = {each for each, yes in answers if yes}
    return frozenset(each for each, general in wide.items() if general in everywhere or each in by_name)


def _listed(missing: list[AccessQuestion]) -> str:
    """Resources by the verbs that are missing."""
    by_resource: dict[str, list[str]] = {}
    for one in missing:
        name = f"{one.resource}.{one.group}" if one.group else one.resource
        by_resource.setdefault(name, []).append(one.verb)
    by_verbs: dict[tuple[str, ...], list[str]] = {}
    for name, verbs in by_resource.items():
        by_verbs.setdefault(tuple(dict.fromkeys(verbs)), []).append(name)
    return "; ".join(f"{', '.join(verbs)} {', '.join(names)}" for verbs, names in by_verbs.items())


def _webhooks(kube: KubePort, desired: Manifests) -> Iterator[PreflightCheck]:
    found = [body for kind in _WEBHOOKS for body in kube.list(_ADMISSION, kind)]
    called = {preflight.service_of(hook) for body in found for hook in body.get("webhooks") or ()}
    alive = {place: _answers(kube, *place) for place in called if place is not None}
    yield from preflight.webhooks(found, desired, alive)


def _answers(kube: KubePort, namespace: str, name: str) -> bool:
    slices = kube.list(
        "discovery.k8s.io/v1", "EndpointSlice", namespace=namespace, labels=f"kubernetes.io/service-name={name}"
    )
    endpoints = (endpoint for body in slices for endpoint in body.get("endpoints") or ())
    return any((endpoint.get("conditions") or {}).get("ready") is not False for endpoint in endpoints)


def _limited(kube: KubePort, platform: Platform, cluster: Cluster) -> Iterator[PreflightCheck]:
    spaces = tuple(kube.list("v1", "Namespace"))
    others = [str(body["metadata"]["name"]) for body in spaces if not in_inventory(body, platform.name)]
    taken_over = adoptions(Live({"Namespace": spaces}))
    yield from preflight.limits(_limits(kube), platform.name, _namespaces(platform, cluster), taken_over, others)


def _limits(kube: KubePort) -> Iterator[Body]:
    for kind in ("LimitRange", "ResourceQuota"):
        yield from kube.list("v1", kind)


def _namespaces(platform: Platform, cluster: Cluster) -> Iterator[str]:
    return (name for team, _ in platform.teams_in(cluster.name) for name in team.namespaces)


def _taken(kube: KubePort, desired: Manifests, settings: PlanSettings) -> Iterator[Blocked]:
    versions = {manifest.key: manifest.api_version for manifest in desired}
    for change in make_plan(desired, kube, settings).changes:
        if isinstance(change, Blocked) and change.wanted is Action.CREATE and not change.following:
            live = kube.get(versions[change.key], change.key)
            if live is not None and not (belongs_to(live, settings.platform) or is_being_deleted(live)):
                yield change
