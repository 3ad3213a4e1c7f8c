"""`allot schema`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import global_flags
from allotment.cli.shell.session import Session
from allotment.errors import shown


@click.command(cls=Command)
@click.option("--out", metavar="FILE", type=click.Path(dir_okay=False), help="Write it to this file.")
@global_flags
@click.pass_obj
def schema(session: Session, out: str | None) -> None:
    """The JSON Schema of a platform directory's files, so that an editor completes and checks them.

    Editors with the YAML language server read it from the first line of a file:
    `# yaml-language-server: $schema=./allotment.schema.json`
    """
    from allotment import wiring
    from allotment.spec.schema import json_schema

    text = json.dumps(json_schema(), indent=2, ensure_ascii=False)
    if out is None:
        session.out(text)
        return
    wiring.files().write_text(Path(out), text + "\n")
    session.note(f"wrote {shown(out)}")
