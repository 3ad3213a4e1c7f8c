"""A server and its back ends, for people."""

from __future__ import annotations

from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column
from allotment.errors import shown
from allotment.ports.job_service import ServedBackend, ServerStatus
from allotment.reports.documents.jobs import backend_document


def server_listing(status: ServerStatus) -> Listing[ServedBackend]:
    """A row a back end."""
    return Listing(
        kind="Backend",
        rows=status.backends,
        columns=(
            Column("BACKEND", lambda each: shown(each.name)),
            Column("KIND", lambda each: each.offer.kind),
            Column("ACCELERATORS", _accelerators),
            Column("UNREACHABLE", lambda each: shown(each.unreachable) or None, keep=1, fold=" "),
        ),
        name=lambda each: f"backend/{each.name}",
        document=backend_document,
    )


def _accelerators(each: ServedBackend) -> str:
    return ", ".join(f"{number} {shown(name)}" for name, number in sorted(each.offer.accelerators.items()))


def _without(each: ServedBackend) -> str:
    """Of one that shows no accelerators: whether it has been asked at all."""
    if each.offer.kind:
        return "no accelerators"
    return "what it has is not known" if each.unreachable else "not asked yet"


def server_text(status: ServerStatus, call: str) -> str:
    """A server, and what to type next."""
    teams = shown(", ".join(status.teams))
    lines = [f"the server of platform {shown(status.platform)} runs (process {status.pid}): teams {teams}"]
    if status.demo:
        lines.append(f"  a demo: {shown(status.demo)}")
    if status.directory:
        lines.append(f"  its directory: {shown(status.directory)}")
    if status.listens:
        lines.append(f"  listens on {shown(status.listens)}: `{call} open` shows the portal there, as you")
    for each in status.backends:
        lines.append(f"  {shown(each.name)}: {_accelerators(each) or _without(each)}")
        lines += [f"    {shown(said)}" for said in each.offer.told]
        lines += [f"    trouble: {shown(each.unreachable)}"] if each.unreachable else []
    under_way = ", ".join(f"{number} {state.value}" for state, number in sorted(status.jobs.items()))
    lines.append(f"  jobs: {under_way or 'none under way'}")
    lines += [f"  trouble: {shown(said)}" for said in status.told]
    team = status.teams[0] if status.teams else "TEAM"
    work = f"template new train --team {team} > job.yaml" if status.demo else f"run train.py --team {team} --gpus 1"
    lines += ["", "next:", f"  {call} {work}", f"  {call} ps -w", f"  {call} down"]
    return "\n".join(lines)
