"""What a network plug-in decides from NetworkPolicies: a pure evaluator of ``networking.k8s.io/v1``, for tests.

A connection passes when both ends let it: the source's egress and the target's ingress. An end that no policy of that
direction selects lets everything pass; a selected end lets pass what one of its policies allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

Policy = Mapping[str, Any]


@dataclass(frozen=True)
class Peer:
    """An end of a connection: a pod of a namespace, or (`namespace` is None) an address outside the cluster."""

    address: str
    namespace: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def namespace_labels(self) -> Mapping[str, str]:
        """What the API server puts on every namespace; tenants' namespaces have more, which no rule looks at."""
        return {"kubernetes.io/metadata.name": self.namespace or ""}


def passes(policies: Iterable[Policy], source: Peer, target: Peer, port: int, protocol: str = "TCP") -> bool:
    """Whether a connection from source to target would be let through."""
    known = list(policies)
    return _lets(known, source, target, "Egress", (port, protocol)) and _lets(
        known, target, source, "Ingress", (port, protocol)
    )


def _lets(policies: list[Policy], end: Peer, other: Peer, direction: str, port: tuple[int, str]) -> bool:
    selecting = [policy for policy in policies if _selects(policy, end, direction)]
    if not selecting:
        return True
    return any(
        _matches(rule, "to" if direction == "Egress" else "from", end, other, port)
        for policy in selecting
        for rule in policy["spec"].get(direction.lower(), ())
    )


def _selects(policy: Policy, end: Peer, direction: str) -> bool:
    return (
        policy["metadata"]["namespace"] == end.namespace
        and direction in policy["spec"]["policyTypes"]
        and _labels_match(policy["spec"]["podSelector"], end.labels)
    )


def _matches(rule: Mapping[str, Any], side: str, end: Peer, other: Peer, port: tuple[int, str]) -> bool:
    peers = rule.get(side)
    if peers and not any(_is_peer(peer, end, other) for peer in peers):
        return False
    ports = rule.get("ports")
    return not ports or any((entry["port"], entry["protocol"]) == port for entry in ports)


def _is_peer(peer: Mapping[str, Any], end: Peer, other: Peer) -> bool:
    if "ipBlock" in peer:
        address = ip_address(other.address)
        block = peer["ipBlock"]
        return address in ip_network(block["cidr"]) and not any(
            address in ip_network(hole) for hole in block.get("except", ())
        )
    if other.namespace is None:
        return False
    if "namespaceSelector" in peer:
        if not _labels_match(peer["namespaceSelector"], other.namespace_labels):
            return False
    elif other.namespace != end.namespace:
        return False
    return _labels_match(peer.get("podSelector", {}), other.labels)


def _labels_match(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    assert set(selector) <= {"matchLabels"}, "the evaluator knows no other selector"
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
