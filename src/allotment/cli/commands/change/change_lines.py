"""One change of a plan as people read it: a line, and below it what changes, in words; equal ones together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from textwrap import wrap
from typing import Any, Final

import click

from allotment.cli.commands.change.values import list_difference, shown_value, shown_values
from allotment.cli.commands.change.wording import Told, gist, told, told_contested
from allotment.cli.shell.terminal import printable
from allotment.model.grammar import count
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

_ONE_BY_ONE: Final = 3
"""Up to so many creations of a kind get a line each; more are listed together."""

_FEW: Final = 24
"""Up to so many that are listed together say what they are about: whom they let in, how much they give."""


def change_lines(changes: Sequence[Change], width: int) -> Iterator[str]:
    """Lines for the changes of a family, those that wait for a blocked namespace left out."""
    for (action, kind), group in groupby(changes, key=lambda change: (change.action, change.key.kind)):
        members = list(group)
        if action is Action.CREATE and len(members) > _ONE_BY_ONE:
            yield _signed(action, f"{len(members)} {kind}")
            for line in _abouts(members) or _compact(members):
                yield from _wrapped(line, width)
            continue
        for first, *others in _alike(members):
            yield _signed(action, f"{kind} {_name(first)}{_remark(first)}")
            for detail in _details(first):
                yield from (f"    {line}" for line in detail.lines(width - 6))
            if others:
                yield from _wrapped(_the_same(others), width)


def _wrapped(text: str, width: int) -> list[str]:
    lines = wrap(
        text,
        width - 2,
        initial_indent="    ",
        subsequent_indent="      ",
        break_on_hyphens=False,
        break_long_words=False,
    )
    return [line.replace(_TOGETHER, " ") for line in lines]


_TOGETHER: Final = "\N{NO-BREAK SPACE}"
"""Between an amount and what it is of, until lines are made."""


def _alike(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """Changes that differ in nothing but the object, together, in the order of the first of each."""
    groups: dict[Any, list[Change]] = {}
    for at, change in enumerate(changes):
        groups.setdefault(_sameness(change) or at, []).append(change)
    yield from groups.values()


def _sameness(change: Change) -> tuple[str, ...]:
    """What changes that are shown together share; empty for one that is shown by itself."""
    match change:
        case Update() | Conflict():
            name = change.key.name if change.key.namespace else ""
            return name, *(detail.text for detail in _details(change))
        case Delete() if change.key.namespace and change.key.kind not in _BY_ITSELF:
            return (change.key.name,)
        case _:
            return ()


_BY_ITSELF: Final = frozenset({"PersistentVolumeClaim"})
"""Kinds whose deletion is read one by one."""


def _the_same(changes: Sequence[Change]) -> str:
    if changes[0].key.namespace:
        names = ", ".join(change.key.namespace for change in changes)
        return printable(f"the same for {count(len(changes), 'more namespace')}: {names}")
    return printable(f"the same for {len(changes)} more: {', '.join(change.key.name for change in changes)}")


def following(change: Change) -> str:
    """The object whose own block is the only reason why a step cannot be done, in words; empty if there is none."""
    return change.following if isinstance(change, Blocked) else ""


def follower_lines(changes: Sequence[Change]) -> Iterator[str]:
    """A line for each object whose block keeps others from being done: it is solved once, not object by object."""
    for ground, number in sorted(Counter(filter(None, map(following, changes))).items()):
        yield _signed(Action.BLOCKED, f"{followers_text(ground, number)}; solve that first")


def followers_text(ground: str, number: int) -> str:
    """How many steps wait for one object."""
    return printable(f"{count(number, 'more object')} blocked with {ground}")


def _abouts(changes: Sequence[Change]) -> list[str]:
    """What new objects are about, where they are few enough to be read and about something."""
    abouts = [(change.key, gist(change.manifest.body)) for change in changes if isinstance(change, Create)]
    if len(abouts) > _FEW or not all(about for _, about in abouts):
        return []
    lines: dict[str, list[str]] = {}
    for key, told_about in abouts:
        about = ", ".join(item.replace(" ", _TOGETHER) for item in told_about.split(", "))
        if not key.namespace:
            # Policies are told apart by their mode, queues by their name.
            first, second = (about, key.name) if key.kind.endswith("PolicyBinding") else (key.name, about)
            lines.setdefault(first, []).append(second)
        else:
            lines.setdefault(key.namespace, []).append(
                about if key.kind == "RoleBinding" else f"{key.name}{_TOGETHER}{about}"
            )
    return [
        printable(f"{head}: {('; ' if f'{_TOGETHER}for{_TOGETHER}' in rest[0] else ', ').join(rest)}")
        for head, rest in lines.items()
    ]


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
        case Create():
            about = gist(change.manifest.body)
            return printable(f": {about}") if about else ""
        case _:
            return ""


def in_full(change: Change) -> str:
    """Details on one line, with the fields' own paths."""
    return "; ".join(click.unstyle(detail.text) for detail in _details(change, in_words=False))


def changed_fields(change: Change) -> Sequence[FieldChange | Contested]:
    """The fields that change or are contested."""
    match change:
        case Update():
            return change.fields
        case Conflict():
            return change.contested
        case _:
            return ()


@dataclass(frozen=True, slots=True)
class DetailLine:
    """A line below a change; where it is too long, its parts stand below one another.

    Attributes:
        head: the field, or the whole line.
        rest: what became of it.
    """

    head: str
    rest: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All of it on one line."""
        return " ".join((self.head, *self.rest))

    def lines(self, width: int) -> list[str]:
        """Within the width as far as that goes without cutting a value."""
        if not self.rest or len(click.unstyle(self.text)) <= width:
            return [self.text]
        return [self.head, *(f"  {part}" for part in self.rest)]


def _details(change: Change, *, in_words: bool = True) -> Iterator[DetailLine]:
    match change:
        case Update():
            fields = told(change.manifest.body, change.fields) if in_words else _by_path(change.fields)
            yield from (_field_line(each) for each in fields)
        case Conflict():
            for contested in change.contested:
                held = told_contested(change.manifest.body, contested) if in_words else _contested_by_path(contested)
                yield from (_contested_line(each) for each in held)
        case Blocked():
            yield DetailLine(printable(change.what))
            if change.why:
                yield DetailLine(f"why: {printable(change.why)}")
            if change.fix:
                yield DetailLine(f"fix: {printable(change.fix)}")
        case _:
            return


def _contested_by_path(field: Contested) -> Iterator[Told]:
    yield Told(
        field.field, in_words=False, change=FieldChange((), field.desired, field.live, field.manager, field.since)
    )


def _contested_line(said: Told) -> DetailLine:
    change, owner = said.change, f"{printable(said.change.by)}{_since(said.change.since)}"
    listed = list_difference(change.old, change.new) if said.in_words else ""
    if listed:
        return DetailLine(f"{printable(said.what)}:", (listed, f"against what is declared, by {owner}"))
    declared, live = shown_values(change.old, change.new)
    return DetailLine(f"{printable(said.what)}:", (f"{live} is owned by {owner};", f"declared is {declared}"))


def field_details(body: Mapping[str, Any], fields: Sequence[FieldChange]) -> Iterator[DetailLine]:
    """Changes of one object's fields, in words where there are some."""
    return (_field_line(each) for each in told(body, fields))


def _by_path(fields: Sequence[FieldChange]) -> Iterator[Told]:
    return (Told(field.field, in_words=False, change=field) for field in fields)


def _field_line(said: Told) -> DetailLine:
    change, what = said.change, printable(said.what)
    by = (f"(was set by {printable(change.by)}{_since(change.since)})",) if change.by else ()
    if change.old is not ABSENT and change.old == change.new:
        return DetailLine(f"{what}:", (f"{shown_value(change.new)} stays, but is no longer ours", *by))
    listed = list_difference(change.old, change.new) if said.in_words else ""
    if listed:
        return DetailLine(f"{what}:", (listed, *by))
    if change.old is ABSENT:
        return DetailLine(
            click.style(f"+ {what}:", fg="green"), (click.style(shown_value(change.new), fg="green"), *by)
        )
    if change.new is ABSENT:
        return DetailLine(click.style(f"- {what}:", fg="red"), (click.style(shown_value(change.old), fg="red"), *by))
    old, new = shown_values(change.old, change.new)
    return DetailLine(
        what if said.in_words else f"{what}:", (click.style(old, fg="red"), f"-> {click.style(new, fg='green')}", *by)
    )


def _since(moment: str) -> str:
    return f" since {moment}" if moment else ""
