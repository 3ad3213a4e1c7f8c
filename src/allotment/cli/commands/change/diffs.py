"""Unified diffs in colour."""

from __future__ import annotations

import re
from typing import Final

import click

from allotment.cli.shell.terminal import printable

_ALLOT: Final = re.compile(r"(?<![^\s(])allot(?= )")
"""The program's name where a command begins, not inside of a path."""


def diff_text(diff: str) -> str:
    """A unified diff, additions green and removals red."""
    return "\n".join(_colored(printable(line)) for line in diff.splitlines())


def _colored(line: str) -> str:
    if line.startswith(("+++", "---")):
        return click.style(line, bold=True)
    if line.startswith("@@"):
        return click.style(line, fg="cyan")
    if line.startswith("+"):
        return click.style(line, fg="green")
    if line.startswith("-"):
        return click.style(line, fg="red")
    return line


def next_steps(steps: list[tuple[str, str]], call: str = "allot") -> str:
    """What to type next: commands, each with a word on it if it needs one; empty without any.

    Args:
        steps: commands as they are where `allot` is found by its name, each with what it does.
        call: what to type for `allot`.
    """
    if not steps:
        return ""
    lines = [click.style("Next", bold=True)]
    for command, what in steps:
        lines += [click.style(f"  # {what}", dim=True)] if what else []
        lines.append(f"  {_ALLOT.sub(lambda _found: call, command)}")
    return "\n".join(lines)
