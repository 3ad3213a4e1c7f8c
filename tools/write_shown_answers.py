"""Write into README.md and docs/answers.md what the `allot why` commands shown there print now. Takes no arguments."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Final

from click.testing import CliRunner

from allotment.cli.main import cli

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = (ROOT / "README.md", ROOT / "docs" / "answers.md")
SHOWN: Final = re.compile(r"^```\n\$ (?P<line>allot why [^\n]+)\n(?P<output>.*?)^```$", re.MULTILINE | re.DOTALL)
"""A fenced block that begins with the command."""


def with_output(page: str) -> str:
    """A page with the outputs of its commands as they are now."""
    return SHOWN.sub(lambda found: f"```\n$ {found['line']}\n{output_of(found['line'])}```", page)


def output_of(line: str) -> str:
    """What a command prints; it names files as seen from the checkout."""
    done = CliRunner().invoke(cli, shlex.split(line)[1:], prog_name="allot")
    if done.exit_code:
        raise SystemExit(f"{line}\n{done.stderr}")
    return str(done.stdout)


if __name__ == "__main__":
    for each in PAGES:
        each.write_text(with_output(each.read_text(encoding="utf-8")), encoding="utf-8")
