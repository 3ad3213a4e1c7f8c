"""ResourceQuotas: what a namespace may hold at once, whatever queue its work came through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from allotment.model.manifest import Family, Manifest
from allotment.model.team import NamespaceQuota
from allotment.render import amounts
from allotment.render.objects import Site

QUOTA_NAME: Final = "allotment-quota"

_NEVER: Final = {
    # They would open a port on every node, or buy an address, past the network policies.
    "services.loadbalancers": "0",
    "services.nodeports": "0",
}
_NOTHING: Final = "0"

_NAMED_BY_PODS: Final = frozenset({"limits.cpu", "limits.memory", "requests.cpu", "requests.memory"})
"""Under a quota on these the API server refuses every pod that does not name them."""

_WAYS_IN: Final = (
    "count/rolebindings.rbac.authorization.k8s.io",
    "count/roles.rbac.authorization.k8s.io",
    "count/serviceaccounts",
    "secrets",
)
"""What lets somebody in: a team that leaves may make no more of it, and what is there is deleted."""


def render_quotas(site: Site) -> Iterator[Manifest]:
    """One ResourceQuota for each namespace of a team."""
    for tenant in site.tenants:
        quota = tenant.placement.namespace_quota
        hard = _data_only(quota) if tenant.leaving else _hard(quota)
        if site.starts_softly(tenant):
            hard = {key: limit for key, limit in hard.items() if key not in _NAMED_BY_PODS}
        yield tenant.shelf(Family.RESOURCE_QUOTAS).namespaced(
            ("v1", "ResourceQuota"), QUOTA_NAME, {"spec": {"hard": dict(sorted(hard.items()))}}
        )


def _hard(quota: NamespaceQuota) -> dict[str, str]:
    hard = {key: amounts.count(limit) for key, limit in quota.objects}
    # Devices are counted as `requests.` only. The API server stores `limits.nvidia.com/gpu` too, but never counts it;
    # requests and limits of an extended resource are equal anyway, by the API server's own rule.
    hard.update({f"requests.{name}": amounts.count(devices) for name, devices in quota.accelerators})
    hard.update(
        {
            "requests.cpu": amounts.cpu(quota.requests_cpu),
            "limits.cpu": amounts.cpu(quota.limits_cpu),
            "requests.memory": amounts.memory(quota.requests_memory),
            "limits.memory": amounts.memory(quota.limits_memory),
            "pods": amounts.count(quota.pods),
            "requests.storage": amounts.memory(quota.storage),
            "persistentvolumeclaims": amounts.count(quota.claims),
        }
    )
    hard.update(_NEVER)
    return hard


def _data_only(quota: NamespaceQuota) -> dict[str, str]:
    """The same keys with nothing left but the storage: no new pod, no new object, no new access; the data stay."""
    kept = {"requests.storage": amounts.memory(quota.storage), "persistentvolumeclaims": amounts.count(quota.claims)}
    return dict.fromkeys((*_hard(quota), *_WAYS_IN), _NOTHING) | kept
