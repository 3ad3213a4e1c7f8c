"""What a namespace's network policies would do to connections that its pods have now, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from allotment.model.manifest import Body


@dataclass(frozen=True, slots=True)
class Cut:
    """One network policy that is not there yet.

    Attributes:
        what: what it cuts or leaves open, in words.
    """

    name: str
    what: str


def cuts(policies: Iterable[Body]) -> tuple[Cut, ...]:
    """Each policy in words, those that only cut first."""
    said = [(_opens(body), Cut(body["metadata"]["name"], _in_words(body))) for body in policies]
    return tuple(cut for _, cut in sorted(said, key=lambda item: (item[0], item[1].name)))


def _ways(body: Body) -> tuple[tuple[str, str, str], ...]:
    types = body["spec"].get("policyTypes") or ("Ingress",)
    known = (("Ingress", "ingress", "from"), ("Egress", "egress", "to"))
    return tuple(way for way in known if way[0] in types)


def _opens(body: Body) -> bool:
    return any(body["spec"].get(way) for _, way, _ in _ways(body))


def _in_words(body: Body) -> str:
    pods = "all pods" if not body["spec"].get("podSelector") else "some pods"
    if not _opens(body):
        names = " and ".join(way for _, way, _ in _ways(body))
        return f"cuts all {names} of {pods}, but for what other policies leave open"
    open_ = "; ".join(part for _, way, side in _ways(body) for part in _rules(body, way, side))
    return f"leaves open, of {pods}: {open_}"


def _rules(body: Body, way: str, side: str) -> Iterator[str]:
    for rule in body["spec"].get(way) or ():
        peers = ", ".join(_peer(peer) for peer in rule.get(side) or ()) or "anywhere"
        ports = ", ".join(
            f"{port.get('protocol', 'TCP')} {port.get('port', '')}".strip() for port in rule.get("ports") or ()
        )
        yield f"{way} {side} {peers}{f' on {ports}' if ports else ''}"


def _peer(peer: Body) -> str:
    if "ipBlock" in peer:
        return str(peer["ipBlock"]["cidr"])
    pods = _labels(peer.get("podSelector") or {})
    if "namespaceSelector" not in peer:
        return f"its own namespace{f' ({pods})' if pods else ''}"
    space = _labels(peer["namespaceSelector"]).removeprefix("kubernetes.io/metadata.name=") or "every namespace"
    return f"{space}{f' ({pods})' if pods else ''}"


def _labels(selector: Body) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items()))
