"""The column that names the cluster: in plain tables only where there are several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from allotment.cli.shell.table import Column

Row = TypeVar("Row")
_TITLE: Final = "CLUSTER"
_KEPT: Final = 6


def with_clusters(columns: Sequence[Column[Row]], clusters: Iterable[str]) -> tuple[Column[Row], ...]:
    """Columns of a table whose rows are of these clusters."""
    several = len(set(clusters)) > 1
    return tuple(replace(each, wide=not several, keep=_KEPT) if each.title == _TITLE else each for each in columns)
