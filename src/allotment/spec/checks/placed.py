"""Checks of the converted platform: books against hardware."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from allotment.model.platform import Platform
from allotment.spec.declared import Declared
from allotment.spec.flavors import Flavors
from allotment.spec.problems import Issue


def check_placed(platform: Platform, declared: Declared, flavors: Mapping[str, Flavors]) -> Iterator[Issue]:
    """Run every check of this stage."""
    yield from ()
