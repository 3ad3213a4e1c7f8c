"""Flags that several commands share. A setting's flag ends up in the session, not in the command's arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar

import click

from allotment.cli.shell.lazy import GLOBAL_SECTION, Flag
from allotment.cli.shell.session import Session
from allotment.operations.directory.configuration import BOOLEANS, OUTPUT_FORMATS, setting

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])
P = ParamSpec("P")
R = TypeVar("R")
Packed = TypeVar("Packed", bound="DataclassInstance")
OUTPUT_SECTION: Final = "Output options"


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """How a result is written.

    Attributes:
        format: one of `OUTPUT_FORMATS`.
        sort_by: a column's title; a leading ``-`` turns the order round. Empty keeps the order.
        selector: label selector; empty selects everything.
        limit: at most so many rows; None means all.
    """

    format: str
    no_headers: bool
    sort_by: str
    selector: str
    limit: int | None


@dataclass(frozen=True, slots=True)
class Liberties:
    """What a plan may do only if it is asked to.

    Attributes:
        force: take over fields that other managers own.
        uncounted: make running work drop out of Kueue's accounts.
    """

    force: bool = False
    uncounted: bool = False


def packed(kind: type[Packed]) -> Callable[[Callable[Concatenate[Session, Packed, P], R]], Callable[..., R]]:
    """A command's own options as one frozen dataclass: those that are named like its fields, in its second argument.

    Args:
        kind: the dataclass; its fields have the types that click makes.
    """
    names = tuple(field.name for field in fields(kind))

    def around(function: Callable[Concatenate[Session, Packed, P], R]) -> Callable[..., R]:
        @wraps(function)
        def call(session: Session, /, *args: Any, **given: Any) -> R:
            asked = kind(**{name: given.pop(name) for name in names})
            return function(session, asked, *args, **given)

        return call

    return around


def _record(key: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(ctx: click.Context, _param: click.Parameter, value: Any) -> None:
        session = ctx.find_object(Session)
        if session is not None and value is not None:
            session.flags[key] = str(value).lower() if isinstance(value, bool) else value

    return callback


def names_of(what: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Completion of names: of a ``cluster`` or ``team`` of the platform, a ``guardrail``, a ``sandbox``."""

    def complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from allotment.cli.shell.completion import live_names

        return live_names(what, ctx, incomplete)

    return complete


def setting_flag(
    key: str, *declarations: str, metavar: str = "", section: str = "Options", names: str = ""
) -> Callable[[F], F]:
    """The flag of a setting, with its variable named in the help.

    Args:
        key: the setting.
        declarations: further spellings, such as ``-c``.
        metavar: placeholder in the help.
        section: heading in the help.
        names: kind of names the shell completes from the platform: ``cluster`` or ``team``.
    """
    known = setting(key)
    text = f"{known.summary[0].upper()}{known.summary[1:]}.  [env: {known.variable}]"
    common: dict[str, Any] = {"expose_value": False, "callback": _record(key), "help": text, "section": section}
    if known.choices == BOOLEANS:
        return click.option(*declarations, f"--{key}", cls=Flag, is_flag=True, default=None, **common)
    if known.choices:
        choice = click.Choice(known.choices, case_sensitive=False)
        return click.option(*declarations, f"--{key}", cls=Flag, type=choice, default=None, **common)
    if names:
        common["shell_complete"] = names_of(names)
    elif known.is_path:
        common["type"] = click.Path(file_okay=key != "platform", dir_okay=key == "platform")
    return click.option(*declarations, f"--{key}", cls=Flag, metavar=metavar or key.upper(), default=None, **common)


def cluster_flag(function: F) -> F:
    """``--cluster``."""
    return setting_flag("cluster", metavar="NAME", names="cluster")(function)


def team_flag(function: F) -> F:
    """``--team``."""
    return setting_flag("team", metavar="NAME", names="team")(function)


def platform_flag(function: F) -> F:
    """``--platform``."""
    return setting_flag("platform", metavar="DIR")(function)


def server_flags(function: F) -> F:
    """``--kubeconfig`` and ``--context``: which API server."""
    function = setting_flag("context", metavar="NAME")(function)
    return setting_flag("kubeconfig", metavar="FILE")(function)


def servers_flags(function: F) -> F:
    """``--kubeconfig``, and ``--context`` as often as one likes: which API servers; the contexts are the session's."""

    def remember(ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> None:
        session = ctx.find_object(Session)
        if session is not None and values:
            session.contexts = tuple(dict.fromkeys(values))
            session.flags["context"] = values[0]

    function = click.option(
        "--context",
        cls=Flag,
        multiple=True,
        metavar="NAME",
        expose_value=False,
        callback=remember,
        help="Context of the kubeconfig; may be repeated: all these clusters are asked, and one answer is given. Of a "
        f"file: a cluster that it holds.  [env: {setting('context').variable}]",
    )(function)
    return setting_flag("kubeconfig", metavar="FILE")(function)


def identity_flag(function: F) -> F:
    """``--override-identity``: the mark of another cluster that this one may carry; kept in the session."""

    def remember(ctx: click.Context, _param: click.Parameter, value: str) -> None:
        session = ctx.find_object(Session)
        if session is not None:
            session.override = value

    return click.option(
        "--override-identity",
        default="",
        metavar="PLATFORM/CLUSTER",
        expose_value=False,
        callback=remember,
        help="Go on though the cluster says that it is this other one; or, where it says nothing and looks like "
        "another one, say that it is this one. --yes never implies it.",
    )(function)


def global_flags(function: F) -> F:
    """``--color`` and ``--no-input``, on every command."""
    function = setting_flag("no-input", section=GLOBAL_SECTION)(function)
    return setting_flag("color", metavar="WHEN", section=GLOBAL_SECTION)(function)


def platform_argument(function: F) -> F:
    """The platform directory as optional argument ``DIR``; ``--platform`` says the same."""
    function = platform_flag(function)
    return click.argument("directory", metavar="[DIR]", required=False, type=click.Path())(function)


def yes_flag(what: str) -> Callable[[F], F]:
    """``-y``: the answer to the command's question."""
    return click.option("-y", "--yes", cls=Flag, is_flag=True, help=f"Do not ask before {what}.")


def liberty_flags(function: F) -> F:
    """``--force-conflicts``, ``--allow-uncounted`` in the argument ``liberties``."""

    @wraps(function)
    def call(*args: Any, force_conflicts: bool, allow_uncounted: bool, **kwargs: Any) -> Any:
        return function(*args, liberties=Liberties(force_conflicts, allow_uncounted), **kwargs)

    wrapped: Any = call
    for flag, text in (
        ("--allow-uncounted", "Also take away flavors that running work holds; Kueue then counts it no more."),
        ("--force-conflicts", "Take over fields that other managers own."),
    ):
        wrapped = click.option(flag, is_flag=True, help=text)(wrapped)
    result: F = wrapped
    return result


def scenario_flag(function: F) -> F:
    """``--scenario``."""
    return click.option("--scenario", metavar="ID", help="Which scenario, where the file holds several.")(function)


def until_flag(function: F) -> F:
    """``--until``: where a simulation ends."""
    return click.option("--until", metavar="TIME", help="Stop at this time, such as 90min, 36h or 7d.")(function)


def seed_flag(function: F) -> F:
    """``--seed``."""
    whole = click.IntRange(min=0)
    return click.option("--seed", type=whole, default=0, metavar="N", help="Seed of all randomness; 0 by default.")(
        function
    )


def report_flag(function: F) -> F:
    """``--report``: a page beside the answer."""
    page = click.Path(dir_okay=False)
    return click.option("--report", metavar="FILE.html", type=page, help="Also write a page with pictures.")(function)


def format_flag(function: F) -> F:
    """``-o`` alone, for commands whose result is no list."""
    return setting_flag("output", "-o", metavar="FORMAT", section=OUTPUT_SECTION)(function)


def output_flags(function: F) -> F:
    """``-o``, ``--no-headers``, ``--sort-by``, ``-l``, ``--limit``, packed into the argument ``output``."""

    @wraps(function)
    def call(*args: Any, no_headers: bool, sort_by: str, selector: str, limit: int | None, **kwargs: Any) -> Any:
        session = click.get_current_context().find_object(Session)
        assert session is not None  # noqa: S101 (main always makes one)
        options = OutputOptions(session.value("output"), no_headers, sort_by, selector, limit)
        return function(*args, output=options, **kwargs)

    wrapped: Any = call
    for option in (
        click.option(
            "--limit", cls=Flag, section=OUTPUT_SECTION, type=click.IntRange(min=0), metavar="N", help="At most N rows."
        ),
        click.option(
            "-l",
            "--selector",
            cls=Flag,
            section=OUTPUT_SECTION,
            default="",
            metavar="SELECTOR",
            help="Only rows whose labels match, as in kubectl: a=b,c!=d,e in (x,y),!f.",
        ),
        click.option(
            "--sort-by",
            cls=Flag,
            section=OUTPUT_SECTION,
            default="",
            metavar="COLUMN",
            help="Sort by this column; -COLUMN the other way round.",
        ),
        click.option("--no-headers", cls=Flag, section=OUTPUT_SECTION, is_flag=True, help="No header line."),
        setting_flag("output", "-o", metavar="|".join(OUTPUT_FORMATS), section=OUTPUT_SECTION),
    ):
        wrapped = option(wrapped)
    result: F = wrapped
    return result
