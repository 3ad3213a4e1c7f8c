"""`allot cluster connect`, `disconnect`, `status`, `rotate-key`, `role`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, platform_flag, setting_flag
from allotment.cli.shell.session import Session
from allotment.errors import InputError, UnreachableError, UsageError, shown

if TYPE_CHECKING:
    from allotment.ports.cluster_service import ToldCluster


@click.command(cls=Command)
@click.argument("name")
@setting_flag("context", metavar="NAME")
@setting_flag("kubeconfig", metavar="FILE")
@setting_flag("server")
@global_flags
@click.pass_obj
def connect(session: Session, name: str) -> None:
    """Have the server reach the cluster NAME by one context of a kubeconfig from now on.

    It keeps of it the address, the certificate authority, and a token or a client certificate, sealed under a key that
    lies apart from its store; nobody is told them again. What runs a program (exec), acts as somebody else or does not
    look who answers (insecure-skip-tls-verify) is refused. `allot cluster role NAME` prints the rights that it needs.
    """
    from allotment.cli.commands.run.serving import asked_server
    from allotment.operations.fleet.one_context import one_context

    file = session.flags.get("kubeconfig")
    if not file:
        raise UsageError(
            "which kubeconfig?",
            why="what is given to a server is never chosen by a setting",
            fix="name the file: --kubeconfig FILE",
        )
    document, folder = _kubeconfig(file)

    def read(path: str) -> bytes:
        from allotment import wiring

        return wiring.files().read_bytes(folder / path)

    kept = one_context(document, session.flags.get("context") or "", name, read)
    session.note(_does(asked_server(session).connect_cluster(name, kept)))


def _kubeconfig(file: str) -> tuple[Any, Path]:
    """A kubeconfig, and the folder from which the paths in it count."""
    import yaml

    from allotment import wiring
    from allotment.model.yaml_text import read_yaml

    path = wiring.files().user_path(file).absolute()
    try:
        return read_yaml(wiring.files().read_bytes(path)), path.parent
    except (yaml.YAMLError, UnicodeDecodeError):
        # The parser's words quote the text, which may be a token.
        raise InputError(f"{shown(path)} is not YAML", fix="name a kubeconfig") from None


def _does(told: ToldCluster) -> str:
    """How a cluster does by what was given for it just now.

    Raises:
        UnreachableError: it was kept, and nothing can be read with it.
    """
    match told.state:
        case "current":
            lacking = f", but for {', '.join(map(shown, told.gaps))}" if told.gaps else ""
            return f"cluster {shown(told.name)} is connected: it answers, and everything was read{lacking}"
        case "opening":
            return (
                f"what the server reaches cluster {shown(told.name)} by was taken, and it is being read; "
                "`allot cluster status` says how it does"
            )
        case _:
            raise UnreachableError(
                f"what the server reaches cluster {shown(told.name)} by was taken, and nothing can be read there now",
                why=shown(told.error),
                fix="the server tries again by itself (`allot cluster status`); if the file is wrong, connect another",
            )


@click.command(cls=Command)
@click.argument("name")
@setting_flag("server")
@global_flags
@click.pass_obj
def disconnect(session: Session, name: str) -> None:
    """Have the server forget by what it reaches the cluster NAME; its own kubeconfig says it then, as before."""
    from allotment.cli.commands.run.serving import asked_server

    asked_server(session).disconnect_cluster(name)
    session.note(f"cluster {shown(name)} is disconnected; take its credential back in the cluster as well")


@click.command(cls=Command)
@setting_flag("server")
@output_flags
@global_flags
@click.pass_obj
def status(session: Session, output: OutputOptions) -> None:
    """How the clusters of the server do: which answer, how old what is known of each is, and how each is reached.

    Labels for -l: name, state (current, stale, silent, opening).
    """
    from allotment.cli.commands.declare.cluster_connecting_view import told_listing
    from allotment.cli.commands.run.serving import asked_server
    from allotment.cli.shell.output import show

    show(session, output, told_listing(asked_server(session).clusters()))


@click.command("rotate-key", cls=Command)
@setting_flag("server")
@global_flags
@click.pass_obj
def rotate_key(session: Session) -> None:
    """Make a new key, seal the credentials of all clusters with it, and let the old one go.

    Broken off in between, both keys are there: call it again. Where the key comes from the variable ALLOTMENT_KEY, put
    a new one in front of it, with a comma between, start the server again, and call this; then take the old one out.
    """
    from allotment.cli.commands.run.serving import asked_server
    from allotment.model.grammar import count

    sealed = asked_server(session).rotate_key()
    session.note(f"{count(sealed, 'credential')} {'is' if sealed == 1 else 'are'} sealed with a new key")


@click.command(cls=Command)
@click.argument("name")
@click.option("--for-people", is_flag=True, help="Also the role to make jobs in the names of those who submit them.")
@click.option(
    "--bind-to",
    metavar="SUBJECT",
    default="",
    help="Print their bindings as well: to group:NAME, user:NAME or serviceaccount:NAMESPACE/NAME.",
)
@platform_flag
@output_flags
@global_flags
@click.pass_obj
def role(session: Session, name: str, *, for_people: bool, bind_to: str, output: OutputOptions) -> None:
    """Print the roles that a server needs in the cluster NAME, to be given to kubectl; no server is asked.

    The first reads what answers rest on, and no Secret. What `allot apply` needs is another account's:
    `allot preflight --rights apply` prints it.
    """
    from allotment.cli.commands.change.preflight_view import objects_text
    from allotment.cli.shell.loading import load
    from allotment.cli.shell.places import named_cluster, platform_directory
    from allotment.operations.fleet.server_role import server_roles

    platform = load(session, platform_directory(session), quiet=True).platform
    named_cluster(platform, name)
    session.out(objects_text(server_roles(platform, for_people=for_people, bind_to=bind_to), output.format))
