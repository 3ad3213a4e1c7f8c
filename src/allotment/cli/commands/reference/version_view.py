"""Versions of what is installed."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Final

from allotment import __version__
from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column
from allotment.reports.documents.installation import version_document

_LIBRARIES: Final = ("click", "cryptography", "lightkube", "numpy", "pydantic", "pyyaml", "rich", "ruamel.yaml")

Row = tuple[str, str]
"""(component, version)"""


def installed() -> list[Row]:
    """What runs here; a library that is missing says so."""
    rows = [("allotment", __version__), ("engine", engine_build()), ("python", platform.python_version())]
    for library in _LIBRARIES:
        try:
            rows.append((library, version(library)))
        except PackageNotFoundError:
            rows.append((library, "not installed"))
    return rows


def engine_build() -> str:
    """How the scheduling engine was built; the decisions are the same."""
    spec = find_spec("allotment.scheduling.queueing.engine")
    return "pure Python" if spec is None or str(spec.origin).endswith(".py") else "compiled"


def versions_listing(rows: Sequence[Row]) -> Listing[Row]:
    """Component and version."""
    return Listing(
        kind="Version",
        rows=rows,
        columns=(Column("COMPONENT", lambda row: row[0]), Column("VERSION", lambda row: row[1])),
        name=lambda row: f"{row[0]}=={row[1]}",
        document=version_document,
    )
