"""Results in every format, once for all commands: table, wide, json, yaml, name, csv."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from allotment.cli.shell.options import OutputOptions
from allotment.cli.shell.selector import named_by, parse_selector
from allotment.cli.shell.session import Session
from allotment.cli.shell.table import Cell, Column, fitting, no_room, table_text
from allotment.cli.shell.terminal import drives_terminal, harmless_json
from allotment.errors import NotFoundError, UsageError, shown
from allotment.model.grammar import count
from allotment.model.spelling import did_you_mean
from allotment.reports.documents.form import versioned

Row = TypeVar("Row")


def _no_labels(_row: object) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """Rows and how to show them.

    Attributes:
        kind: kind of one row in JSON; the list's kind is this with ``List``.
        name: what ``-o name`` prints.
        document: a row as JSON, without apiVersion and kind.
        labels: what ``-l`` selects by.
        nothing: sentence for an empty result.
        named: labels whose values name what is there, so that a value that no row has is a slip and no answer.
        same_labels: every row has the same labels, so that another one is a slip, too.
    """

    kind: str
    rows: Sequence[Row]
    columns: tuple[Column[Row], ...]
    name: Callable[[Row], str]
    document: Callable[[Row], Mapping[str, Any]]
    labels: Callable[[Row], Mapping[str, str]] = _no_labels
    nothing: str = "nothing found"
    named: Collection[str] = ()
    same_labels: bool = False


def show(
    session: Session,
    options: OutputOptions,
    listing: Listing[Row],
    *,
    human: Callable[[Sequence[Row]], str] | None = None,
    whole: Callable[[Sequence[Row]], Mapping[str, Any]] | None = None,
    one_of_many: bool = False,
) -> None:
    """Write a result in the format the user chose.

    Args:
        session: where it goes.
        options: what the user asked for.
        listing: the rows.
        human: the text of ``-o table`` where a plain table is not the best picture; ``-o wide`` still gives the rows.
        whole: the JSON document (with its kind) where a list is not the whole answer.
        one_of_many: others follow: JSON is one line then, and a document of YAML ends.

    Raises:
        UsageError: an unknown column, or a selector that is none.
        NotFoundError: a selector names what is not there.
    """
    rows = chosen(options, listing)
    unmatched = not rows and bool(listing.rows) and bool(options.selector)
    if unmatched:
        session.note(_unmatched(options, listing))
    match options.format:
        case "json" | "yaml":
            document = whole(rows) if whole else listing_document(listing, rows)
            write_document(session, options.format, document, one_of_many=one_of_many)
        case "name":
            _write_lines(session, [listing.name(row) for row in rows])
        case "csv":
            session.out(_csv(options, listing, rows).removesuffix("\n"))
        case "table" | "wide" if unmatched:
            pass
        case "table" if human is not None:
            session.out(human(rows))
        case _:
            _write_table(session, options, listing, rows)


def listing_document(listing: Listing[Row], rows: Sequence[Row]) -> Mapping[str, Any]:
    """Rows of a listing as the document of a list."""
    items = [{"kind": listing.kind, **listing.document(row)} for row in rows]
    return {"kind": f"{listing.kind}List", "items": items}


def chosen(options: OutputOptions, listing: Listing[Row]) -> Sequence[Row]:
    """The rows after ``-l``, ``--sort-by`` and ``--limit``, in that order."""
    matches = parse_selector(options.selector)
    rows = [row for row in listing.rows if matches(listing.labels(row))]
    if not rows:
        _check_names(options.selector, listing)
    if options.sort_by:
        column = _column(listing.columns, options.sort_by.removeprefix("-"))
        present = [row for row in rows if column.of(row) is not None]
        absent = [row for row in rows if column.of(row) is None]
        present.sort(key=lambda row: _rank(column.of(row)), reverse=options.sort_by.startswith("-"))
        rows = present + absent
    return rows if options.limit is None else rows[: options.limit]


def _check_names(selector: str, listing: Listing[Row]) -> None:
    """That a selector which matches nothing names what is there, where its labels name things.

    Raises:
        NotFoundError: it does not.
        UsageError: no row has such a label, and none ever does.
    """
    labels = {key for row in listing.rows for key in listing.labels(row)}
    for key, wanted in named_by(selector).items():
        known = _values(listing, key)
        if listing.same_labels and listing.rows and key not in labels:
            raise UsageError(
                f"there is no label {key!r} to select by",
                why=f"the labels are {_listed(labels)}",
                fix=did_you_mean(key, labels, "name one of them"),
            )
        if key in listing.named and listing.rows and not wanted & known:
            word = ", ".join(sorted(wanted))
            raise NotFoundError(
                f"nothing here has the {key} {shown(word)}",
                why=f"there {'is' if len(known) == 1 else 'are'} {_listed(known)}",
                fix=did_you_mean(word, known, f"name one of them in full, for example -l {key}={shown(min(known))}"),
            )


def _unmatched(options: OutputOptions, listing: Listing[Row]) -> str:
    """What is said where rows are there and none matches: what there is to select by."""
    told = f"none of {count(len(listing.rows), 'row')} matches -l {shown(options.selector)}"
    asked = list(named_by(options.selector))
    known = sorted({key for row in listing.rows for key in listing.labels(row)})
    about = [f"{shown(key)} is {_listed(_values(listing, key))}" for key in asked if key in known]
    if about:
        return f"{told}; here {'; '.join(about)}"
    return f"{told}; {f'the labels here are {_listed(known)}' if known else 'they have no labels'}"


def _values(listing: Listing[Row], key: str) -> set[str]:
    return {value for row in listing.rows if (value := listing.labels(row).get(key, ""))}


def _listed(names: Collection[str]) -> str:
    listed = ", ".join(shown(each) for each in sorted(names)[:_MOST_NAMED]) or "empty"
    return f"{listed} and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else listed


_MOST_NAMED: Final = 12
"""Labels or values that a sentence names."""


def _rank(cell: Cell) -> tuple[int, float, str]:
    """Numbers before text; a column may hold both ("unlimited")."""
    return (0, float(cell), "") if isinstance(cell, int | float) else (1, 0.0, str(cell).casefold())


def _column(columns: Sequence[Column[Row]], title: str) -> Column[Row]:
    wanted = title.upper().replace("-", " ").replace("_", " ")
    for column in columns:
        if column.title.replace("-", " ") == wanted:
            return column
    titles = [column.title.lower().replace(" ", "-") for column in columns]
    raise UsageError(
        f"there is no column {title!r} to sort by",
        why=f"the columns are {', '.join(titles)}",
        fix=did_you_mean(title, titles, f"sort by one of them, for example --sort-by {titles[0]}"),
    )


def write_document(session: Session, form: str, document: Mapping[str, Any], *, one_of_many: bool = False) -> None:
    """A JSON or YAML document with our apiVersion in front; times become UTC RFC 3339."""
    body = versioned(document)
    if form == "yaml":
        text = _yaml(body, as_it_is=True)
        text = text if not drives_terminal(text) else _yaml(body, as_it_is=False)
        session.out(f"---\n{text}" if one_of_many else text)
    else:
        text = json.dumps(body, indent=None if one_of_many else 2, ensure_ascii=False)
        session.out(harmless_json(text))


def _yaml(body: Mapping[str, Any], *, as_it_is: bool) -> str:
    # Not the emitter of Kubernetes objects: results have fractions, which those must not have.
    import yaml

    text = yaml.safe_dump(body, sort_keys=False, allow_unicode=as_it_is, default_flow_style=False, width=_UNLIMITED)
    return str(text).removesuffix("\n")


def _write_lines(session: Session, lines: Sequence[str]) -> None:
    if lines:
        session.out("\n".join(shown(line) for line in lines))


def _csv(options: OutputOptions, listing: Listing[Row], rows: Sequence[Row]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    if not options.no_headers:
        writer.writerow([column.header for column in listing.columns])
    for row in rows:
        writer.writerow([_csv_cell(column.of(row)) for column in listing.columns])
    return buffer.getvalue()


def _csv_cell(cell: Cell) -> Cell:
    """Numbers as they are; text on one line, and never one that a spreadsheet would take for a formula."""
    if isinstance(cell, str):
        text = shown(cell)
        return f"'{text}" if cell.startswith(_FORMULA) and len(cell) > 1 else text
    return "" if cell is None else cell


_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_UNLIMITED: Final = 100_000


def _write_table(session: Session, options: OutputOptions, listing: Listing[Row], rows: Sequence[Row]) -> None:
    if not rows:
        session.note(listing.nothing)
        return
    headers = not options.no_headers
    if options.format == "wide":
        # Who asks for everything gets it, on lines as long as they are.
        session.out(table_text(listing.columns, rows, width=None, headers=headers))
        return
    columns = [column for column in listing.columns if not column.wide]
    fit, left_out = fitting(columns, rows, session.table_width)
    session.out(table_text(fit, rows, width=session.table_width, headers=headers))
    if left_out:
        session.note(f"{no_room(left_out)} (-o wide shows all)")
