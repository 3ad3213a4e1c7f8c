"""Adoptions: whose each object is, what changes in it, what is at stake, what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from allotment.cli.commands.change.change_lines import field_details
from allotment.cli.commands.change.diffs import diff_text
from allotment.cli.shell.output import Listing
from allotment.cli.shell.prose import prose
from allotment.cli.shell.table import Column
from allotment.cli.shell.terminal import printable
from allotment.model.grammar import count
from allotment.model.manifest import ObjectKey
from allotment.operations.adopt.taking_over import DONE, Fate, Handled
from allotment.plan.adoption.adopting import Adoption, Hindrance
from allotment.plan.adoption.words import word_of
from allotment.plan.difference import ABSENT, FieldChange
from allotment.reports.documents.adoption import adoption_document, return_document, status_of

if TYPE_CHECKING:
    from allotment.operations.adopt.giving_back import Return
    from allotment.operations.adopt.looking import AdoptionLook
    from allotment.operations.directory.teams import Edit
    from allotment.spec.mentions import Mention

Hint = Callable[[str], str]

_COLORS: Final = dict.fromkeys(DONE, "green") | {Fate.HELD: "yellow", Fate.SKIPPED: "yellow"}
_ENFORCED: Final = "f:pod-security.kubernetes.io/enforce"
_WORDS: Final = 5
"""Commands that are suggested at most."""


def adoption_listing(look: AdoptionLook, handled: Sequence[Handled]) -> Listing[Adoption]:
    """A row an object."""
    fates = {each.key: each for each in handled}
    return Listing(
        kind="Adoption",
        rows=look.adoptions,
        columns=(
            Column("STATUS", lambda row: status_of(row, fates.get(row.key))),
            Column("KIND", lambda row: row.key.kind),
            Column("NAMESPACE", lambda row: row.key.namespace or None),
            Column("NAME", lambda row: row.key.name),
            Column("FIELDS", lambda row: len(row.fields) or None),
            Column("FROM", lambda row: str(row.origins[0]) if row.origins else None),
            Column("WHY-NOT", lambda row: "; ".join(one.why for one in row.hindrances) or None, wide=True),
        ),
        name=lambda row: word_of(row.key),
        document=lambda row: adoption_document(row, fates.get(row.key)),
        labels=lambda row: {
            "kind": row.key.kind,
            "namespace": row.key.namespace,
            "status": status_of(row, fates.get(row.key)),
        },
        nothing="nothing that is declared belongs to somebody else",
    )


def look_text(look: AdoptionLook, edit: Edit | None, width: int, hint: Hint = str) -> str:
    """Object by object, as people read it before they agree.

    Args:
        look: what was seen.
        edit: of the directory, that goes with it.
        width: of the terminal.
        hint: makes the commands in a text complete.
    """
    if not look.adoptions:
        headline = click.style("nothing to take over", fg="green", bold=True)
        return f"{headline}: nothing that {look.platform} declares in {look.cluster} belongs to somebody else"
    held = len(look.adoptions) - len(look.possible)
    parts = [count(len(look.possible), "object"), *([f"{held} held back"] if held else [])]
    title = "To take over in" if look.chosen else "Declared, but made by somebody else, in"
    blocks = [f"{title} {click.style(look.cluster, bold=True)} ({look.platform}): {', '.join(parts)}"]
    blocks += ["\n".join(_lines(each, width, hint)) for each in look.adoptions]
    if edit is not None:
        when = "Written" if look.opens or not look.chosen else "Would be written"
        blocks.append(f"{when} into the directory with it, so that what runs there goes on:\n{diff_text(edit.diff)}")
    return "\n\n".join(blocks)


def _lines(each: Adoption, width: int, hint: Hint) -> Iterator[str]:
    sign = click.style("x", fg="bright_red", bold=True) if each.hindrances else click.style("~", fg="yellow", bold=True)
    yield f"{sign} {_named(each.key)}{': held back' if each.hindrances else ''}"
    if each.origins:
        yield from prose(f"from: {', '.join(map(str, each.origins))}", width, "    ")
    yield from _hindrance_lines(each.hindrances, width, hint)
    yield from _field_lines(each.manifest.body, each.fields, width)
    if each.facts.stake:
        yield from prose(f"at stake: {'; '.join(each.facts.stake)}", width, "    ")
    if each.facts.cuts:
        yield (
            "    network policies, which stay away unless you say --network-policies:"
            if each.facts.left_out
            else "    network policies that come with the next apply:"
        )
    for cut in each.facts.cuts:
        yield from prose(f"{cut.name}: {cut.what}", width, "      ")
    for remark in each.remarks:
        yield from _marked(prose(f"note: {hint(remark)}", width, "    "))


def _hindrance_lines(hindrances: Sequence[Hindrance], width: int, hint: Hint) -> Iterator[str]:
    for hindrance in hindrances:
        yield from prose(f"why not: {hint(hindrance.why)}", width, "    ")
        yield from prose(f"fix: {hint(hindrance.fix)}", width, "      ")


def _marked(lines: Sequence[str]) -> Iterator[str]:
    first, *rest = lines
    yield first.replace("note:", click.style("note:", fg="yellow"), 1)
    yield from rest


def _field_lines(body: Mapping[str, Any], fields: Sequence[FieldChange], width: int) -> Iterator[str]:
    """Fields that change; marks that only say whose the object is stand on one line."""
    marks = [field for field in fields if _is_mark(field)]
    for detail in field_details(body, [field for field in fields if not _is_mark(field)]):
        yield from (f"    {line}" for line in detail.lines(width - 4))
    if marks:
        yield click.style(f"    + {_marks(marks)}", fg="green")
    if not fields:
        yield "    nothing changes in it"


def _marks(fields: Sequence[FieldChange]) -> str:
    """Labels and annotations of the platform by their number."""
    kinds = Counter("annotation" if field.path[1] == "f:annotations" else "label" for field in fields)
    named = " and ".join(count(kinds[kind], kind) for kind in ("label", "annotation") if kinds[kind])
    return f"{named} of the platform"


def told_fields(each: Adoption) -> list[str]:
    """The fields that change, in words, each on a line without colour; marks of the platform are left out."""
    told = field_details(each.manifest.body, [field for field in each.fields if not _is_mark(field)])
    return [click.unstyle(detail.text) for detail in told]


def _is_mark(field: FieldChange) -> bool:
    """Whether it only says whose the object is, and what the team may; a Pod Security level decides what runs there."""
    in_metadata = field.path[:2] in (("f:metadata", "f:labels"), ("f:metadata", "f:annotations"))
    return field.old is ABSENT and in_metadata and field.path[-1] != _ENFORCED


def _named(key: ObjectKey) -> str:
    return printable(f"{key.kind} {key.namespace}/{key.name}" if key.namespace else f"{key.kind} {key.name}")


def words_to_type(look: AdoptionLook) -> tuple[str, ...]:
    """Words of what could be taken over, namespaces first; what lies in one comes with it."""
    spaces = {each.key.name for each in look.adoptions if each.key.kind == "Namespace"}
    words = [word_of(each.key) for each in look.possible if each.key.namespace not in spaces]
    return tuple(words[:_WORDS])


def words_left(handled: Sequence[Handled]) -> tuple[str, ...]:
    """Words of what was not done; what lies in a namespace that was not comes with it."""
    left = [each.key for each in handled if each.fate not in DONE]
    spaces = {key.name for key in left if key.kind == "Namespace"}
    return tuple(word_of(key) for key in left if key.namespace not in spaces)


def handled_text(cluster: str, handled: Sequence[Handled], width: int) -> str:
    """What was done, and what was not, and why."""
    counts = Counter(each.fate for each in handled)
    parts = [click.style(f"{number} {fate.value}", fg=_COLORS.get(fate, "red")) for fate, number in counts.items()]
    left = [each for each in handled if each.fate not in DONE]
    headline = click.style("incomplete", fg="red") if left else click.style("done", fg="green", bold=True)
    lines = [f"{headline}: {cluster}: {', '.join(parts)}"]
    for each in handled:
        lines += [f"  warning: {_named(each.key)}: {printable(warning)}" for warning in each.warnings]
    for each in left:
        first, *rest = prose(f"{each.fate.value} {_named(each.key)}: {each.message}", width, "  ")
        fate = click.style(each.fate.value, fg=_COLORS.get(each.fate, "red"))
        lines += [first.replace(each.fate.value, fate, 1), *rest]
    return "\n".join(lines)


_UNDONE: Final = {
    Fate.GIVEN_BACK: "gets its earlier values back",
    Fate.DELETED: "was made by apply: deleted",
    Fate.RELEASED: "was made by apply: stays with its data, no longer the platform's",
}


def return_listing(returns: Sequence[Return], handled: Sequence[Handled]) -> Listing[Return]:
    """A row an object."""
    fates = {each.key: each for each in handled}
    return Listing(
        kind="Return",
        rows=returns,
        columns=(
            Column("STATUS", lambda row: status_of(row, fates.get(row.key))),
            Column("KIND", lambda row: row.key.kind),
            Column("NAMESPACE", lambda row: row.key.namespace or None),
            Column("NAME", lambda row: row.key.name),
            Column("WHAT", lambda row: _UNDONE[row.fate]),
            Column("TAKEN-OVER", lambda row: row.written.at if row.written else None),
            Column("FROM", lambda row: row.written.origins[0] if row.written and row.written.origins else None),
        ),
        name=lambda row: word_of(row.key),
        document=lambda row: return_document(row, fates.get(row.key)),
        labels=lambda row: {"kind": row.key.kind, "namespace": row.key.namespace},
        nothing="nothing was taken over",
    )


def returns_text(cluster: str, returns: Sequence[Return], width: int, *, asked: bool, hint: Hint = str) -> str:
    """Object by object, what undoing does, in the order in which it is done."""
    if not returns:
        return f"nothing was taken over in {cluster}"
    title = "To give back in" if asked else "Taken over in"
    held = sum(1 for each in returns if each.hindrances)
    number = f"{count(len(returns), 'object')}{f', {held} held back' if held else ''}"
    blocks = [f"{title} {click.style(cluster, bold=True)}: {number}"]
    for each in returns:
        sign = (
            click.style("x", fg="bright_red", bold=True)
            if each.hindrances
            else click.style("~", fg="yellow", bold=True)
        )
        lines = [f"{sign} {_named(each.key)}: {'held back' if each.hindrances else _UNDONE[each.fate]}"]
        if each.written is not None:
            origins = ", ".join(each.written.origins) or "nobody"
            lines += prose(f"taken over {each.written.at} from {origins}", width, "    ")
            lines += _hindrance_lines(each.hindrances, width, hint)
            lines += _return_lines(each, width)
        if each.stake:
            lines += prose(f"at stake: {'; '.join(each.stake)}", width, "    ")
        for remark in each.remarks:
            lines += _marked(prose(f"note: {hint(remark)}", width, "    "))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def mentions_text(directory: str, mentions: Sequence[Mention], width: int) -> str:
    """What to take out of the directory, so that the next plan does not want the objects again, and what to leave."""
    blocks = (
        ("Still declared, so that the next plan names it as somebody else's. In the directory:", False),
        ("To stay in the directory for now:", True),
    )
    lines: list[str] = []
    for headline, stays in blocks:
        places = [each for each in mentions if each.stays is stays]
        lines += [headline] if places else []
        for each in places:
            lines += prose(f"{directory}{each.file}:{each.line}: {each.advice}", width, "  ")
    return "\n".join(lines)


def undo_words(returns: Sequence[Return]) -> tuple[tuple[str, ...], ...]:
    """Words of what was taken over, in the order to give it back in: queues and what they rest on, namespaces last."""
    taken = [each for each in returns if each.written is not None]
    spaces = [each.key.name for each in taken if each.key.kind == "Namespace"]
    rest = tuple(
        word_of(each.key) for each in taken if each.key.kind != "Namespace" and each.key.namespace not in spaces
    )
    return (*((rest[:_WORDS],) if rest else ()), *((f"namespace/{name}",) for name in spaces))


def _return_lines(each: Return, width: int) -> Iterator[str]:
    marks = [field for field in each.fields if field.new is ABSENT and field.path[0] == "f:metadata"]
    for detail in field_details(each.live, [field for field in each.fields if field not in marks]):
        yield from (f"    {line}" for line in detail.lines(width - 4))
    if marks:
        yield click.style(f"    - {_marks(marks)}", fg="red")
