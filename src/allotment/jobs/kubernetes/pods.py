"""The pod template that all kinds share: restricted, billed, queued, sized, and told where it may run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from allotment.jobs.fetching import STAGING_CPU, STAGING_MEMORY, staged
from allotment.jobs.kubernetes.environment import (
    JOB_ID,
    RankSource,
    command,
    environment,
    literal,
    volume_variables,
)
from allotment.jobs.kubernetes.order import WorkOrder
from allotment.jobs.kubernetes.place import JobPlace
from allotment.jobs.kubernetes.storage import fetch, mounts, staging_mounts, volumes
from allotment.model import labels
from allotment.model.jobs.job import NearnessDomain, ReplicaNeeds, StagedData, StagingTime
from allotment.model.quantity import format_bytes, format_cpu

MAIN: Final = labels.JOB_MAIN
"""Name of the container that runs the program, and of the part of a job that does its work."""
STAGING: Final = labels.JOB_STAGING
"""The part that fetches data before."""

_USER: Final = 1000
"""Whom the program runs as: images mostly say root, which Pod Security refuses. Volumes are made writable for it."""
_CONTAINER_SECURITY: Final = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
_TOPOLOGY_KEYS: Final = {
    NearnessDomain.NODE: "kubernetes.io/hostname",
    NearnessDomain.ZONE: "topology.kubernetes.io/zone",
}


@dataclass(frozen=True, slots=True)
class WorkDraft:
    """All that a kind's file looks at."""

    order: WorkOrder
    place: JobPlace

    @property
    def name(self) -> str:
        """Name of the objects."""
        return self.order.name


def marks(draft: WorkDraft, part: str = MAIN) -> dict[str, str]:
    """Labels of everything that is made for the job, pods included: the bill, the job's own, and which job it is."""
    order = draft.order
    return {
        **dict(sorted(order.job.labels.items())),
        **draft.place.billing,
        labels.JOB: order.id,
        labels.JOB_ATTEMPT: str(order.attempt),
        labels.JOB_PART: part,
    }


def queued(draft: WorkDraft, part: str = MAIN) -> dict[str, str]:
    """The same for what waits in a queue."""
    return {
        **marks(draft, part),
        labels.KUEUE_QUEUE: labels.LOCAL_QUEUE,
        labels.KUEUE_PRIORITY: draft.order.job.priority,
    }


def metadata(draft: WorkDraft, given: Mapping[str, str], name: str = "") -> dict[str, Any]:
    """Metadata of an object beside its pods."""
    job = draft.order.job
    notes = {labels.JOB_NAME: job.name, **({labels.JOB_DEADLINE: job.deadline} if job.deadline else {})}
    return {
        "name": name or draft.name,
        "namespace": draft.place.namespace,
        "labels": dict(given),
        "annotations": notes,
    }


@dataclass(frozen=True, slots=True)
class PodTraits:
    """In what the pods of the kinds differ.

    Attributes:
        ranks: what tells a pod its rank.
        master: host name of rank 0; empty for what is no gang.
        subdomain: headless Service by which pods find each other; empty for none, or where a controller sets it.
        run: field of the pod that holds the name of this run; empty where nothing needs it.
        restart: ``Never`` or ``Always``.
        probes: of the container.
    """

    ranks: RankSource = RankSource.ALONE
    master: str = ""
    subdomain: str = ""
    run: str = ""
    restart: str = "Never"
    probes: Mapping[str, Any] | None = None


def template(draft: WorkDraft, shape: PodTraits) -> dict[str, Any]:
    """The template of the pods that do the work."""
    order, place = draft.order, draft.place
    fetchers = [_fetcher(draft, number, each) for number, each in enumerate(staged(order.job, StagingTime.AT_START))]
    spec: dict[str, Any] = {
        **_common(draft, shape.restart),
        "containers": [_main(draft, shape)],
        "terminationGracePeriodSeconds": order.job.grace,
        **({"initContainers": fetchers} if fetchers else {}),
        **_where(draft),
        **({"runtimeClassName": place.runtime_class} if place.runtime_class else {}),
        **({"subdomain": shape.subdomain} if shape.subdomain else {}),
    }
    return {"metadata": {"labels": marks(draft)}, "spec": spec}


def _common(draft: WorkDraft, restart: str) -> dict[str, Any]:
    user = {"runAsUser": _USER, "runAsGroup": _USER, "fsGroup": _USER, "fsGroupChangePolicy": "OnRootMismatch"}
    found = volumes(draft.order)
    return {
        "restartPolicy": restart,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "priorityClassName": draft.order.job.priority,
        "securityContext": {"runAsNonRoot": True, **user, "seccompProfile": {"type": "RuntimeDefault"}},
        **({"volumes": found} if found else {}),
    }


def _main(draft: WorkDraft, shape: PodTraits) -> dict[str, Any]:
    order = draft.order
    program, argv, mounted = order.job.program, command(order), mounts(order)
    folder = "" if order.code else program.working_directory
    return {
        "name": MAIN,
        "image": program.image,
        **({"command": argv} if argv else {}),
        **({"workingDir": folder} if folder else {}),
        "env": environment(order, shape.ranks, shape.master, shape.run),
        **({"ports": [{"containerPort": program.port}]} if program.port is not None else {}),
        "resources": resources(order.job.needs, draft.place),
        **({"volumeMounts": mounted} if mounted else {}),
        **(shape.probes or {}),
        "securityContext": _CONTAINER_SECURITY,
    }


def resources(needs: ReplicaNeeds, place: JobPlace) -> dict[str, Any]:
    """Requests and limits: equal for memory, devices and storage; of CPU the limit is as high as may be, or none."""
    both = {"memory": format_bytes(needs.memory)}
    if needs.ephemeral_storage is not None:
        both["ephemeral-storage"] = format_bytes(needs.ephemeral_storage)
    if needs.accelerators is not None:
        both[place.resource] = str(needs.accelerators.count)
    limit = {} if place.cpu_limit is None else {"cpu": format_cpu(place.cpu_limit)}
    return {"requests": {"cpu": format_cpu(needs.cpu), **both}, "limits": {**limit, **both}}


def _where(draft: WorkDraft) -> dict[str, Any]:
    """Nodes of the flavors that will do. Kueue narrows the choice to the one it takes, and adds its tolerations."""
    affinity: dict[str, Any] = {}
    if draft.place.nodes:
        terms = [
            {"matchExpressions": [{"key": k, "operator": "In", "values": [v]} for k, v in sorted(nodes.items())]}
            for nodes in draft.place.nodes
        ]
        affinity["nodeAffinity"] = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    near = draft.order.job.nearness
    if near is not None and near.within in _TOPOLOGY_KEYS:
        term = {
            "topologyKey": _TOPOLOGY_KEYS[near.within],
            "labelSelector": {"matchLabels": {labels.JOB: draft.order.id, labels.JOB_PART: MAIN}},
        }
        preferred = [{"weight": 100, "podAffinityTerm": term}]
        affinity["podAffinity"] = {"preferredDuringSchedulingIgnoredDuringExecution": preferred}
    return {"affinity": affinity} if affinity else {}


def staging_template(draft: WorkDraft) -> dict[str, Any]:
    """The template of the pod that fetches data before: one container after the other, and no device."""
    *before, last = [
        _fetcher(draft, number, each) for number, each in enumerate(staged(draft.order.job, StagingTime.BEFORE))
    ]
    spec = {
        **_common(draft, "Never"),
        "containers": [last],
        **({"initContainers": before} if before else {}),
        "volumes": [each for each in volumes(draft.order) if "persistentVolumeClaim" in each],
    }
    return {"metadata": {"labels": marks(draft, STAGING)}, "spec": spec}


def _fetcher(draft: WorkDraft, number: int, data: StagedData) -> dict[str, Any]:
    job = draft.order.job
    cpu, memory = STAGING_CPU, STAGING_MEMORY
    if data.when is StagingTime.AT_START:
        # It may not make the pod larger than its program is.
        cpu, memory = min(cpu, job.needs.cpu), min(memory, job.needs.memory)
    both = {"cpu": format_cpu(cpu), "memory": format_bytes(memory)}
    secrets = [
        {"name": each.variable, "valueFrom": {"secretKeyRef": {"name": each.secret, "key": each.key}}}
        for each in job.program.secrets
    ]
    given = [{"name": name, "value": literal(value)} for name, value in sorted(job.program.environment.items())]
    return {
        "name": f"{STAGING}-{number}",
        "image": data.image or job.program.image,
        "command": fetch(job, data),
        "env": [*given, *secrets, *volume_variables(job), {"name": JOB_ID, "value": draft.order.id}],
        "resources": {"requests": dict(both), "limits": dict(both)},
        "volumeMounts": staging_mounts(job, data),
        "securityContext": _CONTAINER_SECURITY,
    }
