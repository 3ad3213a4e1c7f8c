"""Completion: the shells' scripts, and live names of clusters and teams from the platform directory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import click
from click.shell_completion import CompletionItem, get_completion_class

from allotment.cli.shell.session import Session

COMPLETE_VARIABLE: Final = "_ALLOT_COMPLETE"


def script_for(shell: str) -> str:
    """The script for a shell's start-up file.

    The template is filled here rather than by click's `source()`, which starts a bash to ask for its version: the
    script may be made on another machine than it runs on.
    """
    known = get_completion_class(shell)
    assert known is not None  # noqa: S101 (the argument's choices are click's own shells)
    maker = known(click.Command("allot"), {}, "allot", COMPLETE_VARIABLE)
    return maker.source_template % maker.source_vars()


def live_names(what: str, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Names that begin so: of the platform's clusters or teams, of guardrails, of sandboxes.

    A directory that cannot be read completes nothing: a shell is no place for its problems.
    """
    session = ctx.find_object(Session)
    if session is None:
        return []
    try:
        names = list(_names(session, what, ctx))
    except Exception:  # noqa: BLE001 (see the docstring)
        return []
    return [CompletionItem(name, help=summary) for name, summary in names if name.startswith(incomplete)]


def _names(session: Session, what: str, ctx: click.Context) -> Iterator[tuple[str, str]]:
    """Names, each with a word on it."""
    if what == "guardrail":
        from allotment.prove.guardrails import GUARDRAILS

        yield from ((guardrail.id, guardrail.protects) for guardrail in GUARDRAILS)
        return
    from allotment import wiring

    if what == "sandbox":
        yield from ((name, "") for name in wiring.sandboxes().list())
        return
    from allotment.cli.shell.places import platform_directory
    from allotment.operations.directory.loading import load

    place = wiring.directory(platform_directory(session, _directory(ctx)))
    platform = load(place, wiring.clock().now().date()).platform
    if what == "cluster":
        yield from ((cluster.name, f"{cluster.purpose}, {cluster.region}") for cluster in platform.clusters)
    else:
        yield from ((team.name, team.display_name) for team in platform.teams)


def _directory(ctx: click.Context) -> str | None:
    """The argument DIR: click leaves the arguments unread when the last word is a flag without its value."""
    if not any(isinstance(param, click.Argument) and param.name == "directory" for param in ctx.command.params):
        return None
    given: str | None = ctx.params.get("directory") or next(iter(ctx.args), None)
    return given
