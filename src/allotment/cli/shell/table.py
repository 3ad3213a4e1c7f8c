"""Plain tables: columns side by side, within the terminal's width, no name broken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Generic, TypeVar

from allotment.errors import shown

Row = TypeVar("Row")
Cell = str | int | float | None


def _plain_style(_row: object) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """A column of a table.

    Attributes:
        title: in capitals; `--sort-by` takes it in any case.
        of: its cell in a row; numbers are aligned right and sorted as numbers, None is an empty cell.
        wide: only in ``-o wide`` and ``-o csv``.
        text: how a cell is written in tables where its plain form would not be read; csv keeps the plain one.
        unit: of the plain cell; csv adds it to the header.
        style: how it is coloured, in rich's words, such as ``red``.
        keep: how long it stays where a terminal is too narrow for all: columns of the lowest `keep` go first, of equals
            the one furthest right; the first column never goes.
        fold: where its cells may be folded: at blanks, or between the items of a list; not at all if it is empty.
    """

    title: str
    of: Callable[[Row], Cell]
    wide: bool = False
    text: Callable[[Row], str] | None = None
    style: Callable[[Row], str] = _plain_style
    unit: str = ""
    keep: int = 0
    fold: str = ""

    @property
    def header(self) -> str:
        """The title as csv and machines have it: ``memory_bytes``."""
        return f"{self.title} {self.unit}".strip().lower().replace(" ", "_").replace("-", "_")


def table_text(columns: Sequence[Column[Row]], rows: Sequence[Row], *, width: int | None, headers: bool = True) -> str:
    """A plain table: columns three blanks apart, no trailing blanks.

    Args:
        columns: what to show.
        rows: the rows.
        width: leave columns out, and fold prose, to stay within it; what is left out is said below. None never does, so
            that a pipe gets one line a row.
        headers: whether to begin with the titles.
    """
    chosen, left_out = fitting(columns, rows, width)
    text = _drawn(chosen, rows, _widths(chosen, rows, width), headers=headers)
    return f"{text}\n{no_room(left_out)}" if left_out else text


def no_room(left_out: Sequence[Column[Any]]) -> str:
    """What a table says of the columns that it leaves out."""
    return f"no room for: {', '.join(column.title for column in left_out)}"


def fitting(
    columns: Sequence[Column[Row]], rows: Sequence[Row], width: int | None
) -> tuple[list[Column[Row]], list[Column[Row]]]:
    """The columns that stand within a width without breaking a name, and those that are left out."""
    if width is None:
        return list(columns), []
    least = [_least(column, rows) for column in columns]
    here = list(range(len(columns)))
    while len(here) > 1 and _total(least[at] for at in here) > width:
        here.remove(min(here[1:], key=lambda at: (columns[at].keep, -at)))
    return [columns[at] for at in here], [column for at, column in enumerate(columns) if at not in here]


_GAP: Final = 3


def _total(widths: Iterable[int]) -> int:
    found = list(widths)
    return sum(found) + _GAP * (len(found) - 1)


def _least(column: Column[Row], rows: Sequence[Row]) -> int:
    """The width below which a name would break."""
    texts = _texts(column, rows)
    return max(_width(part) for text in texts for part in _parts(column, text))


def _parts(column: Column[Row], text: str) -> list[str]:
    """What stays together on a line; the items of a list with their commas."""
    if not column.fold:
        return [text]
    *others, last = text.split(column.fold)
    return [f"{each}{column.fold.rstrip()}" for each in others] + [last]


def _folded(column: Column[Row], text: str, width: int | None) -> str:
    """A cell in lines of at most a width, as far as its parts allow."""
    if width is None:
        return text
    lines = [""]
    for part in _parts(column, text):
        longer = f"{lines[-1]} {part}" if lines[-1] else part
        if lines[-1] and _width(longer) > width:
            lines.append(part)
        else:
            lines[-1] = longer
    return "\n".join(lines)


def _most(column: Column[Row], rows: Sequence[Row]) -> int:
    return max(map(_width, _texts(column, rows)))


def _texts(column: Column[Row], rows: Sequence[Row]) -> list[str]:
    return [*(_shown(column, row) for row in rows), column.title]


def _width(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _widths(columns: Sequence[Column[Row]], rows: Sequence[Row], width: int | None) -> Sequence[int | None]:
    """What each column gets: all it wants (None), or its share of what is left for those that can be folded."""
    if width is None:
        return [None] * len(columns)
    wanted = [_most(column, rows) for column in columns]
    if _total(wanted) <= width:
        return wanted
    least = [_least(column, rows) for column in columns]
    spare = max(0, width - _total(least))
    lacking = sum(wanted) - sum(least)
    return [few + (spare * (much - few) // lacking if lacking else 0) for few, much in zip(least, wanted, strict=True)]


def _drawn(columns: Sequence[Column[Row]], rows: Sequence[Row], widths: Sequence[int | None], *, headers: bool) -> str:
    drawn = [_column(column, rows, width, title=headers) for column, width in zip(columns, widths, strict=True)]
    lines = [_without_trailing_blanks(_bold(" " * _GAP).join(_bold(each.title) for each in drawn))] if headers else []
    for at in range(len(rows)):
        cells = [each.cells[at] for each in drawn]
        for number in range(max((len(each) for each in cells), default=0)):
            parts = [
                _styled(column.style(rows[at]), cell[number]) if number < len(cell) else " " * each.width
                for column, each, cell in zip(columns, drawn, cells, strict=True)
            ]
            lines.append(_without_trailing_blanks((" " * _GAP).join(parts)))
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _DrawnColumn:
    """A column whose title and cells all have one width; a cell may have several lines."""

    title: str
    width: int
    cells: list[list[str]]


def _column(column: Column[Row], rows: Sequence[Row], width: int | None, *, title: bool) -> _DrawnColumn:
    values = [column.of(row) for row in rows]
    numeric = all(isinstance(each, int | float | None) for each in values)
    cells = [
        _folded(column, _written(column, row, cell), width).split("\n") for row, cell in zip(rows, values, strict=True)
    ]
    if width is None:
        seen = (column.title,) if title else ()
        width = max(map(_width, (*seen, *(line for cell in cells for line in cell))), default=0)
    return _DrawnColumn(
        _padded(column.title, width, numeric=numeric),
        width,
        [[_padded(line, width, numeric=numeric) for line in cell] for cell in cells],
    )


def _padded(text: str, width: int, *, numeric: bool) -> str:
    blanks = " " * (width - _width(text))
    return blanks + text if numeric else text + blanks


def _bold(text: str) -> str:
    return f"\x1b[1m{text}{_RESET}"


def _styled(style: str, text: str) -> str:
    """Text in a style of rich's words."""
    return f"{_start_of(style)}{text}{_RESET}" if style else text


@cache
def _start_of(style: str) -> str:
    from rich.color import ColorSystem
    from rich.style import Style

    return Style.parse(style).render("|", color_system=ColorSystem.STANDARD).partition("|")[0]


_RESET: Final = "\x1b[0m"


def _shown(column: Column[Row], row: Row) -> str:
    return _written(column, row, column.of(row))


def _written(column: Column[Row], row: Row, cell: Cell) -> str:
    if cell is None:
        return ""
    return shown(str(cell) if column.text is None else column.text(row))


def _without_trailing_blanks(line: str) -> str:
    stripped = line.rstrip()
    while stripped.endswith(_RESET):
        inner = stripped.removesuffix(_RESET).rstrip()
        if "\x1b[" not in inner:
            return inner
        start = inner.rfind("\x1b[")
        if inner[start:].endswith("m") and inner[start:].count("m") == 1:
            # A style that covers blanks only.
            stripped = inner[:start].rstrip()
            continue
        return inner + _RESET
    return stripped
