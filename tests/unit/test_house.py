"""The house is as ARCHITECTURE.md and the contracts of pyproject.toml say; what a list names by hand, nobody forgot."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
HOUSE = ROOT / "src" / "allotment"
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
FACES = {"cli", "api", "gateway", "portal"}
"""Packages that a person or a program outside sees."""
IMPURE = FACES | {"wiring", "operations", "adapters", "ports"}
"""What may read files, clocks and networks, or is the port to them."""
PAGES = {"reports"}
"""What makes pages; pure otherwise."""


def packages() -> set[str]:
    return {folder.name for folder in HOUSE.iterdir() if (folder / "__init__.py").exists()}


def contract(name: str) -> set[str]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (found,) = (each for each in contracts if each["name"].startswith(name))
    return {module.removeprefix("allotment.") for module in found["source_modules"]}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("The pure packages do no I/O", packages() - IMPURE),
        ("What decides says nothing on a terminal", packages() - IMPURE - PAGES),
    ],
)
def test_a_contract_names_every_package_that_it_is_about(name: str, meant: set[str]) -> None:
    assert contract(name) == meant


def test_no_package_is_more_than_a_fifth_of_the_house() -> None:
    lines = {
        name: sum(len(file.read_bytes().splitlines()) for file in (HOUSE / name).rglob("*.py")) for name in packages()
    }

    assert max(lines.values()) <= 0.21 * sum(lines.values()), lines


def test_the_page_has_a_row_for_every_package() -> None:
    rows = re.findall(r"^\| ((?:`[a-z]+/`(?:, )?)+) \|", PAGE, flags=re.MULTILINE)

    assert {name for row in rows for name in re.findall(r"`([a-z]+)/`", row)} == packages()


def named_paths() -> Iterator[str]:
    """What the page names in backquotes and looks like a path of this repository."""
    for text in re.findall(r"`([^`\n]+)`", PAGE):
        if re.fullmatch(r"[\w./-]+", text) and ("/" in text or text.endswith(".py")):
            yield text


@cache
def ends_of_paths() -> frozenset[tuple[str, ...]]:
    """The last parts of every path below the house, as many as one likes."""
    below = [path.relative_to(HOUSE).parts for path in HOUSE.rglob("*")]
    return frozenset(parts[start:] for parts in below for start in range(len(parts)))


@pytest.mark.parametrize("text", sorted(set(named_paths())))
def test_every_path_that_the_page_names_is_there(text: str) -> None:
    """Somewhere: a row of the table names its files without their folder."""
    assert (ROOT / text).exists() or Path(text).parts in ends_of_paths(), text


SHARED_NAMES = {
    "ClusterState": "what each twin decides on; the glossary says which is which",
    "Cohort": "one thing: Kueue's cohort as it is declared, and as the queueing twin reads it",
    "Node": "one thing: a node as far as each twin looks at it; the glossary says how far that is",
    "Refusal": "each twin follows its program's own word; the glossary says which is which",
}
"""Names that two classes may bear, and why."""


OBSERVED = HOUSE / "model" / "observed"
"""Its structs have the API's names, as what is decided of them has: `Node` is a node there as it is in the twins."""


CLASS = re.compile(r"^ *class (\w+)[(\[:]", re.MULTILINE)


def test_no_two_classes_bear_one_name() -> None:
    names = Counter(
        name
        for file in HOUSE.rglob("*.py")
        if OBSERVED not in file.parents
        for name in CLASS.findall(file.read_text(encoding="utf-8"))
    )

    assert {name: number for name, number in names.items() if number > 1} == dict.fromkeys(SHARED_NAMES, 2)


TYPES = {"TypeVar", "ParamSpec", "TypeVarTuple", "NewType"}
CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")
HINT = re.compile(
    rf"^(?!\w+: (?:Final|TypeAlias)\b)(?:(?=[\w(\[])[^#\n]*\b{CONSTANT.pattern}\b[^#\n]*=|[)\]][^#\n]*=)", re.MULTILINE
)
"""Where a module may assign something that is not final: to parse all of the house takes seconds."""


def not_final(source: str) -> Iterator[str]:
    """Constants of a module that may be assigned anew: mypy guards only those that are `Final`."""
    if not HINT.search(source):
        return
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign):
            made = node.value.func if isinstance(node.value, ast.Call) else None
            if isinstance(made, ast.Name) and made.id in TYPES:
                continue
            targets = [name for target in node.targets for name in ast.walk(target)]
        elif isinstance(node, ast.AnnAssign) and not re.match("Final|TypeAlias", ast.unparse(node.annotation)):
            targets = [node.target]
        else:
            continue
        yield from (each.id for each in targets if isinstance(each, ast.Name) and CONSTANT.fullmatch(each.id))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("A = 1", ["A"]),
        ("_A: int = 1", ["_A"]),
        ("A, _B2 = 1, 2", ["A", "_B2"]),
        ("a = (_A) = 1\n(\n    b,\n    B,\n) = 1, 2", ["_A", "B"]),
        ("A: Final = 1\nB: Final[int] = 2\nC: TypeAlias = int\nT = TypeVar('T')\nword = 1\nWord = 1", []),
    ],
)
def test_a_constant_is_told(source: str, found: list[str]) -> None:
    assert list(not_final(source)) == found


def test_every_constant_is_final() -> None:
    found = {
        str(file.relative_to(HOUSE)): names
        for file in HOUSE.rglob("*.py")
        if (names := list(not_final(file.read_text(encoding="utf-8"))))
    }

    assert found == {}


def test_what_is_locked_and_installed_lies_within_the_bounds_that_the_project_declares() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    bounds = {canonicalize_name(each.name): each for each in map(Requirement, declared)}
    # Host and path of a request could be mistaken for each other before (CVE-2026-48710).
    assert "1.2.9" not in bounds["starlette"].specifier
    assert "1.3" in bounds["starlette"].specifier
    lock = (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==([^ ;]+)", lock, re.MULTILINE))
    for name, bound in bounds.items():
        assert locked[name] in bound.specifier, name
        if bound.marker is None or bound.marker.evaluate():
            assert version(name) in bound.specifier, name
