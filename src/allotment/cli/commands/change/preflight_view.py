"""`preflight`: a line for each thing that was looked at, and roles as Kubernetes objects."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any, Final

import click

from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column
from allotment.cli.shell.terminal import printable
from allotment.operations.change.preflight import Readied
from allotment.operations.change.rights import Task
from allotment.plan.changes import place_of
from allotment.plan.preflight import PreflightCheck, Readiness
from allotment.render.yaml_text import to_documents, to_yaml
from allotment.reports.documents.preflight import check_document

_COLORS: Final = {
    Readiness.OK: "green",
    Readiness.INFO: "blue",
    Readiness.UNKNOWN: "yellow",
    Readiness.WARNING: "yellow",
    Readiness.BLOCKED: "red",
    Readiness.MISSING: "red",
}

_INDENT: Final = " " * 19
_PLAIN_WIDTH: Final = 120


def readied_listing(readied: Readied) -> Listing[PreflightCheck]:
    """A row a check."""
    return Listing(
        kind="PreflightCheck",
        rows=readied.checks,
        columns=(
            Column("STATE", lambda row: row.readiness.value, style=lambda row: _COLORS[row.readiness]),
            Column("TOPIC", lambda row: row.topic),
            Column("SUBJECT", lambda row: row.subject),
            Column("MESSAGE", lambda row: row.message),
            Column("FIX", lambda row: row.fix or None, wide=True),
        ),
        name=lambda row: f"{row.topic}/{row.subject}",
        document=check_document,
        labels=lambda row: {"state": row.readiness.value, "topic": row.topic},
        nothing="nothing was looked at",
    )


def readied_text(
    readied: Readied, rows: Sequence[PreflightCheck], width: int | None, hint: Callable[[str], str] = lambda text: text
) -> str:
    """Topic by topic, with what to do; the count at the end.

    Args:
        readied: what was seen.
        rows: the checks to show.
        width: of the terminal.
        hint: makes the commands in a text complete.
    """
    place = place_of(readied.cluster, readied.server, readied.context)
    lines = [f"{click.style(place, bold=True)}, as {printable(readied.user)}", ""]
    for row in rows:
        word = click.style(f"{row.readiness.value:<8}", fg=_COLORS[row.readiness])
        said = [f"{row.subject}: {row.message}", *([f"fix: {hint(row.fix)}"] if row.fix else [])]
        room = max((width or _PLAIN_WIDTH) - len(_INDENT), 40)
        # A name longer than the room stands over: it has to be copied in one piece.
        parts = [
            part
            for text in said
            for part in wrap(printable(text), room, break_long_words=False, break_on_hyphens=False)
        ]
        lines.append(f"{word} {row.topic:<9} {parts[0]}")
        lines += [f"{_INDENT}{part}" for part in parts[1:]]
    counts = Counter(check.readiness for check in readied.checks)
    told = ", ".join(f"{counts[each]} {each.value}" for each in Readiness if counts[each])
    verdict = click.style("ready", fg="green") if readied.ready else click.style("not ready", fg="red", bold=True)
    return "\n".join([*lines, "", *_able(readied), f"{verdict}: {told}"])


def _able(readied: Readied) -> Iterator[str]:
    """What this account can do, in one line: the lists of rights above are long."""
    rights = [check for check in readied.checks if check.topic == "rights" and check.readiness is not Readiness.UNKNOWN]
    able, unable = (
        [check.subject for check in rights if (check.readiness is Readiness.OK) is wanted] for wanted in (True, False)
    )
    if Task.PLAN in unable:
        # No right is too few for a plan: it names what it leaves out.
        unable.remove(Task.PLAN)
        able.insert(0, f"{Task.PLAN} in part, what it may not read left out")
    if unable:
        yield f"{printable(readied.user)} can {', '.join(able)}; it cannot {', '.join(unable)}"


def objects_text(bodies: Sequence[Mapping[str, Any]], form: str) -> str:
    """Kubernetes objects: YAML documents; in JSON the one, or a List."""
    if form == "json":
        whole = bodies[0] if len(bodies) == 1 else {"apiVersion": "v1", "kind": "List", "items": list(bodies)}
        return json.dumps(whole, indent=2)
    return (to_yaml(bodies[0]) if len(bodies) == 1 else to_documents(bodies)).rstrip("\n")
