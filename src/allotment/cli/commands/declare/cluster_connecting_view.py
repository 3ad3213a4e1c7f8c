"""How the clusters of a server are laid out."""

from __future__ import annotations

from collections.abc import Sequence

from allotment.cli.shell.output import Listing
from allotment.cli.shell.steps import duration
from allotment.cli.shell.table import Column
from allotment.errors import shown
from allotment.model.moments import written
from allotment.ports.cluster_service import ToldCluster
from allotment.reports.documents.cluster_states import told_cluster_document


def told_listing(clusters: Sequence[ToldCluster]) -> Listing[ToldCluster]:
    """A row a cluster."""
    return Listing(
        kind="ServedCluster",
        rows=clusters,
        columns=(
            Column("NAME", lambda row: row.name, keep=3),
            Column("STATE", lambda row: row.state, keep=2, style=_style),
            Column(
                "AGE",
                lambda row: row.age_seconds,
                text=lambda row: "" if row.age_seconds is None else duration(row.age_seconds),
                unit="seconds",
                keep=2,
            ),
            Column("CONNECTED", lambda row: None if row.connected is None else written(row.connected)),
            Column("BY", lambda row: shown(row.connected_by) or None, wide=True),
            Column("NOT READ", lambda row: ", ".join(map(shown, row.gaps)) or None, fold=", "),
            Column("WHY", lambda row: shown(row.error) or None, keep=1, fold=" "),
        ),
        name=lambda row: f"cluster/{row.name}",
        document=told_cluster_document,
        labels=lambda row: {"name": row.name, "state": row.state},
        nothing="the server's platform declares no cluster",
        named=("name",),
        same_labels=True,
    )


def _style(row: ToldCluster) -> str:
    return "" if row.state in {"current", "opening"} else "red"
