"""First look: every live object against the desired ones, in one pass, so that a cluster is never held in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from allotment.model import labels
from allotment.model.manifest import Manifest, ObjectKey, key_of
from allotment.plan.additions import additions
from allotment.plan.compare import settled
from allotment.plan.fields import Ownership, Path, is_ours, owners_of, ownership_of
from allotment.plan.order import DEFAULT_ACCOUNT

Body = Mapping[str, Any]

_PLATFORM_LABEL: Final = ("f:metadata", "f:labels", f"f:{labels.PLATFORM}")
_APPLIERS: Final = (labels.FIELD_MANAGER, "argocd-", "kubectl")
"""Field managers, by how they begin, that declare objects without server-side apply."""


@dataclass(frozen=True, slots=True)
class Different:
    """A desired object whose live state may differ; the server's dry run decides.

    Attributes:
        added: what is live and not declared, in an object that is ours whole.
    """

    manifest: Manifest
    live: Body
    ownership: Ownership
    added: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found.

    Attributes:
        absent: desired, not live.
        different: desired and ours, not settled.
        foreign: desired, but the live object is somebody else's.
        leaving: desired, but the live object is being deleted.
        surplus: ours, no longer desired, without their managed fields.
        disguised: they carry our labels, but nobody applied them: a controller made them out of somebody's template.
        unchanged: how many are as desired.
    """

    absent: tuple[Manifest, ...]
    different: tuple[Different, ...]
    foreign: tuple[tuple[Manifest, Body], ...]
    leaving: tuple[Manifest, ...]
    surplus: tuple[Body, ...]
    unchanged: int
    disguised: tuple[Body, ...] = ()


def merged(surveys: Iterable[Survey]) -> Survey:
    """Surveys of disjoint kinds as one."""
    parts = tuple(surveys)
    return Survey(
        absent=tuple(item for part in parts for item in part.absent),
        different=tuple(item for part in parts for item in part.different),
        foreign=tuple(item for part in parts for item in part.foreign),
        leaving=tuple(item for part in parts for item in part.leaving),
        surplus=tuple(item for part in parts for item in part.surplus),
        unchanged=sum(part.unchanged for part in parts),
        disguised=tuple(item for part in parts for item in part.disguised),
    )


def survey(
    desired: Iterable[Manifest], live: Iterable[Body], platform: str, taken: frozenset[ObjectKey] = frozenset()
) -> Survey:
    """Sort live objects by what they mean for the desired ones.

    Args:
        desired: what the cluster should hold.
        live: every object that carries the platform's label, and every other one that has the name of a desired
            one; further objects do no harm. Each object once, in the version it is desired in. Empty for a cluster
            that is not there yet.
        platform: name of the platform, which is the value of the inventory label.
        taken: objects that count as ours whoever made them.
    """
    wanted = {manifest.key: manifest for manifest in desired}
    different: list[Different] = []
    foreign: list[tuple[Manifest, Body]] = []
    leaving: list[Manifest] = []
    surplus: list[Body] = []
    disguised: list[Body] = []
    unchanged = 0
    for body in live:
        manifest = wanted.pop(key_of(body), None)
        if manifest is None:
            if in_inventory(body, platform):
                (surplus if is_applied(body) else disguised).append(_without_managed_fields(body))
        elif is_being_deleted(body):
            leaving.append(manifest)
        elif not (belongs_to(body, platform) or is_adoptable(manifest.key) or manifest.key in taken):
            foreign.append((manifest, body))
        else:
            ownership = ownership_of(body)
            added = additions(manifest.body, body, ownership.shape)
            if settled(manifest.body, body, ownership) and not added:
                unchanged += 1
            else:
                different.append(Different(manifest, body, ownership, added))
    return Survey(
        tuple(wanted.values()),
        tuple(different),
        tuple(foreign),
        tuple(leaving),
        tuple(surplus),
        unchanged,
        tuple(disguised),
    )


def in_inventory(body: Body, platform: str) -> bool:
    """Whether the object says that we manage it, and for this platform."""
    found = body["metadata"].get("labels") or {}
    return found.get(labels.PLATFORM) == platform and found.get(labels.MANAGED_BY) == labels.MANAGED_BY_VALUE


def is_applied(body: Body) -> bool:
    """Whether somebody put our label there who declares objects: we, a GitOps tool, or a person with kubectl.

    A controller writes what stands in a template, and a template may be a tenant's: to go by the label alone would
    delete the claims of a tenant's StatefulSet with their data.
    """
    owners = owners_of(body, _PLATFORM_LABEL)
    return not owners or any(owner.operation == "Apply" or owner.manager.startswith(_APPLIERS) for owner in owners)


def belongs_to(body: Body, platform: str) -> bool:
    """Whether a live object is ours to change.

    It is if it carries our platform's label. It is, too, if our apply owns fields of it and somebody took the label
    off or rewrote it; but if the other value was applied by Allotment, the object is another platform's.
    """
    label = (body["metadata"].get("labels") or {}).get(labels.PLATFORM)
    if label == platform:
        return True
    applied = any(is_ours(entry) for entry in body["metadata"].get("managedFields") or ())
    owners = owners_of(body, _PLATFORM_LABEL)
    return applied and (label is None or all(owner.manager != labels.FIELD_MANAGER for owner in owners))


def is_adoptable(key: ObjectKey) -> bool:
    """Whether an object may be taken over though we did not create it.

    Only the ServiceAccount ``default``: Kubernetes puts it into every namespace, ours among them, and often before
    we do.
    """
    return (key.group, key.kind, key.name) == ("", "ServiceAccount", DEFAULT_ACCOUNT)


def is_being_deleted(body: Body) -> bool:
    """Whether the object waits for its finalizers."""
    return "deletionTimestamp" in body["metadata"]


def _without_managed_fields(body: Body) -> Body:
    metadata = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    return {**body, "metadata": metadata}
