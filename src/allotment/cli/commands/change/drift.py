"""`allot drift`."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import (
    OutputOptions,
    global_flags,
    identity_flag,
    names_of,
    output_flags,
    platform_argument,
    server_flags,
    yes_flag,
)
from allotment.cli.shell.session import Session
from allotment.errors import UsageError

if TYPE_CHECKING:
    from allotment.model.cluster import Cluster
    from allotment.ports.kube import KubePort


@click.command(cls=Command)
@platform_argument
@click.option(
    "--cluster",
    "names",
    multiple=True,
    metavar="NAME",
    shell_complete=names_of("cluster"),
    help="Which cluster; may be repeated. All clusters by default.  [env: ALLOTMENT_CLUSTER]",
)
@click.option("--repair", is_flag=True, help="Put it right: apply what is declared, fields of others included.")
@click.option(
    "--delete-namespace",
    "deletable",
    multiple=True,
    metavar="NAME",
    help="In place of typing the name of a namespace that a repair would delete with all its data; repeatable.",
)
@yes_flag("repairing")
@identity_flag
@server_flags
@output_flags
@global_flags
@click.pass_obj
def drift(
    session: Session,
    directory: str | None,
    *,
    names: tuple[str, ...],
    repair: bool,
    deletable: tuple[str, ...],
    yes: bool,
    output: OutputOptions,
) -> int:
    """Find what differs from the directory, who changed it, and when; in all clusters side by side.

    Ends with 0 when every cluster is as declared, 1 when one is not, 9 when one does not answer; the others are
    still looked at. With --repair what differs is put right, after asking.
    """
    from allotment import wiring
    from allotment.cli.commands.change.applying import Consent
    from allotment.cli.commands.change.drift_view import drift_listing, drift_text
    from allotment.cli.commands.change.drifting import repair_all
    from allotment.cli.shell.loading import load
    from allotment.cli.shell.output import show
    from allotment.cli.shell.places import named_cluster, platform_directory
    from allotment.cli.shell.progress import ProgressLine
    from allotment.operations.change.drift import drift_of
    from allotment.operations.directory.loading import source_of
    from allotment.reports.documents.drift import drift_document

    place = platform_directory(session, directory)
    platform = load(session, place, quiet=True).platform
    preset = session.value("cluster")
    wanted = names or ((preset,) if preset else ())
    clusters = [named_cluster(platform, name) for name in dict.fromkeys(wanted)] or list(platform.clusters)
    context = session.value("context")
    if context and len(clusters) > 1:
        raise UsageError(
            f"the context {context} is one server, but {len(clusters)} clusters are asked for",
            fix="name one cluster with --cluster, or leave --context out",
        )
    with ExitStack() as stack:

        def connect(cluster: Cluster) -> KubePort:
            return stack.enter_context(wiring.connect(session.value("kubeconfig"), context or cluster.context))

        with ProgressLine(session) as progress:
            progress.tell(f"looking at {', '.join(cluster.name for cluster in clusters)}")
            source = source_of(wiring.directory(place))
            report = drift_of(platform, clusters, connect, wiring.clock(), override=session.override, source=source)
        if repair:
            by_name = {cluster.name: cluster for cluster in clusters}
            consent = Consent(yes=yes, deletable=deletable, force=True)
            return repair_all(session, report, lambda name: connect(by_name[name]), output, consent)
        show(
            session,
            output,
            drift_listing(report),
            human=lambda rows: drift_text(report, rows),
            whole=lambda rows: drift_document(report, rows),
        )
    return report.exit_code
