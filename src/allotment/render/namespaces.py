"""Team namespaces: Pod Security, the team's entitlements for policies to read, and whom to ask."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from allotment.model import labels
from allotment.model.manifest import Family, Manifest
from allotment.model.team import PodSecurityLevel
from allotment.render.entitlements import Entitlements
from allotment.render.objects import Site, Tenant

POD_SECURITY_MODES: Final = ("enforce", "audit", "warn")

_MINOR: Final = re.compile(r"v?(\d+)\.(\d+)([-+.].*)?", re.ASCII)


def render_namespaces(site: Site) -> Iterator[Manifest]:
    """The platform's own namespace, which carries the cluster's mark, and those of every team."""
    yield _system(site)
    entitlements = Entitlements(site)
    for tenant in site.tenants:
        security = pod_security_labels(site.cluster.versions.kubernetes, tenant.team.pod_security_in(tenant.namespace))
        shelf = tenant.shelf(Family.NAMESPACES, {**_identity(tenant), **security})
        facts = _annotations(tenant) | _amounts(tenant, entitlements)
        yield shelf.clustered(("v1", "Namespace"), tenant.namespace, {}, facts)


def _system(site: Site) -> Manifest:
    """The mark: platform and cluster. Labels, so that whoever may list namespaces can tell the cluster."""
    security = pod_security_labels(site.cluster.versions.kubernetes, PodSecurityLevel.RESTRICTED)
    shelf = site.shelf(Family.NAMESPACES)
    marked = replace(shelf, labels={**shelf.labels, labels.CLUSTER: site.cluster.name, **security})
    return marked.clustered(("v1", "Namespace"), labels.SYSTEM_NAMESPACE, {})


def pod_security_labels(kubernetes: str, level: PodSecurityLevel) -> dict[str, str]:
    """Pod Security labels, pinned to the cluster's minor version.

    Only what is enforced follows the level: under an exception, too, `kubectl` goes on to warn of what `restricted`
    would refuse, and the audit log to hold it.

    Pinned, because ``latest`` would tighten the rules on the day of an upgrade and refuse pods that ran before. Only
    a cluster that declares no version gets ``latest``: a wrong pin would be worse.
    """
    match = _MINOR.fullmatch(kubernetes)
    version = f"v{match[1]}.{match[2]}" if match else "latest"
    result = {}
    for mode in POD_SECURITY_MODES:
        shown = level if mode == "enforce" else PodSecurityLevel.RESTRICTED
        result[f"pod-security.kubernetes.io/{mode}"] = shown.value
        result[f"pod-security.kubernetes.io/{mode}-version"] = version
    return result


def _identity(tenant: Tenant) -> dict[str, str]:
    identity = {labels.TENANT: tenant.team.id, labels.ISOLATION: tenant.team.isolation.value}
    if tenant.leaving:
        identity[labels.OFFBOARDING] = "true"
    return identity


def _amounts(tenant: Tenant, entitlements: Entitlements) -> dict[str, str]:
    limits = {} if tenant.leaving else entitlements.limits(tenant)
    flavors = () if tenant.leaving else tenant.placement.accelerators
    return {
        labels.FLAVORS_ANNOTATION: ",".join(entry.flavor for entry in flavors),
        labels.LIMITS_ANNOTATION: ",".join(f"{name}={amount}" for name, amount in limits.items()),
    }


def _annotations(tenant: Tenant) -> dict[str, str]:
    team = tenant.team
    centers = dict.fromkeys((team.cost_center, *(project.cost_center for project in team.projects)))
    annotations = {
        labels.QUEUES_ANNOTATION: labels.LOCAL_QUEUE,
        labels.PRIORITIES_ANNOTATION: ",".join(team.priorities),
        labels.PROJECTS_ANNOTATION: ",".join(project.name for project in team.projects),
        labels.COST_CENTERS_ANNOTATION: ",".join(centers),
        labels.PROJECT_COST_CENTERS_ANNOTATION: ",".join(
            f"{project.name}={project.cost_center}"
            for project in team.projects
            if project.cost_center != team.cost_center
        ),
        labels.GROUPS_ANNOTATION: "\n".join(team.groups.all),
        labels.GUESTS_ANNOTATION: "\n".join(team.guests),
        labels.MAX_GRACE_ANNOTATION: str(team.max_grace),
        labels.CONTACTS_ANNOTATION: ",".join(f"{contact.kind}:{contact.address}" for contact in team.contacts),
    }
    exception = team.exception_in(tenant.namespace)
    if exception is not None:
        annotations[labels.POD_SECURITY_EXCEPTION] = f"until {exception.until.isoformat()}: {exception.reason}"
    if team.offboarding is not None:
        annotations[labels.KEEP_DATA_UNTIL] = team.offboarding.keep_data_until.isoformat()
    return annotations
