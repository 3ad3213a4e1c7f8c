"""`allot request`: ask for what is gated, see what becomes of it, take an offer or withdraw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from allotment.cli.commands.decide.asking import KEY, beginning, currency_of, lasting
from allotment.cli.commands.decide.sending import ask
from allotment.cli.commands.run.serving import asked_server
from allotment.cli.shell.lazy import Command, CommandEntry, LazyGroup
from allotment.cli.shell.options import format_flag, global_flags, setting_flag
from allotment.cli.shell.session import Session
from allotment.errors import UsageError

if TYPE_CHECKING:
    from allotment.model.requests.request import RequestAct
    from allotment.ports.request_service import AskedRequest

Option = Callable[[Any], Any]
_SIZE: Final = click.option("--size", required=True, metavar="QUANTITY", help="How large, such as 100Gi.")
_IMAGE: Final = click.option("--image", required=True, metavar="NAME:TAG", help="Image with Jupyter in it.")
_DEVICE: Final = click.option(
    "--accelerator", default="", metavar="CLASS", help="With a device of it; none by default."
)
F = TypeVar("F", bound=Callable[..., object])
_HERE: Final = "allotment.cli.commands.decide.request"
_WORKLOADS: Final = ("training", "experiment", "serving", "batch", "notebook")

ENTRIES: Final = (
    CommandEntry("gpus", f"{_HERE}:gpus", "More guaranteed devices for a time.", ("gpu",)),
    CommandEntry("namespace", f"{_HERE}:namespace", "A namespace.", ("ns",)),
    CommandEntry("endpoint", f"{_HERE}:endpoint", "A service that others call."),
    CommandEntry("cluster", f"{_HERE}:cluster", "A new cluster."),
    CommandEntry("volume", f"{_HERE}:volume", "A volume."),
    CommandEntry("notebook", f"{_HERE}:notebook", "A notebook."),
    CommandEntry("model-api", f"{_HERE}:model_api", "An endpoint of somebody else's models, paid by use."),
    CommandEntry("team", "allotment.cli.commands.decide.teams:team", "A team that is not there yet."),
    CommandEntry(
        "leave", "allotment.cli.commands.decide.teams:leave", "That a team leaves; its data stay until a day."
    ),
    CommandEntry("show", f"{_HERE}:show_", "One, with need, price, effect on others and what was decided.", ("get",)),
    CommandEntry("accept", f"{_HERE}:accept", "Take what is offered."),
    CommandEntry("withdraw", f"{_HERE}:withdraw", "Not to want it any more.", ("cancel",), takes_away=True),
)


@click.group(cls=LazyGroup, entries=ENTRIES)
@global_flags
def request() -> None:
    """Ask for what is gated. What is small, cheap and undone in minutes passes by itself; the rest has somebody decide.

    The gates and routes are the platform directory's (kind Approvals). What is granted is a commit to it, and goes by
    itself when its time is over.
    """


def _common(function: F) -> F:
    for option in reversed(
        (
            setting_flag("team", metavar="NAME"),
            click.option("--for", "lasts", metavar="TIME", help="How long, such as 72h; for good by default."),
            click.option(
                "--from",
                "since",
                metavar="MOMENT",
                help="From when on, such as 2026-12-01T09:00:00Z; once it is approved by default.",
            ),
            click.option("--why", required=True, metavar="TEXT", help="What it is needed for."),
            click.option(
                "--workload",
                type=click.Choice(_WORKLOADS),
                default="training",
                show_default=True,
                help="Kind of work that it is for.",
            ),
            KEY,
            click.option("--dry-run", is_flag=True, help="Only say what would become of it."),
            setting_flag("server"),
            format_flag,
        )
    ):
        function = option(function)
    return function


def _ask(session: Session, kind: str, *, dry_run: bool, **words: Any) -> None:
    ask(session, asked_server(session), _asked(session, kind, words), dry_run=dry_run)


def _asked(session: Session, kind: str, words: dict[str, Any]) -> AskedRequest:
    from allotment.model.requests.terms import RequestKind, WorkloadType
    from allotment.ports.request_service import AskedRequest

    team = session.value("team")
    if not team:
        raise UsageError("say for which team", fix="add --team NAME, or keep it: `allot config set team NAME`")
    return AskedRequest(
        kind=RequestKind(kind),
        team=team,
        workload=WorkloadType(words.pop("workload")),
        justification=words.pop("why"),
        since=beginning(words.pop("since")),
        lasts=lasting(words.pop("lasts")),
        **words,
    )


@click.command(cls=Command)
@click.argument("number", type=click.IntRange(1, 100_000))
@click.option("--accelerator", required=True, metavar="CLASS", help="Class of the catalogue, or a flavor of a cluster.")
@click.option("--on", "clusters", multiple=True, metavar="CLUSTER", help="Where; any of these will do.")
@_common
@global_flags
@click.pass_obj
def gpus(session: Session, /, *, number: int, accelerator: str, clusters: tuple[str, ...], **words: Any) -> None:
    """Ask for NUMBER more guaranteed devices for a team.

    Where they come from, what they cost, and whom it makes wait longer is said; it is tried on the scheduling twin.
    """
    _ask(session, "gpus", devices=number, accelerator=accelerator, clusters=clusters, **words)


def _named(
    kind: str, doc: str, *, environments: bool = False, placed: bool = False, further: Sequence[Option] = ()
) -> click.Command:
    """A command that asks for something with a name."""

    def asks(session: Session, *, name: str, environment: str = "", size: str = "", **words: Any) -> None:
        _ask(session, kind, subject=name, environment=environment, size=_bytes(size), **words)

    asks.__doc__ = doc
    command: Any = click.pass_obj(asks)
    command = _common(global_flags(command))
    if placed:
        command = click.option(
            "--on", "clusters", multiple=True, metavar="CLUSTER", help="Where; those of that kind by default."
        )(command)
    for each in further:
        command = each(command)
    if environments:
        where = click.Choice(("production", "staging", "development"))
        command = click.option("--environment", type=where, default="development", show_default=True, help="Where.")(
            command
        )
    command = click.argument("name")(command)
    made: click.Command = click.command(kind, cls=Command)(command)
    return made


def _bytes(text: str) -> int:
    from allotment.model.quantity import parse_bytes

    if not text:
        return 0
    try:
        return parse_bytes(text)
    except ValueError as error:
        raise UsageError(str(error), fix="write for example --size 100Gi") from None


namespace = _named("namespace", "Ask for a namespace called NAME.", environments=True, placed=True)
endpoint = _named("endpoint", "Ask for a service called NAME that others call.", environments=True)
cluster = _named("cluster", "Ask for a new cluster called NAME.", environments=True)
volume = _named("volume", "Ask for a volume called NAME.", placed=True, further=(_SIZE,))
notebook = _named("notebook", "Ask for a notebook called NAME.", placed=True, further=(_DEVICE, _IMAGE))
model_api = _named("model-api", "Ask for an endpoint of somebody else's models, called NAME and paid by use.")


@click.command("show", cls=Command)
@click.argument("request")
@setting_flag("server")
@format_flag
@global_flags
@click.pass_obj
def show_(session: Session, *, request: str) -> None:
    """Show a REQUEST with its terms, the need that the team has shown, the effect on everybody and all decisions."""
    from allotment.cli.commands.decide.request_view import told_text
    from allotment.cli.shell.output import write_document
    from allotment.reports.documents.requests import told_document

    told, form = asked_server(session).request(request), session.value("output")
    if form in ("json", "yaml"):
        write_document(session, form, told_document(told))
    else:
        session.out(told_text(told, currency_of(session)))


def _answer(session: Session, request: str, act: RequestAct, reason: str) -> None:
    from allotment.cli.commands.decide.request_view import request_text
    from allotment.ports.request_service import AskedMove

    service = asked_server(session)
    revision = service.request(request).request.revision
    after = service.move(request, AskedMove(act, reason, revision=revision))
    session.out(request_text(after, currency_of(session)))


@click.command(cls=Command)
@click.argument("request")
@setting_flag("server")
@global_flags
@click.pass_obj
def accept(session: Session, *, request: str) -> None:
    """Take what is offered on a REQUEST of yours."""
    from allotment.model.requests.request import RequestAct

    _answer(session, request, RequestAct.ACCEPT, "")


@click.command(cls=Command)
@click.argument("request")
@click.option("--reason", "-m", default="", metavar="TEXT", help="Why.")
@setting_flag("server")
@global_flags
@click.pass_obj
def withdraw(session: Session, *, request: str, reason: str) -> None:
    """Withdraw a REQUEST of yours, or turn an offer down."""
    from allotment.model.requests.request import RequestAct

    _answer(session, request, RequestAct.WITHDRAW, reason)
