"""Sandboxes, their processes and their programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from allotment.cli.commands.change.diffs import next_steps
from allotment.cli.shell.amounts import memory
from allotment.cli.shell.calling import typed
from allotment.cli.shell.output import Listing
from allotment.cli.shell.steps import duration
from allotment.cli.shell.table import Column, table_text
from allotment.model.grammar import count
from allotment.ports.sandboxes import ComponentStatus, Sandbox, SandboxStatus
from allotment.reports.documents.sandbox import component_document, program_document, started_document, status_document

Program = tuple[str, str]
"""(tool, path)"""


def started_listing(started: Sandbox) -> Listing[Sandbox]:
    """The sandbox that is up, as one row."""
    return Listing(
        kind="Sandbox",
        rows=[started],
        columns=(
            Column("NAME", lambda row: row.name),
            Column("CONTEXT", lambda row: row.context),
            Column("KUBECONFIG", lambda row: str(row.kubeconfig)),
            Column("STARTED", lambda row: "now" if row.created else "earlier"),
        ),
        name=lambda row: row.name,
        document=started_document,
    )


def started_text(started: Sandbox, directory: str, cluster: str, call: str) -> str:
    """That it is up, and how to use it; `call` is what to type for `allot`."""
    word = "up" if started.created else "was up already, nodes are up to date"
    name, place = typed(started.name), typed(directory)
    steps = next_steps(
        [
            (f"export KUBECONFIG=$(allot sandbox kubeconfig {name})", "use it in this shell"),
            (f"allot apply {place} --cluster {cluster}", ""),
            (f"allot prove {place} --cluster {cluster}", "do the guardrails hold?"),
            (f"allot sandbox down {name}", "and be rid of it"),
        ],
        call,
    )
    return f"{click.style(started.name, bold=True)} is {word}\n\n{steps}"


def sandbox_listing(found: Sequence[SandboxStatus]) -> Listing[SandboxStatus]:
    """All sandboxes."""
    return Listing(
        kind="Sandbox",
        rows=found,
        columns=(
            Column("NAME", lambda row: row.name),
            Column("READY", lambda row: _yes(row.ready), style=lambda row: "green" if row.ready else "red"),
            Column("NODES", lambda row: len(row.nodes)),
            Column("AGE", lambda row: round(row.age_seconds), text=lambda row: duration(row.age_seconds), unit="s"),
            Column("MEMORY", lambda row: row.memory_bytes, text=lambda row: memory(row.memory_bytes), unit="bytes"),
            Column("CONTEXT", lambda row: row.context),
            Column("DIRECTORY", lambda row: str(row.directory), wide=True),
        ),
        name=lambda row: row.name,
        document=lambda row: status_document(row, row.components),
        labels=lambda row: {"name": row.name, "ready": str(row.ready).lower()},
        nothing="there are no sandboxes",
    )


def component_listing(found: SandboxStatus) -> Listing[ComponentStatus]:
    """The processes of one sandbox."""
    return Listing(
        kind="Component",
        rows=found.components,
        columns=(
            Column("COMPONENT", lambda row: row.name),
            Column("RUNNING", lambda row: _yes(row.running), style=lambda row: "" if row.running else "red"),
            Column("READY", lambda row: _yes(row.ready), style=lambda row: "green" if row.ready else "red"),
            Column("PID", lambda row: row.pid),
            Column("PORT", lambda row: row.port),
            Column("MEMORY", lambda row: row.memory_bytes, text=lambda row: memory(row.memory_bytes), unit="bytes"),
            Column("LOG", lambda row: str(row.log), wide=True),
        ),
        name=lambda row: row.name,
        document=component_document,
        labels=lambda row: {"component": row.name, "ready": str(row.ready).lower()},
        nothing="it has no processes: its start did not come that far",
    )


def _yes(value: bool) -> str:  # noqa: FBT001 (a cell's value)
    return "yes" if value else "no"


def status_text(found: SandboxStatus, rows: Sequence[ComponentStatus], width: int | None) -> str:
    """Headline and processes; nodes that are not ready by name."""
    state = (
        click.style("ready", fg="green", bold=True) if found.ready else click.style("not ready", fg="red", bold=True)
    )
    waiting = [name for name, ready in found.nodes if not ready]
    size = f"{count(len(found.nodes), 'node')}, {memory(found.memory_bytes)} of memory"
    lines = [
        f"{found.name} is {state}: {size}, for {duration(found.age_seconds)}",
        f"context {found.context}, files in {found.directory}",
    ]
    if waiting:
        lines.append(f"{count(len(waiting), 'node')} not ready: {', '.join(waiting[:10])}")
    columns = [column for column in component_listing(found).columns if not column.wide]
    return "\n".join([*lines, "", table_text(columns, rows, width=width)])


def program_listing(programs: Mapping[str, str]) -> Listing[Program]:
    """Where each program is."""
    return Listing(
        kind="Program",
        rows=list(programs.items()),
        columns=(Column("PROGRAM", lambda row: row[0]), Column("PATH", lambda row: row[1])),
        name=lambda row: row[1],
        document=program_document,
    )
