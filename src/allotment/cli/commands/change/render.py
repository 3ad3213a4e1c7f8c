"""`allot render`."""

from __future__ import annotations

from pathlib import Path

import click

from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import cluster_flag, format_flag, global_flags, platform_argument
from allotment.cli.shell.session import Session
from allotment.errors import UsageError


@click.command(cls=Command)
@platform_argument
@click.option("--out", metavar="DIR", type=click.Path(), help="Folder of the tree; made when missing.")
@click.option("--force", is_flag=True, help="Overwrite files that Allotment did not write.")
@click.option("--allow-prune", is_flag=True, help="Write it also where a sync would delete objects.")
@cluster_flag
@format_flag
@global_flags
@click.pass_obj
def render(session: Session, directory: str | None, out: str | None, *, force: bool, allow_prune: bool) -> None:
    """Write the GitOps tree: base/, clusters/NAME/ for kustomize, and entry points for Flux and Argo CD.

    The same directory gives the same bytes. Files of an earlier render that are not needed any more are removed;
    files that Allotment did not write are left alone. Where the tree in DIR holds objects that the new one does not,
    they are named and nothing is written without --allow-prune: a sync would delete them. Without --out, a cluster's
    objects go to standard output as YAML (-o yaml) or JSON (-o json).
    """
    from allotment import wiring
    from allotment.cli.commands.change.render_view import losses_text, objects_text, tree_text
    from allotment.cli.commands.change.slurms import tell_unrendered
    from allotment.cli.shell.loading import load
    from allotment.cli.shell.output import write_document
    from allotment.cli.shell.places import chosen_cluster, named_cluster, platform_directory
    from allotment.operations.directory.rendering import objects_of, write_tree
    from allotment.reports.documents.rendered import tree_document

    form = session.value("output")
    if out is None and form not in ("yaml", "json", "name"):
        raise UsageError(
            "where to?",
            fix="name a folder with --out DIR, or print a cluster's objects with --cluster NAME -o yaml",
        )
    platform = load(session, platform_directory(session, directory), quiet=True).platform
    if out is None:
        session.out(objects_text(objects_of(platform, chosen_cluster(session, platform)), form))
        tell_unrendered(session, platform)
        return
    name = session.value("cluster")
    clusters = [named_cluster(platform, name)] if name else list(platform.clusters)
    tree = write_tree(
        wiring.files(),
        Path(out),
        platform,
        clusters,
        lambda lost: session.note(losses_text(lost)),
        force=force,
        allow_prune=allow_prune,
    )
    if form in ("json", "yaml"):
        write_document(session, form, tree_document(out, tree.rendered, tree.written, tree.lost))
    elif form == "name":
        session.out("\n".join(tree.rendered.files))
    else:
        session.out(tree_text(out, tree.rendered, tree.written, tree.lost, versioned=tree.versioned))
    tell_unrendered(session, platform)
