"""Labelling nodes on the command line: show, ask, act."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allotment.cli.commands.change.nodes_view import edit_listing, edits_text
from allotment.cli.commands.change.planning import ClusterTarget
from allotment.cli.shell.options import OutputOptions
from allotment.cli.shell.output import show
from allotment.cli.shell.session import Session
from allotment.errors import AllotmentError
from allotment.reports.documents.nodes import labelling_document

if TYPE_CHECKING:
    from allotment.plan.labelling import PoolEdits
    from allotment.ports.kube import KubePort


def carry_out(
    session: Session, target: ClusterTarget, kube: KubePort, edits: PoolEdits, *, dry_run: str | None, yes: bool
) -> int:
    """Show what the nodes lack, ask, set it; the exit code.

    Raises:
        UsageError: a question that nobody can answer.
        AllotmentError: the user said no, or the server did.
    """
    from allotment.operations.change.nodes import label_nodes

    wanting = edits.wanting
    if dry_run == "server":
        label_nodes(kube, edits, dry_run=True)
    if dry_run is None and wanting:
        # What will be done is not the result: it goes beside it, so that -o json stays one document.
        session.note(edits_text(edits, done=False))
        question = f"Label {len(wanting)} of the nodes of {target.cluster.name} at {kube.endpoint()}?"
        if not yes and not session.confirm(question, flag="--yes"):
            raise AllotmentError("nothing was changed", why="you said no", fix="run it again when you are ready")
        label_nodes(kube, edits)
    show(
        session,
        OutputOptions(session.value("output"), no_headers=False, sort_by="", selector="", limit=None),
        edit_listing(edits),
        human=lambda _rows: edits_text(edits, done=dry_run is None),
        whole=lambda rows: labelling_document(edits, rows, done=dry_run is None),
    )
    if dry_run is not None:
        session.note(f"dry run ({dry_run}): nothing was changed")
    return 0
