"""The class of pods that name none: a cluster has one, and it may be somebody else's already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from allotment.model.manifest import Body, Manifest, Manifests, key_of
from allotment.plan.changes import PlanWarning, WarningCode
from allotment.plan.work_found import made_by


def beside_foreign_default(desired: Manifests, live: Iterable[Body]) -> tuple[Manifests, tuple[PlanWarning, ...]]:
    """What can be had of the ladder while another class is the cluster's default.

    The server takes a second default from nobody. Without that mark our class is made all the same, so that work can
    name it; work that names none gets the other class until somebody has taken the mark off it.
    """
    ours = {manifest.key for manifest in desired if manifest.key.kind == "PriorityClass"}
    wanted = [manifest for manifest in desired if _is_default(manifest.body) and manifest.key in ours]
    other = next((body for body in live if _is_default(body) and key_of(body) not in ours), None)
    if other is None or not wanted:
        return desired, ()
    name = wanted[0].key.name
    by = made_by(other["metadata"])
    theirs = other["metadata"]["name"]
    message = (
        f"is the cluster's default already{f' (by {by})' if by else ''}, value {other.get('value', 0)}: a cluster has "
        f"one, so {name} is made without globalDefault, and pods that name no class get {theirs}, which "
        f"priority-from-ladder refuses to people. Take the mark off where {theirs} is declared, or by kubectl patch "
        f"priorityclass {theirs} --type=merge -p '{{\"globalDefault\":false}}'; then apply again"
    )
    changed = tuple(_without_mark(manifest) if manifest in wanted else manifest for manifest in desired)
    return replace(desired, objects=changed), (PlanWarning(WarningCode.FOREIGN_DEFAULT, key_of(other), message),)


def _is_default(body: Body) -> bool:
    return body["kind"] == "PriorityClass" and body.get("globalDefault") is True


def _without_mark(manifest: Manifest) -> Manifest:
    return replace(manifest, body={**manifest.body, "globalDefault": False})
