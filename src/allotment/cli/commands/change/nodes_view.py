"""Nodes that are labelled for a pool: what each lacks."""

from __future__ import annotations

from typing import Final

import click

from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column
from allotment.cli.shell.terminal import printable
from allotment.model.grammar import count
from allotment.plan.labelling import NodeEdit, PoolEdits
from allotment.reports.documents.nodes import node_document

_NAMED: Final = 5
"""Pods that a sentence names."""


def edit_listing(edits: PoolEdits) -> Listing[NodeEdit]:
    """A row a node."""
    return Listing(
        kind="NodeLabelling",
        rows=edits.edits,
        columns=(
            Column("NODE", lambda row: row.node),
            Column(
                "LABELS",
                lambda row: ", ".join(f"{key}={new}" for key, _, new in row.labels) or None,
                keep=1,
                fold=", ",
            ),
            Column("TAINTS", lambda row: ", ".join(map(str, row.taints)) or None, fold=", "),
            Column("REMARK", lambda row: row.remark or None, wide=True),
        ),
        name=lambda row: row.node,
        document=node_document,
        labels=lambda row: {"node": row.node},
        nothing="no nodes",
    )


def edits_text(edits: PoolEdits, *, done: bool) -> str:
    """Node by node what is set, then what labels cannot put right."""
    pool = edits.pool.name
    if not edits.wanting:
        headline = click.style("nothing to do", fg="green", bold=True)
        lines = [f"{headline}: {count(len(edits.edits), 'node')} of pool {pool}, labelled as declared"]
    elif done:
        lines = [f"{click.style('done', fg='green', bold=True)}: {count(len(edits.wanting), 'node')} of pool {pool}"]
    else:
        lines = [f"For pool {click.style(pool, bold=True)}:"]
        for edit in edits.wanting:
            lines.append(f"  {click.style('~', fg='yellow', bold=True)} Node {printable(edit.node)}")
            lines += [f"      {line}" for line in _lines(edit)]
    lines += [_warning(f"Node {edit.node}: {edit.remark}") for edit in edits.edits if edit.remark]
    if not done:
        lines += [_warning(_intolerant(edit)) for edit in edits.wanting if edit.intolerant]
        lines += [_warning(edits.unknown)] if edits.unknown else []
    evicting = [edit.node for edit in edits.wanting if edit.evicts]
    if evicting and not done:
        lines.append(_warning(f"NoExecute: pods that do not tolerate it are evicted from {', '.join(evicting)}"))
    return "\n".join(lines)


def _intolerant(edit: NodeEdit) -> str:
    named = ", ".join(edit.intolerant[:_NAMED])
    more = f" and {len(edit.intolerant) - _NAMED} more" if len(edit.intolerant) > _NAMED else ""
    after = "they are evicted" if edit.evicts else "they run on, and what replaces them is not placed here"
    return f"Node {edit.node}: pods do not tolerate what is added ({named}{more}); {after}"


def _lines(edit: NodeEdit) -> list[str]:
    labels = [
        f"+ {key}: {new}" if old is None else f"{key}: {printable(old)} -> {new}" for key, old, new in edit.labels
    ]
    return [*labels, *(f"+ taint {taint}" for taint in edit.taints)]


def _warning(text: str) -> str:
    return f"{click.style('warning:', fg='yellow', bold=True)} {printable(text)}"
