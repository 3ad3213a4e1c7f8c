"""The built-in catalogue of accelerators, read from `catalogue.yaml` once and on demand."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final

from allotment.spec import documents
from allotment.spec.schema.accelerator import AcceleratorSpec

FILE: Final = "catalogue.yaml"
CURRENCY: Final = "USD"
"""Of its prices (ISO 4217)."""


def package_text(*parts: str) -> str:
    """The text of a file that is shipped in this package.

    Raises:
        FileNotFoundError: there is none.
    """
    return resources.files("allotment.spec").joinpath(*parts).read_text(encoding="utf-8")


@cache
def catalogue() -> Mapping[str, AcceleratorSpec]:
    """Every built-in accelerator by name."""
    parsed = documents.parse(FILE, package_text(FILE))
    specs = [AcceleratorSpec.model_validate(document.data) for document in parsed.documents]
    return MappingProxyType({spec.name: spec for spec in specs})
