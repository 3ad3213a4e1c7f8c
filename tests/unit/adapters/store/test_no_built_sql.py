"""No query is put together from text: what users and back ends write reaches a database as a parameter only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import allotment

SOURCES = sorted((Path(allotment.__file__).parent / "adapters" / "store").rglob("*.py"))
TAKE_SQL = {"execute", "exec_driver_sql", "executemany", "executescript", "text", "literal_column"}


def built(source: str) -> Iterator[int]:
    """Lines where a query's text is made of others."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            query = node.args[0]
            made = isinstance(query, ast.JoinedStr | ast.BinOp) or (
                isinstance(query, ast.Call)
                and isinstance(query.func, ast.Attribute)
                and query.func.attr in {"format", "join", "replace"}
            )
            if name in TAKE_SQL and made:
                yield node.lineno


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("c.execute(f'SELECT {x}')", [1]),
        ("c.exec_driver_sql('SELECT ' + x)", [1]),
        ("sa.text('SELECT %s' % x)", [1]),
        ("sa.text('SELECT {}'.format(x))", [1]),
        ("c.execute('VACUUM INTO ?', [x])\nc.execute(sa.select(t).where(t.c.id == x))", []),
    ],
)
def test_a_built_query_is_seen(source: str, found: list[int]) -> None:
    assert list(built(source)) == found


def test_the_store_builds_none() -> None:
    assert len(SOURCES) > 10
    assert {path.name: list(built(path.read_text(encoding="utf-8"))) for path in SOURCES} == {
        path.name: [] for path in SOURCES
    }
