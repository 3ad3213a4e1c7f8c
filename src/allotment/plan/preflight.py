"""Whether a cluster is ready for what is declared: judgments on what was read, each a line of `allot preflight`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from allotment.model import labels
from allotment.model.cluster import Cluster, Feature
from allotment.model.manifest import Body, Manifests, key_of
from allotment.model.rights import resource_of
from allotment.plan.adoption.record import AdoptionRecord
from allotment.plan.changes import Blocked
from allotment.plan.nodes import DeclaredNodes, DeclaredPool, alike, devices_of
from allotment.plan.strangers.admission import is_kueues
from allotment.plan.strangers.kept import by_adoption, is_kept, keeping, taking_away

KUBERNETES_SINCE: Final = (1, 30)
"""ValidatingAdmissionPolicy is generally available from here."""

_VERSION: Final = re.compile(r"v?(\d+)\.(\d+)")


class Readiness(StrEnum):
    """How one thing stands."""

    OK = "ok"
    INFO = "info"
    """Good to know; nothing follows from it by itself."""
    UNKNOWN = "unknown"
    """It could not be looked at."""
    WARNING = "warning"
    BLOCKED = "blocked"
    """Apply leaves this out until a person has decided what becomes of what is there."""
    MISSING = "missing"
    """Something does not work until this is put right."""


@dataclass(frozen=True, slots=True)
class PreflightCheck:
    """One thing that was looked at.

    Attributes:
        topic: what it is about, in one word.
        fix: what to do; empty where nothing is to be done.
    """

    topic: str
    subject: str
    readiness: Readiness
    message: str
    fix: str = ""


def server_version(found: str, cluster: Cluster) -> PreflightCheck:
    """The API server's version against what the policies need and what is declared."""
    match = _VERSION.match(found)
    if match is None:
        return PreflightCheck("server", "kubernetes", Readiness.UNKNOWN, f"it calls itself {found or 'nothing'}")
    version = int(match[1]), int(match[2])
    if version < KUBERNETES_SINCE:
        fix = "upgrade the cluster to Kubernetes 1.30 or later"
        return PreflightCheck(
            "server", "kubernetes", Readiness.MISSING, f"{found} has no ValidatingAdmissionPolicy", fix
        )
    return _declared("server", "kubernetes", found, cluster.versions.kubernetes)


def kueue_version(image: str, cluster: Cluster) -> PreflightCheck:
    """Kueue's version by the image of its controller; empty where none was seen."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    if not _VERSION.match(tag):
        said = (
            f"its controller runs {image}" if image else "no Deployment kueue-system/kueue-controller-manager was seen"
        )
        return PreflightCheck("kueue", "version", Readiness.UNKNOWN, said)
    return _declared("kueue", "version", tag, cluster.versions.kueue)


def _declared(topic: str, subject: str, found: str, declared: str) -> PreflightCheck:
    same = not declared or _minor(found) == _minor(declared)
    if same:
        return PreflightCheck(topic, subject, Readiness.OK, f"{found}{f', declared {declared}' if declared else ''}")
    fix = f"set the cluster's versions in the platform directory to {found.removeprefix('v')}"
    return PreflightCheck(topic, subject, Readiness.WARNING, f"it is {found}, declared is {declared}", fix)


def _minor(version: str) -> tuple[str, ...]:
    match = _VERSION.match(version)
    return match.groups() if match else (version,)


def kinds(desired: Manifests, unserved: Iterable[tuple[str, str]]) -> Iterator[PreflightCheck]:
    """Kinds that are declared and that the server does not know, by group; one line says that all others are there."""
    missing = sorted(unserved)
    for api_version, kind in missing:
        group = api_version.rpartition("/")[0]
        fix = (
            "install Kueue, or set the cluster's kueue version to the one installed"
            if "kueue" in group
            else (
                "upgrade the cluster, or say in the platform directory that it does not have this kind"
                if group.endswith("k8s.io")
                else f"install what serves {group}"
            )
        )
        yield PreflightCheck("kinds", kind, Readiness.MISSING, f"the server does not know {kind} in {api_version}", fix)
    number = len({(manifest.api_version, manifest.key.kind) for manifest in desired}) - len(missing)
    yield PreflightCheck(
        "kinds", "all others" if missing else "all", Readiness.OK, f"{number} kinds are served as declared"
    )


def kueue_configuration(configuration: Mapping[str, Any], cluster: Cluster) -> Iterator[PreflightCheck]:
    """What Kueue's own configuration shows: feature gates, integrations, fair sharing."""
    integrations = _strings((configuration.get("integrations") or {}).get("frameworks"))
    queued, wanted = "pod" in integrations, Feature.POD_INTEGRATION in cluster.features
    if queued != wanted:
        said = "queues plain pods, and the directory does not say so" if queued else "does not queue plain pods"
        fix = "add pod-integration to the cluster's features" if queued else "add pod to integrations.frameworks"
        yield PreflightCheck("kueue", "pod-integration", Readiness.WARNING, f"Kueue {said}", fix)
    gates = configuration.get("featureGates") or {}
    told = ", ".join(f"{name}={str(value).lower()}" for name, value in sorted(gates.items())) or "none set"
    yield PreflightCheck("kueue", "feature gates", Readiness.INFO, f"{told}; the rest as by the version")
    yield PreflightCheck("kueue", "integrations", Readiness.INFO, ", ".join(integrations) or "as by the version")
    if configuration.get("fairSharing"):
        yield PreflightCheck("kueue", "fair sharing", Readiness.INFO, "on")
    if configuration.get("manageJobsWithoutQueueName"):
        yield PreflightCheck("kueue", "jobs without a queue", Readiness.INFO, "are managed as well")


def _strings(found: Any) -> list[str]:
    return [str(item) for item in found] if isinstance(found, list) else []


def webhooks(
    configurations: Sequence[Body], desired: Manifests, alive: Mapping[tuple[str, str], bool]
) -> Iterator[PreflightCheck]:
    """Other people's webhooks that are asked about what we apply.

    Args:
        configurations: Mutating- and ValidatingWebhookConfigurations.
        desired: what is declared.
        alive: services of webhooks that were looked at, (namespace, name): whether somebody answers there.
    """
    ours = {(manifest.key.group, resource_of(manifest.key.kind)) for manifest in desired}
    for body in configurations:
        if is_kueues(body):
            continue
        for hook in body.get("webhooks") or ():
            met = sorted(resource for group, resource in ours if _asks(hook, group, resource))
            if met:
                yield _webhook(body, hook, met, alive)


def _webhook(
    body: Body, hook: Mapping[str, Any], met: Sequence[str], alive: Mapping[tuple[str, str], bool]
) -> PreflightCheck:
    subject = f"{body['metadata']['name']}/{hook.get('name', '')}"
    what = f"{body['kind'].removesuffix('Configuration')} is asked about {', '.join(dict.fromkeys(met))}"
    place = service_of(hook)
    strict = hook.get("failurePolicy", "Fail") == "Fail"
    if place is not None and alive.get(place) is False:
        at = "/".join(place)
        if strict:
            fix = "repair that service, or take the webhook away"
            return PreflightCheck(
                "webhooks", subject, Readiness.MISSING, f"{what}, and nobody answers at {at}: it fails", fix
            )
        return PreflightCheck(
            "webhooks", subject, Readiness.INFO, f"{what}; nobody answers at {at}, and that is ignored"
        )
    if body["kind"].startswith("Mutating"):
        fix = (
            "let it leave objects alone that carry app.kubernetes.io/managed-by: allotment, if drift shows its changes"
        )
        return PreflightCheck("webhooks", subject, Readiness.WARNING, f"{what}, and may change it", fix)
    return PreflightCheck("webhooks", subject, Readiness.INFO, what)


def service_of(hook: Mapping[str, Any]) -> tuple[str, str] | None:
    """The service that a webhook calls, (namespace, name); None for a URL."""
    service = (hook.get("clientConfig") or {}).get("service")
    return (str(service.get("namespace", "")), str(service.get("name", ""))) if service else None


def _asks(hook: Mapping[str, Any], group: str, resource: str) -> bool:
    for rule in hook.get("rules") or ():
        groups, resources = rule.get("apiGroups") or (), rule.get("resources") or ()
        if ("*" in groups or group in groups) and any(each in {"*", "*/*", resource} for each in resources):
            return True
    return False


_PLUGINS: Final = (
    ("NVIDIA", ("nvidia-device-plugin", "nvidia/k8s-device-plugin", "gpu-operator", "nvidia-dra")),
    ("AMD", ("amdgpu", "amd-gpu", "rocm")),
    ("Intel", ("habana", "gaudi", "intel-gpu")),
    ("Google", ("tpu-device-plugin",)),
    ("AWS", ("neuron-device-plugin", "neuron-monitor")),
)
"""Vendor → what the names or images of its device plugins hold."""


def operators(daemon_sets: Iterable[Body]) -> Iterator[PreflightCheck]:
    """Device plugins, by the names and images of DaemonSets."""
    for body in daemon_sets:
        pod = ((body.get("spec") or {}).get("template") or {}).get("spec") or {}
        images = [str(container.get("image", "")) for container in pod.get("containers") or ()]
        words = " ".join([body["metadata"]["name"], *images]).lower()
        vendor = next((name for name, marks in _PLUGINS if any(mark in words for mark in marks)), "")
        if vendor:
            status = body.get("status") or {}
            ready = f"{status.get('numberReady', 0)} of {status.get('desiredNumberScheduled', 0)} ready"
            subject = f"{body['metadata']['namespace']}/{body['metadata']['name']}"
            yield PreflightCheck("devices", subject, Readiness.INFO, f"{vendor}: {', '.join(images)}; {ready}")


def nodes(declared: DeclaredNodes, live: Sequence[Body]) -> Iterator[PreflightCheck]:
    """How many nodes carry the labels that each pool's flavor selects, and offer its devices."""
    for pool in declared.pools:
        found = [node for node in live if _carries(node, pool.selected)]
        if not pool.resource:
            continue
        able = [node for node in found if devices_of(node, pool.resource) >= pool.devices]
        wanted = ", ".join(f"{key}={value}" for key, value in sorted(pool.selected.items()))
        said = f"{len(found)} nodes carry {wanted}; {len(able)} of them offer {pool.devices} {pool.resource}"
        if len(able) >= max(pool.min_nodes, 1):
            yield PreflightCheck("nodes", pool.name, Readiness.OK, said)
        elif not pool.min_nodes:
            yield PreflightCheck("nodes", pool.name, Readiness.INFO, f"{said}; it may be empty")
        else:
            fix = _more_nodes(pool, alike(declared, pool, live), idle=len(found) - len(able))
            yield PreflightCheck("nodes", pool.name, Readiness.WARNING, f"{said}; {pool.min_nodes} are declared", fix)


def _more_nodes(pool: DeclaredPool, unlabelled: Sequence[str], *, idle: int) -> str:
    """How a pool comes to its nodes: those that only lack its labels, else those that lack devices, else new ones."""
    if unlabelled:
        return f"label what can be its nodes, if it is: {labels.label_command(pool.name, unlabelled)}"
    if idle:
        return "look at the device plug-in and driver of those that offer less, or correct acceleratorsPerNode"
    return "start them, or lower minNodes: no node without a pool has its devices, CPU and memory"


def _carries(node: Body, wanted: Mapping[str, str]) -> bool:
    found = node["metadata"].get("labels") or {}
    return all(found.get(key) == value for key, value in wanted.items())


def limits(
    bodies: Iterable[Body],
    platform: str,
    namespaces: Iterable[str],
    taken_over: Mapping[str, AdoptionRecord],
    others: Collection[str] = (),
) -> Iterator[PreflightCheck]:
    """ResourceQuotas and LimitRanges in team namespaces that are not ours: they bind the same work.

    Args:
        bodies: all of the cluster.
        platform: whose are ours.
        namespaces: of teams.
        taken_over: by namespace, the record of that.
        others: those of the namespaces that are not ours yet.
    """
    known = set(namespaces)
    for body in bodies:
        found = body["metadata"].get("labels") or {}
        if body["metadata"]["namespace"] in known and found.get(labels.PLATFORM) != platform:
            key = key_of(body)
            written = taken_over.get(key.namespace)
            if written is not None and is_kept(body, written):
                said = f"{key.kind} is {by_adoption(written.at)}"
                yield PreflightCheck("limits", f"{key.namespace}/{key.name}", Readiness.INFO, said, taking_away(key))
                continue
            fix = "remove it, or accept it in the Platform document (accepted)"
            if key.namespace in others:
                fix = f"{keeping(key.namespace)}; or, if nobody needs it, {fix}"
            yield PreflightCheck(
                "limits", f"{key.namespace}/{key.name}", Readiness.WARNING, f"{key.kind} is not ours", fix
            )


def taken(blocked: Iterable[Blocked]) -> Iterator[PreflightCheck]:
    """Objects of others that have the names of declared ones."""
    for each in blocked:
        said = f"somebody else's object has this name, and apply leaves it alone: {each.why}"
        yield PreflightCheck("names", str(each.key), Readiness.BLOCKED, said, each.fix)
