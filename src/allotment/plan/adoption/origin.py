"""Whose an object is: what package managers, GitOps controllers and field managers left on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from allotment.model import labels
from allotment.model.labels import FIELD_MANAGER
from allotment.model.manifest import Body


class OriginKind(StrEnum):
    """Who declares it, in their own words."""

    HELM = "Helm release"
    ARGO = "Argo CD application"
    FLUX = "Flux Kustomization"
    FLUX_HELM = "Flux HelmRelease"
    PLATFORM = "Allotment platform"
    OWNER = "owner"
    MANAGER = "field manager"


@dataclass(frozen=True, slots=True)
class Origin:
    """Somebody who has an object in hand.

    Attributes:
        name: of the release, application, object or manager; ``namespace/name`` where they have one.
        since: when a field manager last wrote, RFC 3339; empty for the others, and if unknown.
    """

    kind: OriginKind
    name: str
    since: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value} {self.name}{f' since {self.since}' if self.since else ''}"

    @property
    def goes_on(self) -> str:
        """What they will do with an object that was taken over, and how to end it; empty if nothing."""
        return _GOING_ON.get(self.kind, "").format(name=self.name)


_GOING_ON: Final = {
    OriginKind.HELM: (
        "the release {name} still declares it: the next `helm upgrade` writes over it, and `helm uninstall` deletes "
        "it, until the chart leaves it out (annotate it helm.sh/resource-policy=keep first)"
    ),
    OriginKind.ARGO: (
        "the application {name} still declares it: a sync writes over it or prunes it, until its source leaves it out "
        "(annotate it argocd.argoproj.io/sync-options=Prune=false first)"
    ),
    OriginKind.FLUX: (
        "the Kustomization {name} still declares it: a reconciliation writes over it or prunes it, until its source "
        "leaves it out (annotate it kustomize.toolkit.fluxcd.io/prune=disabled first)"
    ),
    OriginKind.FLUX_HELM: (
        "the HelmRelease {name} still declares it: an upgrade writes over it, and an uninstallation deletes it, until "
        "the chart leaves it out (annotate it helm.sh/resource-policy=keep first)"
    ),
    OriginKind.OWNER: "it is deleted together with {name}, whose dependent it is",
}

_HELM_RELEASE: Final = "meta.helm.sh/release-name"
_HELM_NAMESPACE: Final = "meta.helm.sh/release-namespace"
_ARGO_ID: Final = "argocd.argoproj.io/tracking-id"
_ARGO_LABEL: Final = "argocd.argoproj.io/instance"
_FLUX: Final = "kustomize.toolkit.fluxcd.io"
_FLUX_HELM: Final = "helm.toolkit.fluxcd.io"


def origins_of(body: Body) -> tuple[Origin, ...]:
    """Everybody who has the object in hand, those first who will write to it again."""
    return (*_declared(body), *_owners(body), *_managers(body))


def _declared(body: Body) -> Iterator[Origin]:
    marks: Mapping[str, str] = body["metadata"].get("labels") or {}
    notes: Mapping[str, str] = body["metadata"].get("annotations") or {}
    if (release := notes.get(_HELM_RELEASE)) or marks.get(labels.MANAGED_BY) == "Helm":
        yield Origin(OriginKind.HELM, _joined(notes.get(_HELM_NAMESPACE), release or "of unknown name"))
    application = notes.get(_ARGO_ID, "").partition(":")[0] or marks.get(_ARGO_LABEL)
    if application:
        yield Origin(OriginKind.ARGO, application)
    for kind, prefix in ((OriginKind.FLUX, _FLUX), (OriginKind.FLUX_HELM, _FLUX_HELM)):
        if name := marks.get(f"{prefix}/name"):
            yield Origin(kind, _joined(marks.get(f"{prefix}/namespace"), name))
    if platform := marks.get(labels.PLATFORM):
        yield Origin(OriginKind.PLATFORM, platform)


def _owners(body: Body) -> Iterator[Origin]:
    for owner in body["metadata"].get("ownerReferences") or ():
        yield Origin(OriginKind.OWNER, f"{owner.get('kind', '')} {owner.get('name', '')}")


def _managers(body: Body) -> Iterator[Origin]:
    """Field managers, the latest first; who only writes status declares nothing."""
    latest: dict[str, str] = {}
    for entry in body["metadata"].get("managedFields") or ():
        manager, since = str(entry.get("manager", "")), str(entry.get("time") or "")
        if not entry.get("subresource") and manager not in (FIELD_MANAGER, labels.ADOPTING_MANAGER):
            latest[manager] = max(since, latest.get(manager, ""))
    for manager, since in sorted(latest.items(), key=lambda item: (item[1], item[0]), reverse=True):
        yield Origin(OriginKind.MANAGER, manager or "of unknown name", since)


def _joined(namespace: str | None, name: str) -> str:
    return f"{namespace}/{name}" if namespace else name
