"""What lies in a namespace that is taken over, and stays its owner's: read once a kind, told, and written down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from allotment.model.manifest import Body, Manifests, key_of
from allotment.plan.adoption import around
from allotment.plan.adoption.left import role_of, written_down
from allotment.plan.leaving import TOKENS
from allotment.ports.kube import KubePort, RefusedError

_RBAC: Final = "rbac.authorization.k8s.io/v1"
_SECRET: Final = "Secret"  # noqa: S105 (a kind)
_KINDS: Final = (
    ("v1", "ResourceQuota"),
    ("v1", "LimitRange"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    (_RBAC, "Role"),
    (_RBAC, "RoleBinding"),
    ("v1", "ServiceAccount"),
    ("v1", _SECRET),
)
"""What is looked at later in namespaces of teams (`surroundings`), besides LocalQueues."""


@dataclass(frozen=True, slots=True)
class Staying:
    """What stays in one namespace.

    Attributes:
        remarks: in words, a kind each.
        kept: digests by entry (`left`); without what could not be read.
    """

    remarks: tuple[str, ...]
    kept: Mapping[str, str]


def staying(kube: KubePort, namespace: str, desired: Manifests) -> Staying:
    """What of a namespace stays as it is when that is taken over. Changes nothing; who may not look is told so."""
    found: dict[str, tuple[Body, ...]] = {}
    remarks: list[str] = []
    for api_version, kind in (*_KINDS, *((version, "LocalQueue") for version in _kueue_apis(desired))):
        try:
            found[kind] = (*found.get(kind, ()), *_listed(kube, api_version, kind, namespace))
        except RefusedError as error:
            remarks.append(_unread(kind, error))
    roles = {key_of(body): body for body in found["Role"]} if "Role" in found else None
    left = {kind: around.undeclared(bodies, desired) for kind, bodies in found.items()}
    if roles is None and any(role_of(body) for body in left.get("RoleBinding", ())):
        remarks.append("bindings to Roles count as not ours afterwards, since what these give could not be read")
    told = (around.beside(kind, bodies) for kind, bodies in left.items())
    kept = written_down((body for bodies in left.values() for body in bodies), roles)
    return Staying((*filter(None, told), *remarks), kept)


def _kueue_apis(desired: Manifests) -> list[str]:
    return sorted({item.api_version for item in desired if item.key.kind == "ClusterQueue"})


def _listed(kube: KubePort, api_version: str, kind: str, namespace: str) -> Iterator[Body]:
    if kind == _SECRET:
        return kube.list_metadata(api_version, kind, namespace=namespace, fields=TOKENS)
    return kube.list(api_version, kind, namespace=namespace)


def _unread(kind: str, error: RefusedError) -> str:
    return f"what there is of {kind} could not be read, and counts as not ours afterwards: {error.message}"
