"""`render`: what was written."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import click

from allotment.cli.commands.change.diffs import next_steps
from allotment.cli.shell.calling import typed
from allotment.cli.shell.table import Column, table_text
from allotment.errors import shown
from allotment.model.grammar import count
from allotment.model.manifest import Family, Manifests, ObjectKey
from allotment.operations.directory.rendering import Rendered
from allotment.ports.files import Written
from allotment.render.pruning import Loss
from allotment.render.yaml_text import to_documents


def tree_text(out: str, rendered: Rendered, written: Written, lost: Sequence[Loss], *, versioned: bool) -> str:
    """A headline, objects by family and cluster, and what to do with the tree.

    Args:
        out: where the tree lies.
        rendered: what it holds.
        written: what writing it did.
        lost: what the clusters lose by it.
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
    if lost:
        blocks.append(losses_text(lost))
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


def losses_text(lost: Sequence[Loss]) -> str:
    """What a sync would delete, and what it would leave that the tree no longer holds; like clusters together."""
    alike: dict[Loss, list[str]] = {}
    for loss in lost:
        alike.setdefault(replace(loss, cluster=""), []).append(loss.cluster)
    return "\n".join(line for loss, clusters in alike.items() for line in _loss_lines(loss, clusters))


def _loss_lines(loss: Loss, clusters: Sequence[str]) -> Iterator[str]:
    where = click.style(", ".join(clusters), bold=True)
    each = " each" if len(clusters) > 1 else ""
    if loss.left:
        yield f"{where}: no longer in the tree; nothing is deleted there, and no tool keeps it as declared any more"
    if loss.deleted:
        yield f"{where}: a sync would {click.style('delete', fg='red')} {count(len(loss.deleted), 'object')}{each}"
        yield from _keys(loss.deleted)
    if loss.kept:
        left = f"{count(len(loss.kept), 'object')}{each}"
        yield f"{where}: a sync would leave {left} that the tree no longer holds; `allot apply` deletes them"
        yield from _keys(loss.kept)


def _keys(keys: Sequence[ObjectKey]) -> Iterator[str]:
    yield from (f"  {shown(key)}" for key in keys[:_LISTED])
    if len(keys) > _LISTED:
        yield f"  and {len(keys) - _LISTED:,} more"


_LISTED: Final = 40
"""Objects named one by one."""


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


_WIDEST: Final = 6
"""Clusters side by side; more would not fit a screen."""


def objects_text(manifests: Manifests, form: str) -> str:
    """A cluster's objects: YAML documents, a Kubernetes List, or their names."""
    if form == "json":
        items = [manifest.body for manifest in manifests]
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=2, ensure_ascii=False)
    if form == "name":
        return "\n".join(str(manifest.key) for manifest in manifests)
    return to_documents(manifest.body for manifest in manifests).rstrip("\n")
