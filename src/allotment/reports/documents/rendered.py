"""A rendered tree as JSON: what was written, and what clusters lose by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from allotment.operations.directory.rendering import Rendered
from allotment.ports.files import Written
from allotment.render.pruning import Loss


def tree_document(out: str, rendered: Rendered, written: Written, lost: Sequence[Loss]) -> Mapping[str, Any]:
    """The same as JSON."""
    return {
        "kind": "RenderedTree",
        "directory": out,
        "files": list(rendered.files),
        "added": written.added,
        "changed": written.changed,
        "removed": written.removed,
        "unchanged": written.unchanged,
        "clusters": [{"name": manifests.cluster, "objects": len(manifests.objects)} for manifests in rendered.clusters],
        "lost": [
            {
                "cluster": loss.cluster,
                "left": loss.left,
                "deleted": [str(key) for key in loss.deleted],
                "kept": [str(key) for key in loss.kept],
            }
            for loss in lost
        ],
    }
