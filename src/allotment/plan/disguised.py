"""What carries our labels and is not ours: it is left alone, and a person is told which labels to take off.

Whoever may label an object can write ours on it. So what a label alone says is never a reason to end work, to close a
door or to delete: not where nobody applied it, not in a namespace that is not ours, and nowhere in the system's. With a
namespace goes all that is in it, and who applied it is a word that anybody can choose: there it takes a proof.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Final

from allotment.model import labels
from allotment.model.manifest import Body, Manifests, key_of
from allotment.model.policy import PolicyName
from allotment.plan.changes import PlanWarning, WarningCode
from allotment.plan.fields import owners_of
from allotment.plan.proof import Gate
from allotment.plan.survey import Survey, spaces_going

_SYSTEMS: Final = ("kube-", "openshift-")
"""How namespaces begin that belong to the system, whatever the platform directory says; no team may have one."""
_CLUSTER_S: Final = frozenset({"default"})
"""The same, by name: work of everybody's lies in it, and no cluster is without it."""


def to_be_proven(found: Survey, exempt: Collection[str]) -> tuple[Body, ...]:
    """Namespaces that would go, unless they go back to whom they were taken from."""
    return tuple(body for body in spaces_going(found) if not _is_exempt(_space(body), exempt))


def set_apart(found: Survey, desired: Manifests, gate: Gate | None = None) -> Survey:
    """The survey with everything among the disguised, or the unproven, that lies outside of what can be ours.

    Args:
        found: of all kinds.
        desired: all that the directory has in the cluster.
        gate: what shows that a namespace is ours; None: the platform has no such policy, and who applied it counts.
    """
    if gate is not None:
        found = _without_unproven(found, desired.exempt, gate)
    homes = _homes(found, desired)

    def is_apart(body: Body) -> bool:
        space = _space(body)
        return _is_exempt(space, desired.exempt) or (bool(space) and space not in homes)

    apart = tuple(body for body in found.surplus if is_apart(body))
    ours = tuple(body for body in found.surplus if not is_apart(body))
    return replace(found, surplus=ours, disguised=(*found.disguised, *apart))


def _homes(found: Survey, desired: Manifests) -> frozenset[str]:
    """Namespaces in which something undeclared can be ours: those of the directory, and ours that it has no more."""
    declared = (key.name if key.kind == "Namespace" else key.namespace for key in (item.key for item in desired))
    ours = (body["metadata"]["name"] for body in found.surplus if body["kind"] == "Namespace")
    return frozenset((*declared, *ours))


def _without_unproven(found: Survey, exempt: Collection[str], gate: Gate) -> Survey:
    unproven = {_space(body) for body in to_be_proven(found, exempt) if not gate.proves(body)}
    if not unproven:
        return found
    apart = tuple(body for body in found.surplus if _space(body) in unproven)
    ours = tuple(body for body in found.surplus if _space(body) not in unproven)
    return replace(found, surplus=ours, unproven=(*found.unproven, *apart))


def warnings(found: Survey, desired: Manifests) -> Iterator[PlanWarning]:
    """What is said of each disguised object, and of each unproven namespace, of a survey that was set apart."""
    within = Counter(_space(body) for body in found.unproven if body["kind"] != "Namespace")
    for body in found.unproven:
        if body["kind"] == "Namespace":
            yield PlanWarning(WarningCode.DISGUISED, key_of(body), _unproven(body, within[_space(body)]))
    homes = _homes(found, desired)
    for body in found.disguised:
        yield PlanWarning(WarningCode.DISGUISED, key_of(body), _message(body, desired.exempt, homes))


def without_marks(body: Body) -> str:
    """The command that takes our labels off an object.

    Off a namespace they come by the manager of `allot adopt`: admission lets engineers disown none by another.
    """
    key = key_of(body)
    place = f" --namespace {key.namespace}" if key.namespace else ""
    kind = f"{key.kind.lower()}.{key.group}" if key.group else key.kind.lower()
    ours = sorted(name for name in body["metadata"].get("labels") or {} if _is_mark(name))
    by = f" --field-manager={labels.ADOPTING_MANAGER}" if key.kind == "Namespace" else ""
    return f"kubectl label {kind} {key.name}{place}{by} {' '.join(f'{name}-' for name in ours)}"


def authors(body: Body) -> str:
    """Who wrote them: `` (written by kubectl-label)``; empty if nobody is known."""
    found = owners_of(body, ("f:metadata", "f:labels", f"f:{labels.PLATFORM}"))
    names = sorted({owner.manager for owner in found if owner.manager})
    return f" (written by {', '.join(names)})" if names else ""


def _is_mark(name: str) -> bool:
    return name == labels.MANAGED_BY or name.startswith(f"{labels.DOMAIN}/")


def _message(body: Body, exempt: Collection[str], homes: Collection[str]) -> str:
    key, space = key_of(body), _space(body)
    is_space = key.kind == "Namespace"
    said = f"carries the platform's labels{authors(body)}, but"
    fix = f"take these labels off it: `{without_marks(body)}`"
    if _is_exempt(space, exempt):
        where = "is the system's" if is_space else f"lies in {space}, a namespace of the system"
        return f"{said} {where}, and nothing there is the platform's; {_LEFT}; {fix}"
    if is_space:
        return f"{said} nobody applied it with them, so it is not the platform's; {_LEFT}; {fix}; {_SYSTEMS_OWN}"
    if space and space not in homes:
        return f"{said} lies in the namespace {space}, which is not the platform's, and is left alone; {fix}"
    return (
        f"{said} nobody applied it with them, so it is not the platform's, and is left alone; {fix}, and take them out "
        "of the template that it comes from, if a controller made it"
    )


def _unproven(body: Body, within: int) -> str:
    name = body["metadata"]["name"]
    also = f" ({within} in it carr{'ies' if within == 1 else 'y'} them, too)" if within else ""
    return (
        f"carries the platform's labels{also}, and nobody declares it; but it is older than the policy "
        f"{PolicyName.NO_NAMESPACE_ADOPTION}, or that is not in force there, so nothing shows that the platform made "
        f"it; {_LEFT}; if it is to go, end its work and `kubectl delete namespace {name}`; if it is somebody's, take "
        f"these labels off it: `{without_marks(body)}`"
    )


_LEFT: Final = "no work is ended there, no access taken away, and nothing deleted"

_SYSTEMS_OWN: Final = "if it is the system's, name it in exemptNamespaces of the Platform document"


def _space(body: Body) -> str:
    """The namespace that an object is, or lies in."""
    key = key_of(body)
    return key.name if key.kind == "Namespace" else key.namespace


def _is_exempt(namespace: str, exempt: Collection[str]) -> bool:
    # The platform's own namespace is declared, and what is ours in it is ours to delete.
    if namespace == labels.SYSTEM_NAMESPACE:
        return False
    return namespace in exempt or namespace in _CLUSTER_S or namespace.startswith(_SYSTEMS)
