"""`render`: what was written."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import click

from allotment.adapters.folders import Written
from allotment.cli.calling import typed
from allotment.cli.table import Column, table_text
from allotment.cli.views.amounts import count
from allotment.cli.views.diffs import next_steps
from allotment.errors import shown
from allotment.model.manifest import Family, Manifests
from allotment.operations.rendering import Rendered
from allotment.render.yaml_text import to_documents


def tree_text(out: str, rendered: Rendered, written: Written, *, versioned: bool) -> str:
    """A headline, objects by family and cluster, and what to do with the tree.

    Args:
        out: where the tree lies.
        rendered: what it holds.
        written: what writing it did.
        versioned: whether it lies in a repository already.
    """
    changes = ", ".join(
        f"{number} {word}"
        for number, word in (
            (len(written.added), "added"),
            (len(written.changed), "changed"),
            (len(written.removed), "removed"),
            (written.unchanged, "unchanged"),
        )
        if number
    )
    headline = (
        f"{click.style('rendered', fg='green', bold=True)}: {count(len(rendered.files), 'file')} in {shown(out)} "
        f"for {count(len(rendered.clusters), 'cluster')} ({changes})"
    )
    blocks = [headline, _by_family(rendered)]
    cluster = rendered.clusters[0].cluster if rendered.clusters else ""
    if cluster:
        place = typed(out)
        start = "" if versioned else f"git init {place} && "
        blocks.append(
            next_steps(
                [
                    (f"kustomize build {place}/clusters/{cluster}", "what a cluster gets"),
                    (f"{start}git -C {place} add . && git -C {place} commit", "hand it to Flux or Argo CD"),
                ]
            )
        )
    return "\n\n".join(blocks)


def _by_family(rendered: Rendered) -> str:
    counts = {manifests.cluster: Counter(manifest.family for manifest in manifests) for manifests in rendered.clusters}
    families = [family for family in Family if any(each[family] for each in counts.values())]

    def number_in(cluster: str) -> Column[Family]:
        return Column(cluster, lambda family: counts[cluster][family])

    columns: tuple[Column[Family], ...] = (Column("OBJECTS", lambda family: family.value),)
    shown = list(counts)[:_WIDEST]
    table = table_text((*columns, *(number_in(cluster) for cluster in shown)), families, width=None)
    left = len(counts) - len(shown)
    return table + (f"\n… and {count(left, 'cluster')} more" if left else "")


_WIDEST = 6
"""Clusters side by side; more would not fit a screen."""


def tree_document(out: str, rendered: Rendered, written: Written) -> Mapping[str, Any]:
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
    }


def objects_text(manifests: Manifests, form: str) -> str:
    """A cluster's objects: YAML documents, a Kubernetes List, or their names."""
    if form == "json":
        items = [manifest.body for manifest in manifests]
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=2, ensure_ascii=False)
    if form == "name":
        return "\n".join(str(manifest.key) for manifest in manifests)
    return to_documents(manifest.body for manifest in manifests).rstrip("\n")
