"""Work that is found in a cluster: who made it, how many pods it has, which accelerators they hold or will ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from allotment.model import labels
from allotment.model.manifest import Body
from allotment.model.quantity import format_amount, parse_quantity

Amounts = Mapping[str, Fraction]
"""By resource name."""

_NAMED: Final = 5
"""Pieces of work that a sentence names."""

_CLAIMS: Final = "resource claim(s)"
_PLACES: Final = frozenset({"resources", "resourcesPerNode"})
_ENDED: Final = frozenset({"Complete", "Completed", "Failed", "Finished"})


@dataclass(frozen=True, slots=True)
class Piece:
    """One pod, or one object that makes pods.

    Attributes:
        owner: uid of the object that controls it; empty if nothing does.
        owner_name: that object in words, for one of a kind that was not read.
        made_by: who made it, as far as it says.
        asks: accelerators by resource name: of a pod all it holds, else what its templates ask for.
    """

    uid: str
    kind: str
    namespace: str
    name: str
    owner: str
    owner_name: str
    made_by: str
    asks: Amounts


@dataclass(frozen=True, slots=True)
class Work:
    """What somebody started: an object that nothing controls, with all that was made of it.

    Attributes:
        what: kind and name.
        made_by: who made it, as far as it says; empty if it does not.
        pods: that exist and have not ended.
        holds: accelerators of these pods, by resource name.
        asks: accelerators that it asks for, whether or not it has pods now.
    """

    namespace: str
    what: str
    made_by: str
    pods: int
    holds: Amounts
    asks: Amounts

    def __str__(self) -> str:
        """``Job train (by Helm release research): 2 pods with 8 nvidia.com/gpu``."""
        by = f" (by {self.made_by})" if self.made_by else ""
        if not self.pods:
            asks = f", asks for {_amounts(self.asks)}" if self.asks else ""
            return f"{self.what}{by}: no pod now{asks}"
        held = f" with {_amounts(self.holds)}" if self.holds else ""
        return f"{self.what}{by}: {self.pods} pod{'' if self.pods == 1 else 's'}{held}"


def told(found: Iterable[Work]) -> str:
    """The works of one namespace, those with most pods first."""
    ranked = sorted(found, key=lambda work: (-sum(work.holds.values()), -work.pods, work.what))
    more = f"; and {len(ranked) - _NAMED} more" if len(ranked) > _NAMED else ""
    return "; ".join(map(str, ranked[:_NAMED])) + more


def _amounts(amounts: Amounts) -> str:
    return ", ".join(f"{format_amount(amount)} {name}" for name, amount in sorted(amounts.items()))


def piece_of(body: Body, domains: tuple[str, ...]) -> Piece | None:
    """A pod or maker of pods; None if it has ended.

    Args:
        body: the live object.
        domains: prefixes of the resources that are accelerators.
    """
    if _has_ended(body):
        return None
    metadata = body["metadata"]
    controller = next((ref for ref in metadata.get("ownerReferences") or () if ref.get("controller")), None)
    return Piece(
        uid=str(metadata.get("uid", "")),
        kind=str(body["kind"]),
        namespace=str(metadata.get("namespace", "")),
        name=str(metadata["name"]),
        owner=str(controller.get("uid", "")) if controller else "",
        owner_name=f"{controller.get('kind', '')} {controller.get('name', '')}" if controller else "",
        made_by=made_by(metadata),
        asks=_asks(body.get("spec") or {}, domains),
    )


def _has_ended(body: Body) -> bool:
    status = body.get("status") or {}
    if body["kind"] == "Pod":
        return status.get("phase") in {"Succeeded", "Failed"}
    conditions = status.get("conditions") or ()
    return body["kind"] == "Job" and any(
        one.get("type") in _ENDED and one.get("status") == "True" for one in conditions
    )


def made_by(metadata: Body) -> str:
    """Who made an object, as far as its metadata say: a release, an application, a person, else a field manager."""
    marks, notes = metadata.get("labels") or {}, metadata.get("annotations") or {}
    if notes.get("meta.helm.sh/release-name"):
        return f"Helm release {notes['meta.helm.sh/release-name']}"
    if notes.get("argocd.argoproj.io/tracking-id"):
        return f"Argo CD application {str(notes['argocd.argoproj.io/tracking-id']).partition(':')[0]}"
    if marks.get("kustomize.toolkit.fluxcd.io/name"):
        return f"Flux kustomization {marks['kustomize.toolkit.fluxcd.io/name']}"
    if notes.get(labels.SUBMITTER):
        return str(notes[labels.SUBMITTER])
    writers = (entry for entry in metadata.get("managedFields") or () if not entry.get("subresource"))
    first = min(writers, key=lambda entry: str(entry.get("time", "")), default=None)
    return str(first.get("manager", "")) if first else ""


def _asks(spec: Body, domains: tuple[str, ...]) -> Amounts:
    """What all pod templates in it ask for together. Kinds that nobody here knows have theirs in other places."""
    asked = _sum(spec, domains)
    # Init containers run before the others, and hold at least what these do.
    return asked or _sum(spec, domains, inits=True)


def _sum(value: Any, domains: tuple[str, ...], *, inits: bool = False) -> Amounts:
    parts: list[Amounts] = []
    if isinstance(value, list):
        parts = [_sum(item, domains, inits=inits) for item in value]
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in _PLACES and isinstance(item, dict):
                parts.append(dict(_accelerators(item, domains)))
            elif key == "resourceClaims" and isinstance(item, list):
                parts.append({_CLAIMS: Fraction(len(item))} if item else {})
            elif key != "initContainers" or inits:
                parts.append(_sum(item, domains, inits=inits))
    return together(parts)


def together(parts: Iterable[Amounts]) -> Amounts:
    """Amounts added up by name; nothing of amount 0."""
    total: dict[str, Fraction] = {}
    for part in parts:
        for name, amount in part.items():
            total[name] = total.get(name, Fraction(0)) + amount
    return {name: amount for name, amount in total.items() if amount}


def _accelerators(resources: Body, domains: tuple[str, ...]) -> Iterator[tuple[str, Fraction]]:
    asked = {**(resources.get("requests") or {}), **(resources.get("limits") or {})}
    for name, amount in asked.items():
        if str(name).startswith(domains):
            try:
                yield str(name), parse_quantity(str(amount))
            except ValueError:
                # What the server stores it has parsed; what only it can read is some amount, and not none.
                yield str(name), Fraction(1)


def works(pieces: Iterable[Piece]) -> tuple[Work, ...]:
    """Everything under what started it, sorted by namespace and name."""
    known = {piece.uid: piece for piece in pieces if piece.uid}
    members: dict[tuple[str, str], list[Piece]] = {}
    for piece in known.values():
        root = _root(piece, known)
        what = root.owner_name if root.owner else f"{root.kind} {root.name}"
        members.setdefault((root.namespace, what), []).append(piece)
    return tuple(_work(namespace, what, found) for (namespace, what), found in sorted(members.items()))


def _root(piece: Piece, known: Mapping[str, Piece]) -> Piece:
    walked = {piece.uid}
    while piece.owner in known and piece.owner not in walked:
        walked.add(piece.owner)
        piece = known[piece.owner]
    return piece


def _work(namespace: str, what: str, found: list[Piece]) -> Work:
    pods = [piece for piece in found if piece.kind == "Pod"]
    top = next((piece for piece in found if f"{piece.kind} {piece.name}" == what), found[0])
    asks = top.asks or next((piece.asks for piece in found if piece.asks), {})
    holds = together(pod.asks for pod in pods)
    return Work(namespace, what, "" if top.owner else top.made_by, len(pods), holds, asks)
