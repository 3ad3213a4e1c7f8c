"""What a node lacks to belong to a declared pool: labels and taints to set, as an act of its own and never by apply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from allotment.model import labels
from allotment.model.cluster import Taint, TaintEffect
from allotment.plan.nodes import DeclaredPool, Node, devices_of, labels_of, taints_of

Pod = Mapping[str, Any]
"""A Pod as JSON."""


@dataclass(frozen=True, slots=True)
class NodeEdit:
    """What a node lacks to belong to a pool.

    Attributes:
        labels: (key, value now or None, value wanted), only what differs.
        taints: to add.
        all_taints: the node's own and those to add, as the node will carry them; the API has no way to add one.
        resource_version: of the node that was looked at.
        remark: what labels cannot put right; empty if nothing.
        intolerant: pods on the node (``namespace/name``) that do not tolerate the taints to add.
    """

    node: str
    resource_version: str
    labels: tuple[tuple[str, str | None, str], ...]
    taints: tuple[Taint, ...]
    all_taints: tuple[Mapping[str, Any], ...]
    remark: str
    intolerant: tuple[str, ...] = ()

    @property
    def evicts(self) -> bool:
        """Whether running pods have to leave the node."""
        return any(taint.effect is TaintEffect.NO_EXECUTE for taint in self.taints)

    @property
    def closes(self) -> bool:
        """Whether pods that ran here may find the node closed to them."""
        return any(taint.effect is not TaintEffect.PREFER_NO_SCHEDULE for taint in self.taints)

    @property
    def patch(self) -> Mapping[str, Any]:
        """The merge patch; refused by the server if the node's taints may have changed since."""
        metadata: dict[str, Any] = {"labels": {key: new for key, _, new in self.labels}}
        if not self.taints:
            return {"metadata": metadata}
        metadata["resourceVersion"] = self.resource_version
        return {"metadata": metadata, "spec": {"taints": list(self.all_taints)}}

    @property
    def empty(self) -> bool:
        """Whether the node carries everything already."""
        return not self.labels and not self.taints


@dataclass(frozen=True, slots=True)
class PoolEdits:
    """Nodes that shall belong to a pool, those that lack nothing included.

    Attributes:
        unknown: why nobody looked at the pods on the nodes, if so.
    """

    pool: DeclaredPool
    edits: tuple[NodeEdit, ...]
    unknown: str = ""

    @property
    def wanting(self) -> tuple[NodeEdit, ...]:
        """Those that lack something."""
        return tuple(edit for edit in self.edits if not edit.empty)


def edit_for(pool: DeclaredPool, node: Node) -> NodeEdit:
    """The labels and taints to set so that a node is one of the pool's.

    Labels outside our domain that the flavor selects by are feature discovery's to set: set by hand they would claim a
    device that may not be there.
    """
    found, present = labels_of(node), taints_of(node)
    foreign = {key for key in pool.selected if not key.startswith(f"{labels.DOMAIN}/")}
    wanted = {**pool.labels, labels.NODE_POOL: pool.name}
    changes = tuple(
        (key, found.get(key), value)
        for key, value in sorted(wanted.items())
        if key not in foreign and found.get(key) != value
    )
    missing = tuple(taint for taint in pool.taints if taint not in present)
    own = [item for item in (node.get("spec") or {}).get("taints") or () if _is_other(item, missing)]
    added = [{"key": taint.key, "value": taint.value, "effect": taint.effect.value} for taint in missing]
    return NodeEdit(
        node=node["metadata"]["name"],
        resource_version=node["metadata"].get("resourceVersion", ""),
        labels=changes,
        taints=missing,
        all_taints=(*own, *added),
        remark=_remark(pool, node, foreign),
    )


def with_intolerant(edits: PoolEdits, pods: Iterable[Pod]) -> PoolEdits:
    """The edits, naming the pods that run where a taint is added which they do not tolerate."""
    closing = {edit.node: edit for edit in edits.wanting if edit.closes}
    found: dict[str, list[str]] = {}
    for pod in pods:
        edit = closing.get((pod.get("spec") or {}).get("nodeName") or "")
        if edit is not None and _runs(pod) and not all(_tolerated(pod, taint) for taint in edit.taints):
            found.setdefault(edit.node, []).append(f"{pod['metadata']['namespace']}/{pod['metadata']['name']}")
    named = (replace(edit, intolerant=tuple(sorted(found.get(edit.node, ())))) for edit in edits.edits)
    return replace(edits, edits=tuple(named))


def _runs(pod: Pod) -> bool:
    return (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")


def _tolerated(pod: Pod, taint: Taint) -> bool:
    """Kubernetes' rule: an empty key with Exists, and an empty effect, match every one."""
    if taint.effect is TaintEffect.PREFER_NO_SCHEDULE:
        return True
    return any(
        item.get("effect") in (None, "", taint.effect.value)
        and (
            item.get("key") in (None, "", taint.key)
            if item.get("operator") == "Exists"
            else (item.get("key"), item.get("value") or "") == (taint.key, taint.value)
        )
        for item in (pod.get("spec") or {}).get("tolerations") or ()
    )


def _is_other(item: Mapping[str, Any], added: tuple[Taint, ...]) -> bool:
    """Whether a taint stays beside those that are added: a node has one for each key and effect."""
    return all((item.get("key"), item.get("effect")) != (taint.key, taint.effect.value) for taint in added)


def _remark(pool: DeclaredPool, node: Node, foreign: set[str]) -> str:
    said = []
    number = devices_of(node, pool.resource)
    if number != pool.devices:
        said.append(f"it offers {number} {pool.resource}, the pool declares {pool.devices}")
    found = labels_of(node)
    absent = sorted(key for key in foreign if found.get(key) != pool.selected[key])
    said += [f"label {key}={pool.selected[key]} is not ours to set, and {pool.flavor} selects by it" for key in absent]
    return "; ".join(said)
