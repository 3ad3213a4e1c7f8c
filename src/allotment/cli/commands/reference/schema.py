"""`allot schema`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click

from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import global_flags
from allotment.cli.shell.session import Session
from allotment.errors import shown

_DIRECTORY: Final = "directory"
_JOB: Final = "job"


@click.command(cls=Command)
@click.argument("of", required=False, default=_DIRECTORY, type=click.Choice([_DIRECTORY, _JOB]))
@click.option("--out", metavar="FILE", type=click.Path(dir_okay=False), help="Write it to this file.")
@global_flags
@click.pass_obj
def schema(session: Session, of: str, out: str | None) -> None:
    """The JSON Schema of a platform directory's files, or of job files, so that an editor completes and checks them.

    Without an argument it is the directory's; `allot schema job` is that of job files.

    Editors with the YAML language server read it from the first line of a file:
    `# yaml-language-server: $schema=./allotment.schema.json`
    """
    from allotment import wiring
    from allotment.spec.jobs.schema import job_json_schema
    from allotment.spec.schema import json_schema

    text = json.dumps(job_json_schema() if of == _JOB else json_schema(), indent=2, ensure_ascii=False)
    if out is None:
        session.out(text)
        return
    wiring.files().write_text(Path(out), text + "\n")
    session.note(f"wrote {shown(out)}")
