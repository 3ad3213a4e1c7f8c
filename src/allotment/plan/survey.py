"""First look: every live object against the desired ones, in one pass, so that a cluster is never held in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from allotment.model import labels
from allotment.model.manifest import Body, Manifest, ObjectKey, key_of
from allotment.plan.additions import additions
from allotment.plan.adoption.record import is_adopted
from allotment.plan.compare import settled
from allotment.plan.fields import Owner, Ownership, Path, is_ours, owners_of, ownership_of
from allotment.plan.order import DEFAULT_ACCOUNT
from allotment.plan.syncing import is_declared_by

_LABELS: Final = ("f:metadata", "f:labels")
_PLATFORM_LABEL: Final = (*_LABELS, f"f:{labels.PLATFORM}")
_OURSELVES: Final = frozenset({labels.FIELD_MANAGER, labels.WRITE_MANAGER, labels.ADOPTING_MANAGER})
_IDENTITY: Final = (labels.PLATFORM, labels.MANAGED_BY, labels.TENANT)
"""Labels that say whose an object is, the last on namespaces."""


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
        disguised: they carry our labels, and are not ours (`plan.disguised`).
        unproven: namespaces that we may have made or not (`plan.proof`), and what carries our labels in them.
        unchanged: how many are as desired.
    """

    absent: tuple[Manifest, ...]
    different: tuple[Different, ...]
    foreign: tuple[tuple[Manifest, Body], ...]
    leaving: tuple[Manifest, ...]
    surplus: tuple[Body, ...]
    unchanged: int
    disguised: tuple[Body, ...] = ()
    unproven: tuple[Body, ...] = ()


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
        unproven=tuple(item for part in parts for item in part.unproven),
    )


def spaces_going(found: Survey) -> tuple[Body, ...]:
    """Our namespaces that nobody declares any more, and that do not go back to whom they were taken from."""
    return tuple(body for body in _undeclared_spaces(found) if not is_adopted(body))


def spaces_given_back(found: Survey) -> tuple[Body, ...]:
    """Namespaces that were taken over and that nobody declares: never emptied, they go back with all that is there."""
    return tuple(body for body in _undeclared_spaces(found) if is_adopted(body))


def _undeclared_spaces(found: Survey) -> Iterator[Body]:
    return (body for body in found.surplus if body["kind"] == "Namespace" and not is_being_deleted(body))


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
                if is_applied(body):
                    surplus.append(_without_managed_fields(body))
                else:
                    disguised.append(body)
        elif is_being_deleted(body):
            leaving.append(manifest)
        elif not (
            belongs_to(body, platform) or is_adoptable(manifest.key) or manifest.key in taken or is_copy(manifest, body)
        ):
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
    """Whether somebody put our labels there who declares objects: we, a GitOps tool, or a person with `kubectl apply`.

    A label alone proves nothing. Whoever may label an object can write ours, and a controller writes what stands in a
    template, which may be a tenant's: by the labels of a tenant's StatefulSet its claims would go with their data.
    """
    marks = body["metadata"].get("labels") or {}
    authors = [
        {owner.manager for owner in owners_of(body, (*_LABELS, f"f:{key}")) if _declares(owner)}
        for key in _IDENTITY
        if key in marks
    ]
    return _is_applied_by_us(body) or (bool(authors) and bool(set.intersection(*authors)))


def _declares(owner: Owner) -> bool:
    return owner.manager in _OURSELVES or is_declared_by(owner)


def _is_applied_by_us(body: Body) -> bool:
    return any(is_ours(entry) for entry in body["metadata"].get("managedFields") or ())


def belongs_to(body: Body, platform: str) -> bool:
    """Whether a live object is ours to change.

    It is if it carries our platform's label. It is, too, if our apply owns fields of it and somebody took the label off
    or rewrote it; but if the other value was applied by Allotment, the object is another platform's. With a namespace
    would go all that is in it, so it has to carry the label, applied: anybody may apply one field of it in our name.
    """
    label = (body["metadata"].get("labels") or {}).get(labels.PLATFORM)
    if body["kind"] == "Namespace":
        return label == platform and is_applied(body)
    if label == platform:
        return True
    owners = owners_of(body, _PLATFORM_LABEL)
    return _is_applied_by_us(body) and (label is None or all(owner.manager != labels.FIELD_MANAGER for owner in owners))


def is_copy(manifest: Manifest, body: Body) -> bool:
    """Whether a namespace has every label and annotation that is declared: ours, as a backup's restore leaves it."""
    wanted, found = manifest.body["metadata"], body["metadata"]
    return manifest.key.kind == "Namespace" and all(
        (wanted.get(field) or {}).items() <= (found.get(field) or {}).items() for field in ("annotations", "labels")
    )


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
