"""Tools that apply a tree from Git: how their hand is told, and what they will do about a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from allotment.model.manifest import Body, ObjectKey, key_of
from allotment.plan.changes import Change, Conflict, Delete, PlanWarning, Update, WarningCode
from allotment.plan.fields import Owner, Path, owners_of

TOOLS: Final = {
    "argocd-controller": "Argo CD",
    "argocd-application-controller": "Argo CD",
    "kustomize-controller": "Flux",
    "flux": "Flux",
}
"""Tool by field manager; the second is what Argo CD before 2.5 wrote as."""

_CLIENT_SIDE: Final = frozenset(
    {
        "argocd-application-controller",
        "argocd-controller",
        "kubectl-client-side-apply",
        "kubectl-create",
        "kubectl-replace",
    }
)
"""Field managers that declare whole objects without server-side apply; `kubectl label` and `kubectl edit` do not."""

_LABELS: Final[Path] = ("f:metadata", "f:labels")
_MARKS: Final = (
    ("annotations", "argocd.argoproj.io/tracking-id", "Argo CD"),
    ("labels", "kustomize.toolkit.fluxcd.io/name", "Flux"),
)
"""What a tool writes on an object that it keeps as its tree says."""


def is_declared_by(owner: Owner) -> bool:
    """Whether the owner set the field by applying a whole object, and not by an edit of a live one."""
    return owner.operation == "Apply" or owner.manager in _CLIENT_SIDE


def tool_of(body: Body) -> str:
    """The tool that applies the object; empty if none does."""
    for field, key, tool in _MARKS:
        if key in (body["metadata"].get(field) or {}):
            return tool
    owners = (owner for owner in owners_of(body, _LABELS) if is_declared_by(owner))
    return next((TOOLS[owner.manager] for owner in owners if owner.manager in TOOLS), "")


def resistance(changes: Iterable[Change], live: Iterable[Body]) -> Iterator[PlanWarning]:
    """What the tools will do about a plan: one warning for each tool that applies objects which the plan touches.

    Args:
        changes: the steps.
        live: the objects that they may touch, and perhaps others.
    """
    touched = {change.key for change in changes if isinstance(change, Update | Conflict | Delete)}
    kept: dict[str, list[ObjectKey]] = {}
    for body in live:
        tool = tool_of(body) if key_of(body) in touched else ""
        if tool:
            kept.setdefault(tool, []).append(key_of(body))
    for tool, keys in sorted(kept.items()):
        more = f" and {len(keys) - 1} more of this plan" if len(keys) > 1 else ""
        message = (
            f"{tool} keeps this{more} as its tree in Git says, and its next sync undoes what differs from that tree: "
            "render the tree and commit it"
        )
        yield PlanWarning(WarningCode.SYNCED, min(keys), message)
