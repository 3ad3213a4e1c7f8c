"""Plans: what apply would do, grouped by family, with the fields that change."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from textwrap import wrap
from typing import Any, Final

import click

from allotment.cli.output import Column, Listing
from allotment.cli.terminal import printable
from allotment.cli.views.amounts import count
from allotment.model.manifest import Family
from allotment.plan.changes import (
    SIGNS,
    Action,
    Blocked,
    Change,
    Conflict,
    Contested,
    Create,
    Delete,
    Drain,
    Plan,
    PlanWarning,
    Update,
)
from allotment.plan.difference import ABSENT, FieldChange

COLORS: Final = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.DELETE: "red",
    Action.DRAIN: "magenta",
    Action.CONFLICT: "bright_red",
    Action.BLOCKED: "bright_red",
}

_WORDS: Final = {
    Action.CREATE: "to create",
    Action.UPDATE: "to change",
    Action.DELETE: "to delete",
    Action.DRAIN: "to drain",
    Action.CONFLICT: "in conflict",
    Action.BLOCKED: "blocked",
}

_NO_FAMILY: Final = "no longer declared"
"""Heading of what is deleted: the declaration that would name its family is gone."""

_ONE_BY_ONE: Final = 3
"""Up to so many creations of a kind get a line each; more are listed together."""

_LONGEST_VALUE: Final = 100
_BEFORE: Final = 40
"""Characters shown before the first that differs, where values are too long to be shown whole."""


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change with the family it is shown under."""

    change: Change
    family: str
    team: str


def rows_of(plan: Plan) -> tuple[ChangeRow, ...]:
    """The plan's changes, in its own order."""
    return tuple(ChangeRow(change, _family(change), _team(change)) for change in plan.changes)


def _family(change: Change) -> str:
    match change:
        case Create() | Update() | Conflict():
            return change.manifest.family.value
        case Drain():
            return "workloads that are ended"
        case Blocked():
            return "blocked"
        case Delete():
            return _NO_FAMILY


def _team(change: Change) -> str:
    match change:
        case Create() | Update() | Conflict():
            return change.manifest.team or ""
        case Drain() | Delete():
            return change.team
        case Blocked():
            return ""


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
            Column("FIELDS", lambda row: len(_fields(row.change)) or None),
            Column("DETAILS", lambda row: "; ".join(_details(row.change)) or None, wide=True),
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
        headline = f"{click.style('no changes', fg='green', bold=True)}: {plan.cluster} is as {plan.platform} declares"
        said = "\n".join(["", "", *warning_lines(plan.warnings)]) if plan.warnings else ""
        return f"{headline} ({count(plan.unchanged, 'object')}){said}"
    blocks = [f"Plan for {click.style(plan.cluster, bold=True)} ({plan.platform}): {totals(plan)}"]
    order = [*(family.value for family in Family)]
    ranked = sorted(rows, key=lambda row: order.index(row.family) if row.family in order else len(order))
    for family, members in groupby(ranked, key=lambda row: row.family):
        changes = [member.change for member in members]
        lines = [*_family_lines([change for change in changes if not following(change)], width), *_followers(changes)]
        blocks.append("\n".join([click.style(family, bold=True), *(f"  {line}" for line in lines)]))
    if plan.warnings:
        blocks.append("\n".join(warning_lines(plan.warnings)))
    if len(blocks) > 4:
        blocks.append(f"Total: {totals(plan)}")
    return "\n\n".join(blocks)


def totals(plan: Plan) -> str:
    """``12 to create, 1 to change, 3 unchanged``."""
    parts = [
        click.style(f"{number} {_WORDS[action]}", fg=COLORS[action]) for action, number in plan.counts.items() if number
    ]
    parts.append(f"{plan.unchanged} unchanged")
    return ", ".join(parts)


def _family_lines(changes: Sequence[Change], width: int) -> Iterator[str]:
    for (action, kind), group in groupby(changes, key=lambda change: (change.action, change.key.kind)):
        members = list(group)
        if action is Action.CREATE and len(members) > _ONE_BY_ONE:
            yield _signed(action, f"{len(members)} {kind}")
            for line in _compact(members):
                yield from wrap(
                    line, width - 2, initial_indent="    ", subsequent_indent="      ", break_on_hyphens=False
                )
            continue
        for change in members:
            yield _signed(action, f"{kind} {_name(change)}{_remark(change)}")
            for detail in _details(change):
                yield f"    {detail}"


def following(change: Change) -> str:
    """The namespace whose own block is the only reason why a step cannot be done; empty if there is none."""
    return change.following if isinstance(change, Blocked) else ""


def _followers(changes: Sequence[Change]) -> Iterator[str]:
    """A line for each namespace whose block keeps others from being done: it is solved once, not object by object."""
    for namespace, number in sorted(Counter(filter(None, map(following, changes))).items()):
        yield _signed(Action.BLOCKED, f"{followers_text(namespace, number)}; solve that first")


def followers_text(namespace: str, number: int) -> str:
    """How many steps wait for one namespace."""
    return printable(f"{count(number, 'more object')} blocked with Namespace {namespace}")


def _compact(changes: Sequence[Change]) -> Iterator[str]:
    """Names of many objects; namespaces that get the same names share a line."""
    names: dict[str, list[str]] = {}
    for change in changes:
        names.setdefault(change.key.namespace, []).append(change.key.name)
    alike: dict[tuple[str, ...], list[str]] = {}
    for namespace, members in names.items():
        alike.setdefault(tuple(members), []).append(namespace)
    for shared, namespaces in alike.items():
        inside = f"{', '.join(namespaces)}: " if namespaces != [""] else ""
        yield printable(inside + ", ".join(shared))


def _name(change: Change) -> str:
    key = change.key
    return printable(f"{key.namespace}/{key.name}" if key.namespace else key.name)


def _signed(action: Action, text: str) -> str:
    return f"{click.style(SIGNS[action], fg=COLORS[action], bold=True)} {text}"


def _remark(change: Change) -> str:
    match change:
        case Drain():
            running = ", ".join(f"{number} {kind}" for kind, number in change.running) or "nothing runs"
            return f": {'once more, ' if change.again else ''}{running}"
        case Blocked():
            return f": cannot {change.wanted.value}"
        case _:
            return ""


def _fields(change: Change) -> Sequence[FieldChange | Contested]:
    match change:
        case Update():
            return change.fields
        case Conflict():
            return change.contested
        case _:
            return ()


def _details(change: Change) -> Iterator[str]:
    match change:
        case Update():
            yield from (_field_line(field) for field in change.fields)
        case Conflict():
            for contested in change.contested:
                live, desired = shown_values(contested.live, contested.desired)
                yield (
                    f"{contested.field}: {live} is owned by {contested.manager}"
                    f"{_since(contested.since)}; declared is {desired}"
                )
        case Blocked():
            yield printable(change.what)
            if change.why:
                yield f"why: {printable(change.why)}"
            if change.fix:
                yield f"fix: {printable(change.fix)}"
        case _:
            return


def _field_line(change: FieldChange) -> str:
    if change.old is ABSENT:
        text = click.style(f"+ {change.field}: {shown_value(change.new)}", fg="green")
    elif change.new is ABSENT:
        text = click.style(f"- {change.field}: {shown_value(change.old)}", fg="red")
    elif change.old == change.new:
        text = f"{change.field}: {shown_value(change.new)} stays, but is no longer ours"
    else:
        old, new = shown_values(change.old, change.new)
        text = f"{change.field}: {click.style(old, fg='red')} -> {click.style(new, fg='green')}"
    return text + (f" (was set by {printable(change.by)}{_since(change.since)})" if change.by else "")


def _since(moment: str) -> str:
    return f" since {moment}" if moment else ""


def shown_value(value: Any) -> str:
    """A field's value on one line, not too long; ``(absent)`` where there is none."""
    return _cut(_whole(value), 0)


def shown_values(one: Any, other: Any) -> tuple[str, str]:
    """Two values of a field, each on one line and not too long; of long ones the part where they begin to differ."""
    first, second = _whole(one), _whole(other)
    pairs = enumerate(zip(first, second, strict=False))
    same = next((at for at, (here, there) in pairs if here != there), min(len(first), len(second)))
    start = same - _BEFORE if max(len(first), len(second)) > _LONGEST_VALUE and same > _BEFORE else 0
    return _cut(first, start), _cut(second, start)


def _whole(value: Any) -> str:
    if value is ABSENT:
        return "(absent)"
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=str)
    return printable(text).replace("\n", " ")


def _cut(text: str, start: int) -> str:
    shown = f"…{text[start:]}" if start else text
    return shown if len(shown) <= _LONGEST_VALUE else f"{shown[: _LONGEST_VALUE - 1]}…"


def warning_lines(warnings: Sequence[PlanWarning]) -> list[str]:
    """What the reader should know before applying."""
    return [
        f"{click.style('warning:', fg='yellow', bold=True)} {printable(str(warning.key))}: {printable(warning.message)}"
        for warning in warnings
    ]


def plan_document(plan: Plan, rows: Sequence[ChangeRow]) -> Mapping[str, Any]:
    """The plan as JSON."""
    return {
        "kind": "PlanSummary",
        "platform": plan.platform,
        "cluster": plan.cluster,
        "digest": plan.digest,
        "empty": plan.empty,
        "forced": plan.forced,
        "summary": {**{action.value: number for action, number in plan.counts.items()}, "unchanged": plan.unchanged},
        "changes": [change_document(row) for row in rows],
        "warnings": [
            {"code": warning.code.value, **key_document(warning), "message": warning.message}
            for warning in plan.warnings
        ],
    }


def key_document(item: Change | PlanWarning) -> dict[str, Any]:
    """Which object."""
    key = item.key
    return {"object": {"group": key.group, "kind": key.kind, "namespace": key.namespace, "name": key.name}}


def change_document(row: ChangeRow) -> Mapping[str, Any]:
    """A change as JSON; a field that is absent on one side lacks that side."""
    change = row.change
    base: dict[str, Any] = {
        "action": change.action.value,
        "family": row.family,
        "team": row.team,
        **key_document(change),
    }
    match change:
        case Update():
            base["fields"] = [_field_document(field) for field in change.fields]
        case Conflict():
            base["contested"] = [_contested_document(field) for field in change.contested]
        case Drain():
            base["running"] = dict(change.running)
        case Blocked():
            base |= {"wanted": change.wanted.value, "what": change.what, "why": change.why, "fix": change.fix}
        case _:
            pass
    return base


def _field_document(change: FieldChange) -> Mapping[str, Any]:
    sides = {name: value for name, value in (("old", change.old), ("new", change.new)) if value is not ABSENT}
    owner = {"by": change.by, "since": change.since} if change.by else {}
    return {"field": change.field, **sides, **owner}


def _contested_document(field: Contested) -> Mapping[str, Any]:
    sides = {name: value for name, value in (("live", field.live), ("declared", field.desired)) if value is not ABSENT}
    return {"field": field.field, "manager": field.manager, "since": field.since, **sides}
