"""`allot template`."""

from __future__ import annotations

from typing import Final

import click

from allotment.cli.shell.lazy import Command, CommandEntry, LazyGroup
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, team_flag
from allotment.cli.shell.session import Session
from allotment.errors import UsageError

_HERE: Final = "allotment.cli.commands.run.template"

ENTRIES: Final = (
    CommandEntry("list", f"{_HERE}:list_", "The templates.", ("ls", "get")),
    CommandEntry("show", f"{_HERE}:show_", "Parameters of a template, with defaults."),
    CommandEntry("new", f"{_HERE}:new", "A job file from a template, on standard output."),
)


def _names(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from allotment.spec.jobs.templating import NAMES

    return [name for name in NAMES if name.startswith(incomplete)]


@click.group(cls=LazyGroup, entries=ENTRIES)
@global_flags
def template() -> None:
    """Templates of job files: the usual kinds of work, each the way it goes well."""


@click.command("list", cls=Command)
@output_flags
@global_flags
@click.pass_obj
def list_(session: Session, output: OutputOptions) -> None:
    """The templates, with what each is for.

    Labels for -l: name.
    """
    from allotment.cli.commands.run.template_view import template_listing
    from allotment.cli.shell.output import show
    from allotment.spec.jobs.templating import templates

    show(session, output, template_listing(templates()))


@click.command("show", cls=Command)
@click.argument("name", shell_complete=_names)
@output_flags
@global_flags
@click.pass_obj
def show_(session: Session, name: str, output: OutputOptions) -> None:
    """Parameters of a template: what each is for, its type, and its default; without one it is left out.

    Labels for -l: name, type.
    """
    from allotment.cli.commands.run.template_view import parameter_listing
    from allotment.cli.shell.output import show
    from allotment.reports.documents.job_files import template_document
    from allotment.spec.jobs.templating import template as template_named

    found = template_named(name)
    show(
        session,
        output,
        parameter_listing(found),
        whole=lambda _rows: {"kind": "JobTemplate", **template_document(found)},
    )


@click.command(cls=Command)
@click.argument("name", shell_complete=_names)
@click.option("--set", "given", metavar="NAME=VALUE", multiple=True, help="Value of a parameter; repeatable.")
@team_flag
@global_flags
@click.pass_obj
def new(session: Session, name: str, *, given: tuple[str, ...]) -> None:
    """Write a job file from a template to standard output.

    Parameters that nobody sets have their defaults, or are left out; `allot template show NAME` lists them. A value is
    a value, whatever is in it: it cannot become a field.
    """
    from allotment.spec.jobs.templating import new_job
    from allotment.spec.jobs.templating import template as template_named

    values: dict[str, str] = {}
    for each in given:
        parameter, equals, value = each.partition("=")
        if not equals:
            raise UsageError("--set has no value", fix="write --set NAME=VALUE")
        if parameter in values:
            raise UsageError(f"--set names {parameter} twice", fix="keep one of the two")
        values[parameter] = value
    team = session.value("team")
    chosen = template_named(name)
    session.out(new_job(chosen, {"team": team, **values} if team else values).removesuffix("\n"))
