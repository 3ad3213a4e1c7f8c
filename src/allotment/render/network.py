"""Network policies: a team's namespace talks to itself, to DNS, and through the openings that the platform declares.

Network policies only ever add: every packet that one of them allows, passes. So the default denies both directions,
and each opening is a policy of its own that can be read, and removed, alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final

from allotment.errors import InputError
from allotment.model.manifest import Family, Manifest
from allotment.model.policy import METADATA_NETWORKS, Direction, SharedService
from allotment.render.objects import Shelf, Site

DEFAULT_DENY: Final = "allotment-default-deny"
SAME_NAMESPACE: Final = "allotment-same-namespace"
DNS: Final = "allotment-dns"
"""Cluster DNS where it usually is; a shared service named `dns` takes its place."""

_TYPE: Final = ("networking.k8s.io/v1", "NetworkPolicy")
_METADATA: Final = tuple(ip_network(network) for network in METADATA_NETWORKS)
_ALL_PODS: Final[dict[str, Any]] = {}

_DENY_SPEC: Final = {"podSelector": _ALL_PODS, "policyTypes": ["Ingress", "Egress"]}
_SAME_NAMESPACE_SPEC: Final = {
    "podSelector": _ALL_PODS,
    "policyTypes": ["Ingress", "Egress"],
    "ingress": [{"from": [{"podSelector": _ALL_PODS}]}],
    "egress": [{"to": [{"podSelector": _ALL_PODS}]}],
}
_DNS_SPEC: Final = {
    "podSelector": _ALL_PODS,
    "policyTypes": ["Egress"],
    "egress": [
        {
            "to": [
                {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
                }
            ],
            "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
        }
    ],
}


def render_network_policies(site: Site) -> Iterator[Manifest]:
    """The policies of each team namespace; a team that leaves keeps the wall and loses the openings.

    A namespace that is named as one without has none until its team leaves: what was there before it was taken over
    may depend on any connection.

    Raises:
        InputError: an opening lies inside the cloud's metadata addresses.
    """
    services = site.platform.shared_services
    openings = [(_opening_name(service), _opening_spec(service)) for service in services]
    if not any(service.name == "dns" for service in services):
        openings.append((DNS, _DNS_SPEC))
    for tenant in site.tenants:
        if tenant.namespace in site.cluster.without_network_policies and not tenant.leaving:
            continue
        shelf = tenant.shelf(Family.NETWORK_POLICIES)
        yield _policy(shelf, DEFAULT_DENY, _DENY_SPEC)
        if tenant.leaving:
            continue
        yield _policy(shelf, SAME_NAMESPACE, _SAME_NAMESPACE_SPEC)
        for name, spec in openings:
            yield _policy(shelf, name, spec)


def _policy(shelf: Shelf, name: str, spec: dict[str, Any]) -> Manifest:
    return shelf.namespaced(_TYPE, name, {"spec": spec})


def _opening_name(service: SharedService) -> str:
    direction = "to" if service.direction is Direction.EGRESS else "from"
    return f"allotment-{direction}-{service.name}"


def _opening_spec(service: SharedService) -> dict[str, Any]:
    peers = _peers(service)
    way, side = ("egress", "to") if service.direction is Direction.EGRESS else ("ingress", "from")
    rule: dict[str, Any] = {side: peers}
    if service.ports:
        rule["ports"] = [{"protocol": port.protocol, "port": port.port} for port in service.ports]
    # A rule without peers would open the way to everybody.
    return {
        "podSelector": _ALL_PODS,
        "policyTypes": [way.capitalize()],
        way: [rule] if peers else [],
    }


def _peers(service: SharedService) -> list[dict[str, Any]]:
    peers: list[dict[str, Any]] = [{"ipBlock": _ip_block(service, cidr)} for cidr in service.cidrs]
    if service.namespace is not None:
        peer: dict[str, Any] = {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": service.namespace}}
        }
        if service.pod_labels:
            peer["podSelector"] = {"matchLabels": dict(sorted(service.pod_labels.items()))}
        peers.insert(0, peer)
    return peers


def _ip_block(service: SharedService, cidr: str) -> dict[str, Any]:
    network = ip_network(cidr, strict=False)
    block: dict[str, Any] = {"cidr": str(network)}
    blocked = []
    for metadata in _METADATA:
        if _within(network, metadata):
            raise InputError(
                f"shared service {service.name} opens {cidr}, an address where clouds hand out credentials",
                why="a pod that reaches it can act as its node, and so as every team on that node",
                fix="name the service's own addresses",
            )
        if _within(metadata, network):
            blocked.append(str(metadata))
    if blocked:
        block["except"] = blocked
    return block


def _within(inner: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)
