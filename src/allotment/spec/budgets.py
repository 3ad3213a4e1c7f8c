"""What a team may spend in a month without anybody being asked, written into the platform directory."""

from __future__ import annotations

from typing import Final

from allotment.errors import ConflictError
from allotment.model.source import Changes, SourceTree
from allotment.spec.insertion import insert_value
from allotment.spec.problems import echo
from allotment.spec.read import read

_MILLION: Final = 1_000_000
_FILE: Final = "approvals.yaml"
"""Where there is no document of the kind yet."""


def with_budget(tree: SourceTree, team: str, monthly: int) -> Changes:
    """A budget for a team that has none.

    Args:
        tree: a valid directory.
        team: its name.
        monthly: millionths of the platform's currency.

    Raises:
        ConflictError: it has one.
        InputError: the file is written in a way that cannot be edited safely.
    """
    found = read(tree).declared.approvals
    if not found:
        head = tree.files.get(_FILE, "")
        before = f"{head}---\n" if head else ""
        return {_FILE: f"{before}kind: Approvals\nbudgets:\n  {team}: {written_price(monthly)}\n"}
    entry = found[0]
    if team in entry.spec.budgets:
        raise ConflictError(f"team {echo(team)} has a budget already", fix=f"edit it in {entry.source.file}")
    file = entry.source.file
    text = insert_value(file, tree.files[file], entry.source.index, ("budgets", team), written_price(monthly))
    return {file: text}


def written_price(amount: int) -> str:
    """An amount of money, as a directory has it.

    Args:
        amount: millionths of the currency.
    """
    whole, rest = divmod(amount, _MILLION)
    return f"{whole}.{rest:06d}".rstrip("0") if rest else str(whole)
