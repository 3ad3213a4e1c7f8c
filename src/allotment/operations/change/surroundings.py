"""Use case: what is in a cluster beside our objects? One list a kind is read here; what it means is decided in plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from allotment.model.manifest import Body
from allotment.operations.change.planning import WORKERS, side_by_side
from allotment.plan.leaving import TOKENS
from allotment.plan.strangers.grounds import Grounds
from allotment.plan.strangers.kept import kept_bindings
from allotment.plan.strangers.look import strangers
from allotment.plan.strangers.stranger import Live, Surroundings, Unread
from allotment.ports.kube import AccessRefusedError, KubePort

_RBAC: Final = "rbac.authorization.k8s.io/v1"
_ADMISSION: Final = "admissionregistration.k8s.io/v1"
_SECRET: Final = "Secret"  # noqa: S105 (a kind)
_WRITE: Final = ("manager", "subresource", "time")

Wanted = Callable[[Body, Grounds], bool]


def _everything(_body: Body, _around: Grounds) -> bool:
    return True


def _in_a_team(body: Body, around: Grounds) -> bool:
    return body["metadata"]["namespace"] in around.tenancies


def _in_a_team_or_exempt(body: Body, around: Grounds) -> bool:
    return _in_a_team(body, around) or body["metadata"]["namespace"] in around.exempt


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind to read, and which of its objects matter: the rest is not kept.

    Attributes:
        api_version: empty for Kueue's, which the cluster says.
    """

    api_version: str
    kind: str
    wanted: Wanted = _everything


KINDS: Final = (
    _Kind(_RBAC, "ClusterRole"),
    _Kind(_RBAC, "ClusterRoleBinding"),
    _Kind(_RBAC, "Role", _in_a_team_or_exempt),
    _Kind(_RBAC, "RoleBinding", _in_a_team_or_exempt),
    _Kind("v1", "LimitRange", _in_a_team),
    _Kind("v1", "Namespace"),
    _Kind("v1", "ResourceQuota", _in_a_team),
    _Kind("v1", _SECRET, _in_a_team),
    _Kind("v1", "ServiceAccount", _in_a_team),
    _Kind("networking.k8s.io/v1", "NetworkPolicy", _in_a_team),
    _Kind("scheduling.k8s.io/v1", "PriorityClass"),
    _Kind("", "ClusterQueue"),
    _Kind("", "Cohort"),
    _Kind("", "LocalQueue", _in_a_team),
    _Kind(_ADMISSION, "MutatingAdmissionPolicyBinding"),
    _Kind(_ADMISSION, "MutatingWebhookConfiguration"),
    _Kind(_ADMISSION, "ValidatingAdmissionPolicyBinding"),
    _Kind(_ADMISSION, "ValidatingWebhookConfiguration"),
)


def look_around(kube: KubePort, around: Grounds, workers: int = WORKERS) -> Surroundings:
    """Read what lies beside our objects, and judge it. Changes nothing; a kind that we may not list is said.

    Raises:
        UnreachableError: the server does not answer.
        NotSignedInError: no valid credentials.
        RefusedError: it refuses for another reason than missing rights.
    """
    read = side_by_side(lambda kind: _read(kube, kind, around), KINDS, workers)
    live = {kind.kind: found for kind, found in zip(KINDS, read, strict=True) if not isinstance(found, Unread)}
    unread = tuple(found for found in read if isinstance(found, Unread))
    return Surroundings(strangers(Live(live), around), unread, tuple(kept_bindings(Live(live), around)))


def _read(kube: KubePort, kind: _Kind, around: Grounds) -> tuple[Body, ...] | Unread:
    try:
        return _kept(kind, _listed(kube, kind, around), around)
    except AccessRefusedError as error:
        # Reading the Secrets of all namespaces is as much as owning the cluster: who may not may still look here.
        return Unread(kind.kind, error.message) if kind.kind != _SECRET else _in_each_team(kube, kind, around)


def _in_each_team(kube: KubePort, kind: _Kind, around: Grounds) -> tuple[Body, ...] | Unread:
    try:
        bodies = [body for name in sorted(around.tenancies) for body in _tokens(kube, kind, name)]
        return _kept(kind, bodies, around)
    except AccessRefusedError as error:
        return Unread(kind.kind, error.message)


def _listed(kube: KubePort, kind: _Kind, around: Grounds) -> Iterator[Body]:
    if kind.kind == _SECRET:
        return _tokens(kube, kind, "")
    return kube.list(kind.api_version or around.kueue_api, kind.kind)


def _tokens(kube: KubePort, kind: _Kind, namespace: str) -> Iterator[Body]:
    return kube.list_metadata(kind.api_version, kind.kind, namespace=namespace, fields=TOKENS)


def _kept(kind: _Kind, bodies: Iterable[Body], around: Grounds) -> tuple[Body, ...]:
    return tuple(_bare(body) for body in bodies if kind.wanted(body, around))


def _bare(body: Body) -> Body:
    """Without the long lists of fields: who wrote it when is enough."""
    metadata = body["metadata"]
    writes = [{key: entry.get(key) for key in _WRITE} for entry in metadata.get("managedFields") or ()]
    return {**body, "metadata": {**metadata, "managedFields": writes}}
