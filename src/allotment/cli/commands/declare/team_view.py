"""Teams, and the levels of isolation."""

from __future__ import annotations

from collections.abc import Sequence

import click

from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column
from allotment.model.platform import Platform
from allotment.model.team import Team
from allotment.operations.directory.isolation import LEVELS, Advice, Level
from allotment.reports.documents.teams import level_document, placements_of, team_document


def team_listing(platform: Platform, cluster: str) -> Listing[Team]:
    """A row a team; with a cluster only the teams there, and only their quota there."""

    def devices(team: Team) -> str | None:
        counts: dict[str, int] = {}
        for placement in placements_of(team, cluster):
            home = platform.cluster(placement.cluster)
            for entry in placement.accelerators:
                name = home.flavor(entry.flavor).accelerator if home else None
                if name is not None and entry.devices.nominal:
                    counts[name] = counts.get(name, 0) + entry.devices.nominal
        return ", ".join(f"{number} {name}" for name, number in counts.items()) or None

    rows = [team for team in platform.teams if not cluster or team.placement_in(cluster)]
    return Listing(
        kind="Team",
        rows=rows,
        columns=(
            Column("NAME", lambda row: row.name),
            Column("NAMESPACES", lambda row: ", ".join(row.namespaces), fold=", "),
            Column("ISOLATION", lambda row: row.isolation.value),
            Column(
                "CLUSTERS",
                lambda row: ", ".join(p.cluster for p in placements_of(row, cluster)) or None,
                keep=1,
                fold=", ",
            ),
            Column("GUARANTEED", devices, keep=2, fold=", "),
            Column("COST-CENTER", lambda row: row.cost_center),
            Column("STATUS", _status, style=lambda row: "yellow" if row.offboarding else "", keep=2),
            Column("ID", lambda row: row.id, wide=True),
            Column("ENVIRONMENTS", lambda row: ", ".join(e.value for e in row.environments) or None, wide=True),
            Column("PROJECTS", lambda row: ", ".join(project.name for project in row.projects) or None, wide=True),
            Column("PRIORITIES", lambda row: ", ".join(row.priorities) or None, wide=True),
            Column("OWNERS", lambda row: ", ".join(row.groups.owners) or None, wide=True),
            Column("CONTACTS", lambda row: ", ".join(c.address for c in row.contacts) or None, wide=True),
        ),
        name=lambda row: row.name,
        document=lambda row: team_document(row, cluster),
        labels=lambda row: {
            "team": row.name,
            "isolation": row.isolation.value,
            "cost-center": row.cost_center,
            "status": "leaving" if row.offboarding else "active",
            **{f"environment-{each.value}": "true" for each in row.environments},
        },
        nothing="the platform has no teams" if not cluster else f"no team is in {cluster}",
    )


def _status(team: Team) -> str:
    return "active" if team.offboarding is None else f"leaving, data until {team.offboarding.keep_data_until}"


def level_listing(advice: Advice) -> Listing[Level]:
    """All levels; the recommended one is marked."""
    return Listing(
        kind="IsolationLevel",
        rows=LEVELS,
        columns=(
            Column("LEVEL", lambda row: row.isolation.value, style=lambda row: _mark(row, advice)),
            Column("BOUNDARY", lambda row: row.boundary, keep=2, fold=" "),
            Column("STILL-SHARED", lambda row: row.shared, wide=True),
            Column("COST", lambda row: row.cost, fold=" "),
            Column("OVERHEAD", lambda row: row.overhead, fold=" "),
            Column("RIGHT-WHEN", lambda row: row.right_when, keep=1, fold=" "),
            Column("RECOMMENDED", lambda row: "yes" if row is advice.level else None, wide=True),
        ),
        name=lambda row: row.isolation.value,
        document=lambda row: level_document(row, advice),
    )


def _mark(row: Level, advice: Advice) -> str:
    return "bold green" if row is advice.level else ""


def advice_text(advice: Advice, rows: Sequence[Level]) -> str:
    """The recommendation with its reasons, then every level in a paragraph: the cells are sentences."""
    lines = [f"{click.style('recommended:', bold=True)} {click.style(advice.level.isolation.value, fg='green')}"]
    lines += [f"  because {reason}" for reason in advice.reasons]
    for level in rows:
        lines.append("")
        style = {"fg": "green", "bold": True} if level is advice.level else {"bold": True}
        lines.append(click.style(level.isolation.value, **style))
        for title, text in (
            ("boundary", level.boundary),
            ("still shared", level.shared),
            ("cost", level.cost),
            ("overhead", level.overhead),
            ("right when", level.right_when),
        ):
            lines.append(f"  {title:<13} {text}")
    return "\n".join(lines)
