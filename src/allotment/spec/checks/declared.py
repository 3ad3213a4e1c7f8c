"""Checks of the declarations against each other, before anything is converted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from allotment.spec.declared import Declared
from allotment.spec.flavors import Flavors
from allotment.spec.problems import Issue


def check_declared(declared: Declared, flavors: Mapping[str, Flavors]) -> Iterator[Issue]:
    """Run every check of this stage."""
    yield from ()
