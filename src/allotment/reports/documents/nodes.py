"""Nodes that are labelled for a pool, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from allotment.plan.labelling import NodeEdit, PoolEdits


def labelling_document(edits: PoolEdits, rows: Sequence[NodeEdit], *, done: bool) -> Mapping[str, Any]:
    """The whole as JSON."""
    return {
        "kind": "NodeLabelling",
        "pool": edits.pool.name,
        "done": done,
        "nodes": [node_document(row) for row in rows],
    }


def node_document(edit: NodeEdit) -> Mapping[str, Any]:
    """What a node lacks, or got."""
    return {
        "node": edit.node,
        "labels": {key: {"old": old, "new": new} for key, old, new in edit.labels},
        "taints": [{"key": taint.key, "value": taint.value, "effect": taint.effect.value} for taint in edit.taints],
        "remark": edit.remark,
        "intolerant": list(edit.intolerant),
    }
