"""Unified diffs in colour."""

from __future__ import annotations

import click

from allotment.cli.terminal import printable


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


def next_steps(steps: list[tuple[str, str]]) -> str:
    """What to type next: commands, each with a word on it if it needs one."""
    lines = [click.style("Next", bold=True)]
    for command, what in steps:
        lines += [click.style(f"  # {what}", dim=True)] if what else []
        lines.append(f"  {command}")
    return "\n".join(lines)
