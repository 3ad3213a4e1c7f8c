"""LimitRanges: defaults for containers that ask for nothing, and the most that one pod may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from allotment.model.manifest import Family, Manifest
from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.team import PodLimits, Team
from allotment.render import amounts
from allotment.render.objects import Site, Tenant

LIMIT_RANGE_NAME: Final = "allotment-limits"

# A quota on CPU and memory makes the API server refuse every pod that names none; these keep a plain sidecar going.
DEFAULT_CPU_REQUEST: Final = MilliCpu(500)
DEFAULT_CPU_LIMIT: Final = MilliCpu(1000)
DEFAULT_MEMORY_REQUEST: Final = Bytes(1 << 30)
DEFAULT_MEMORY_LIMIT: Final = Bytes(2 << 30)


def render_limit_ranges(site: Site) -> Iterator[Manifest]:
    """One LimitRange for each namespace of a team that still runs something, but where guardrails start softly."""
    for tenant in site.tenants:
        if site.has_defaults(tenant) and not tenant.leaving:
            yield tenant.shelf(Family.LIMIT_RANGES).namespaced(
                ("v1", "LimitRange"), LIMIT_RANGE_NAME, {"spec": {"limits": _limits(tenant)}}
            )


def container_defaults(tenant: Tenant) -> dict[str, str]:
    """What a container gets that says nothing: amounts by ``request.cpu``, ``limit.memory`` and so on."""
    requests, limits = _defaults(tenant.team)
    return {f"request.{name}": amount for name, amount in requests.items()} | {
        f"limit.{name}": amount for name, amount in limits.items()
    }


def _limits(tenant: Tenant) -> list[dict[str, Any]]:
    # Devices have neither default nor maximum here. A maximum would make the API server refuse every pod that names
    # no limit for them, so it would need a default of 0; and Kueue takes that default for what a Job asks for that
    # names its devices as limits only. The policy work-fits holds the maximum.
    requests, limits = _defaults(tenant.team)
    container = {"type": "Container", "default": limits, "defaultRequest": requests}
    pod_max = _pod_max(tenant.team.member_limits)
    return [container, {"type": "Pod", "max": pod_max}] if pod_max else [container]


def _defaults(team: Team) -> tuple[dict[str, str], dict[str, str]]:
    """Default requests and limits; a limit below its request would refuse every container that relies on both."""
    given, most = team.container_defaults, team.member_limits
    cpu = _pair(given.requests.cpu, given.limits.cpu, most.cpu, (DEFAULT_CPU_REQUEST, DEFAULT_CPU_LIMIT))
    memory = _pair(
        given.requests.memory, given.limits.memory, most.memory, (DEFAULT_MEMORY_REQUEST, DEFAULT_MEMORY_LIMIT)
    )
    requests, limits = zip(cpu, memory, strict=True)
    return _amounts(*requests), _amounts(*limits)


def _pair(request: int | None, limit: int | None, most: int | None, usual: tuple[int, int]) -> tuple[int, int]:
    """What is said holds; what is not said follows the other one, within the most of one pod."""
    upper = max(usual[1], request or 0) if limit is None else limit
    if most is not None:
        upper = min(upper, most)
    return min(usual[0] if request is None else request, upper), upper


def _amounts(cpu: int, memory: int) -> dict[str, str]:
    return {"cpu": amounts.cpu(MilliCpu(cpu)), "memory": amounts.memory(Bytes(memory))}


def _pod_max(most: PodLimits) -> dict[str, str]:
    result = {}
    if most.cpu is not None:
        result["cpu"] = amounts.cpu(most.cpu)
    if most.memory is not None:
        result["memory"] = amounts.memory(most.memory)
    return result
