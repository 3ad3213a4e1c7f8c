"""`allot explain FIELD`."""

from __future__ import annotations

import click

from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import format_flag, global_flags
from allotment.cli.shell.session import Session


def _fields(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from allotment.spec.explaining import paths_under
    from allotment.spec.schema import json_schema

    return paths_under(json_schema(), incomplete)


@click.command(cls=Command)
@click.argument("field", required=False, default="", shell_complete=_fields)
@format_flag
@global_flags
@click.pass_obj
def explain(session: Session, field: str) -> None:
    """What a field of the platform directory means, its type, its default and what stands below it.

    FIELD begins with a kind, such as team.clusters; without it the kinds are listed.
    """
    from allotment.cli.commands.reference.explain_view import text
    from allotment.cli.shell.output import write_document
    from allotment.reports.documents.explanation import explanation_document
    from allotment.spec.explaining import explanation
    from allotment.spec.schema import json_schema

    found = explanation(json_schema(), field)
    form = session.value("output")
    if form in ("json", "yaml"):
        write_document(session, form, explanation_document(found))
    elif form == "name":
        session.out("\n".join(found.children_paths))
    else:
        session.out(text(found, session.text_width))
