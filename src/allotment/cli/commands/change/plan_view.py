"""Plans: what apply would do, grouped by family, with the fields that change."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

import click

from allotment.cli.commands.change.change_lines import (
    COLORS,
    change_lines,
    changed_fields,
    follower_lines,
    following,
    in_full,
)
from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column
from allotment.cli.shell.terminal import printable
from allotment.model.grammar import count
from allotment.model.manifest import Family
from allotment.plan.changes import (
    Action,
    MissingRight,
    Plan,
    PlanWarning,
    WarningCode,
    place_of,
)
from allotment.plan.foreign import resting_on_unread
from allotment.reports.documents.plan import ChangeRow, change_document, rows_of

_WORDS: Final = {
    Action.CREATE: "to create",
    Action.UPDATE: "to change",
    Action.DELETE: "to delete",
    Action.DRAIN: "to drain",
    Action.CONFLICT: "in conflict",
    Action.BLOCKED: "blocked",
}


def plan_listing(plan: Plan) -> Listing[ChangeRow]:
    """A row a change."""
    return Listing(
        kind="Change",
        rows=rows_of(plan),
        columns=(
            Column("ACTION", lambda row: row.change.action.value, style=lambda row: COLORS[row.change.action]),
            Column("FAMILY", lambda row: row.family),
            Column("TEAM", lambda row: row.team or None),
            Column("KIND", lambda row: row.change.key.kind),
            Column("NAMESPACE", lambda row: row.change.key.namespace or None),
            Column("NAME", lambda row: row.change.key.name),
            Column("FIELDS", lambda row: len(changed_fields(row.change)) or None),
            Column("DETAILS", lambda row: in_full(row.change) or None, wide=True),
        ),
        name=lambda row: str(row.change.key),
        document=change_document,
        labels=lambda row: {
            key: value
            for key, value in (
                ("action", row.change.action.value),
                ("family", row.family),
                ("team", row.team),
                ("kind", row.change.key.kind),
                ("namespace", row.change.key.namespace),
            )
            if value
        },
        nothing="no changes",
    )


def plan_text(plan: Plan, rows: Sequence[ChangeRow], width: int) -> str:
    """The plan as people read it; `rows` are those that the user asked to see."""
    if plan.empty:
        found = "no changes found" if plan.unread else "no changes"
        headline = f"{click.style(found, fg='yellow' if plan.unread else 'green', bold=True)}: {plan.place} is as "
        headline += f"{plan.platform} declares{_as_far(plan)}"
        lines = [*warning_lines(plan.warnings), *missing_lines(plan)]
        said = "\n".join(["", "", *lines]) if lines else ""
        return f"{headline} ({count(plan.unchanged, 'object')}){said}"
    at = place_of("", plan.server, plan.context)
    blocks = [f"Plan for {click.style(plan.cluster, bold=True)} ({plan.platform}){at}: {totals(plan)}{_partly(plan)}"]
    if _first(plan):
        blocks.append("\n".join(doubt_lines(plan)))
    order = [*(family.value for family in Family)]
    ranked = sorted(rows, key=lambda row: order.index(row.family) if row.family in order else len(order))
    for family, members in groupby(ranked, key=lambda row: row.family):
        changes = [member.change for member in members]
        lines = [
            *change_lines([change for change in changes if not following(change)], width),
            *follower_lines(changes),
        ]
        blocks.append("\n".join([click.style(family, bold=True), *(f"  {line}" for line in lines)]))
    told = [one for one in plan.warnings if one not in _first(plan) and not _leads_on(one, plan)]
    rest = [*warning_lines(told), *missing_lines(plan)]
    if rest:
        blocks.append("\n".join(rest))
    if len(blocks) > 4:
        blocks.append(f"Total: {totals(plan)}{_partly(plan)}")
    return "\n\n".join(blocks)


def _first(plan: Plan) -> tuple[PlanWarning, ...]:
    """What all the rest hangs on."""
    return (*plan.doubts, *((plan.lockout,) if plan.lockout is not None else ()))


def _as_far(plan: Plan) -> str:
    return f", as far as it could be looked at: {count(len(plan.unread), 'kind')} could not" if plan.unread else ""


def _leads_on(warning: PlanWarning, plan: Plan) -> bool:
    """Whether it is about nodes of what may be another cluster: nobody labels those."""
    return plan.doubted and warning.code is WarningCode.NODES


def _partly(plan: Plan) -> str:
    """That the numbers are of a part only."""
    return f"; at least, for {count(len(plan.unread), 'kind')} could not be looked at" if plan.unread else ""


def totals(plan: Plan) -> str:
    """``12 to create, 1 to change, 3 unchanged``."""
    parts = [
        click.style(f"{number} {_WORDS[action]}", fg=COLORS[action]) for action, number in plan.counts.items() if number
    ]
    parts.append(f"{plan.unchanged} unchanged")
    return ", ".join(parts)


def warning_lines(warnings: Sequence[PlanWarning]) -> list[str]:
    """What the reader should know before applying."""
    return [
        f"{click.style('warning:', fg='yellow', bold=True)} {printable(str(warning.key))}: {printable(warning.message)}"
        for warning in warnings
    ]


def doubt_lines(plan: Plan) -> list[str]:
    """Signs that it may be another cluster; they stand first, since all the rest follows from it."""
    mark = click.style("warning:", fg="yellow", bold=True)
    return [f"{mark} {printable(one.message)}" for one in _first(plan)]


def missing_lines(plan: Plan) -> list[str]:
    """What we may not do, once for each kind, and what that means for the plan."""
    mark = click.style("not allowed:", fg="yellow", bold=True)
    lines = [f"{mark} {right}: {_consequence(right, plan)}" for right in plan.missing]
    if lines:
        lines.append("`allot preflight --rights plan -o yaml` prints the rights that plan needs.")
    return lines


def _consequence(right: MissingRight, plan: Plan) -> str:
    if right.unread:
        resting = len(resting_on_unread(plan.changes, right))
        more = f"; {count(resting, 'step')} above that would rest on them may be blocked" if resting else ""
        return f"these objects were not looked at, and may differ{more}"
    return "compared here, not by the server, whose defaults may show as differences"
