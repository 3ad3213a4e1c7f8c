"""One table of results in every format, selected, sorted and cut."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Mapping
from operator import itemgetter
from pathlib import Path

import click
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from allotment.cli.shell.output import _csv_cell
from allotment.cli.shell.selector import parse_selector
from allotment.cli.shell.table import Cell, Column, fitting, table_text
from allotment.errors import UsageError
from tests.unit.cli.conftest import Run

TEAMS = ("team", "list", "--platform", "my-platform")
TABLES = (
    TEAMS,
    ("cluster", "list", "my-platform"),
    ("cluster", "pools", "my-platform"),
    ("accelerator", "list", "my-platform"),
    ("validate", "my-platform"),
)
EVERY_LISTING = (
    TEAMS,
    ("cluster", "list", "my-platform"),
    ("cluster", "pools", "my-platform"),
    ("accelerator", "list", "my-platform"),
    ("validate", "my-platform"),
    ("plan", "my-platform", "--cluster", "dev-eastus", "--offline"),
    ("team", "isolation"),
    ("config", "view"),
    ("version",),
)


@pytest.mark.parametrize("args", EVERY_LISTING, ids=" ".join)
def test_every_listing_has_every_format(run: Run, acme: Path, args: tuple[str, ...]) -> None:
    for form in ("table", "wide"):
        assert len(run(*args, "-o", form).ok().splitlines()) > 3
    told = json.loads(run(*args, "-o", "json").ok())
    assert told["apiVersion"] == "allotment.dev/v1"
    assert told["kind"][0].isupper()
    in_yaml = run(*args, "-o", "yaml").ok()
    if args != ("config", "view"):  # which shows the format itself
        assert yaml.safe_load(in_yaml) == told
    names = run(*args, "-o", "name").ok().splitlines()
    rows = list(csv.reader(io.StringIO(run(*args, "-o", "csv").ok())))
    assert len(rows) == len(names) + 1
    assert {len(row) for row in rows} == {len(rows[0])}
    without = list(csv.reader(io.StringIO(run(*args, "-o", "csv", "--no-headers").ok())))
    assert without == rows[1:]
    wide = run(*args, "-o", "wide").ok().splitlines()
    assert len(wide) == len(rows)
    assert run(*args, "-o", "wide", "--no-headers").ok().splitlines() != wide
    assert len(run(*args, "-o", "name", "--limit", "2").ok().splitlines()) == min(2, len(names))
    assert run(*args, "-o", "name", "--limit", "0").out == ""


def test_a_list_names_its_kind_and_its_items_theirs(run: Run, acme: Path) -> None:
    told = run(*TEAMS, "-o", "json").json()
    assert told["kind"] == "TeamList"
    assert {item["kind"] for item in told["items"]} == {"Team"}
    assert [item["name"] for item in told["items"]] == ["cv", "data-science", "nlp", "recsys"]


@pytest.mark.parametrize(
    ("more", "names"),
    [
        (("-l", "isolation=node-pool"), ["data-science"]),
        (("-l", "isolation!=node-pool"), ["cv", "nlp", "recsys"]),
        (("-l", "team in (cv, nlp),cost-center=cc-4521"), ["nlp"]),
        (("-l", "environment-production"), ["cv", "nlp", "recsys"]),
        (("-l", "!environment-production"), ["data-science"]),
        (("--sort-by", "cost-center"), ["nlp", "cv", "recsys", "data-science"]),
        (("--sort-by=-name",), ["recsys", "nlp", "data-science", "cv"]),
        (("--sort-by=-NAME", "--limit", "1"), ["recsys"]),
        (("--cluster", "prod-inference-eastus"), ["cv", "nlp", "recsys"]),
    ],
    ids=" ".join,
)
def test_rows_are_chosen(run: Run, acme: Path, more: tuple[str, ...], names: list[str]) -> None:
    assert run(*TEAMS, "-o", "name", *more).ok().splitlines() == names


def test_numbers_are_sorted_as_numbers(run: Run, acme: Path) -> None:
    rows = csv.DictReader(
        io.StringIO(run("accelerator", "list", "my-platform", "-o", "csv", "--sort-by", "memory").ok())
    )
    sizes = [int(row["memory_bytes"]) for row in rows]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > 3


def test_nothing_found_is_a_note_not_data(run: Run, acme: Path) -> None:
    ran = run(*TEAMS, "-l", "team=nobody")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "none of 4 rows matches -l team=nobody; here team is cv, data-science, nlp, recsys\n"
    assert run(*TEAMS, "-l", "team=nobody", "-o", "json").json()["items"] == []


LABELS: Mapping[str, str] = {"a": "1", "b": "2", "kubernetes.io/os": "linux", "empty": ""}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("  ", True),
        ("a", True),
        ("z", False),
        ("!z", True),
        ("! a", False),
        ("a=1", True),
        ("a==1", True),
        ("a = 1", True),
        ("a=2", False),
        ("a!=2", True),
        ("z!=2", True),
        ("a=1,b=2", True),
        ("a=1,b=3", False),
        ("a in (1,2)", True),
        ("a in ( 3 , 1 )", True),
        ("a notin (1)", False),
        ("z notin (1)", True),
        ("z in (1)", False),
        ("kubernetes.io/os=linux", True),
        ("a in (1,2),b notin (3,4),!z", True),
        ("empty=", True),
        ("a=", False),
    ],
)
def test_selectors_mean_what_kubectl_s_do(text: str, matches: bool) -> None:
    assert parse_selector(text)(LABELS) is matches


@pytest.mark.parametrize("text", ["a b", "=1", "a in", "a in (", "a=b=c", ",", "a,,b", "a in 1,2", "(a)", "é=1"])
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a selector"):
        parse_selector(text)


@given(st.text(max_size=40))
def test_any_text_is_a_selector_or_a_usage_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert parse_selector(text)(LABELS) in (True, False)


def test_tables_have_no_trailing_blanks_and_no_markup() -> None:
    columns: tuple[Column[tuple[str, int | None]], ...] = (
        Column("NAME", lambda row: row[0]),
        Column("COUNT", lambda row: row[1]),
        Column("NOTE", lambda row: row[0] if row[1] else None),
    )
    text = table_text(columns, [("[red]x[/red]", 1), ("ab\x1b[2Jc", None), ("日本", 12)], width=None)
    lines = text.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()
    assert lines == [
        "NAME           COUNT   NOTE",
        "[red]x[/red]       1   [red]x[/red]",
        r"ab\x1b[2Jc",
        "日本              12   日本",
    ]


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("words", TABLES, ids=" ".join)
def test_tables_stay_within_the_terminal_and_break_no_name(
    run: Run, acme: Path, words: tuple[str, ...], width: int
) -> None:
    narrow = run(*words, env={"COLUMNS": str(width)})
    lines = [line for line in narrow.ok().splitlines() if "   " in line]
    assert max(map(len, lines)) <= width
    whole = set(run(*words, env={"COLUMNS": "1000"}).ok().replace(",", " ").split())
    assert set(" ".join(lines).replace(",", " ").split()) <= whole


def test_the_least_important_column_goes_first_and_is_named(run: Run, acme: Path) -> None:
    ran = run(*TEAMS, env={"COLUMNS": "80"})
    assert ran.out.split("\n")[0].split() == ["NAME", "NAMESPACES", "CLUSTERS", "GUARANTEED", "STATUS"]
    assert ran.err == "no room for: ISOLATION, COST-CENTER (-o wide shows all)\n"
    assert run(*TEAMS, env={"COLUMNS": "200"}).err == ""


def test_wide_leaves_nothing_out(run: Run, acme: Path) -> None:
    ran = run(*TEAMS, "-o", "wide", env={"COLUMNS": "80"})
    assert len(ran.ok().splitlines()) == 5
    assert "CONTACTS" in ran.out
    assert ran.err == ""


@settings(deadline=None)
@given(
    rows=st.lists(st.lists(st.text("ab日 ,", max_size=12), min_size=4, max_size=4), min_size=1, max_size=4),
    keeps=st.lists(st.integers(0, 2), min_size=4, max_size=4),
    folds=st.lists(st.sampled_from(["", " ", ", "]), min_size=4, max_size=4),
    width=st.integers(1, 60),
)
def test_any_table_fits_or_is_its_first_column(
    rows: list[list[str]], keeps: list[int], folds: list[str], width: int
) -> None:
    columns: list[Column[list[str]]] = [
        Column(f"C{at}", itemgetter(at), keep=keep, fold=fold)
        for at, (keep, fold) in enumerate(zip(keeps, folds, strict=True))
    ]
    shown, left_out = fitting(columns, rows, width)
    assert shown[0] is columns[0]
    assert [column for column in columns if column in shown or column in left_out] == columns
    least_kept = min((column.keep for column in shown[1:]), default=9)
    assert all(column.keep <= least_kept for column in left_out)
    table = table_text(shown, rows, width=width, headers=True)
    if len(shown) > 1:
        assert max(cell_len(click.unstyle(line)) for line in table.splitlines()) <= width


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"), ("+1", "'+1"), ("-2+3", "'-2+3"), ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\\t=1"), ("\r=1", "'\\r=1"), ("two\nlines", "two\\nlines"), ("ana", "ana"), ("-", "-"),
        (-5, -5), (-0.5, -0.5), (None, ""),
    ],
)  # fmt: skip
def test_no_cell_is_a_formula_or_several_lines(cell: Cell, written: Cell) -> None:
    assert _csv_cell(cell) == written
