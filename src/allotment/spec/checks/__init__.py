"""Checks across documents, one small function each. A new one goes into the file it belongs to and its `CHECKS`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Final

from allotment.model.platform import Platform
from allotment.spec.checks import (
    approvals,
    books,
    borrowing,
    clusters,
    fit,
    grants,
    names,
    prices,
    rights,
    rules,
    slurms,
    teams,
    units,
)
from allotment.spec.checks.context import Check, Context, PlacedCheck, PlacedContext
from allotment.spec.convert.accelerators import accelerator_specs
from allotment.spec.convert.platform import ladder
from allotment.spec.declared import Declared
from allotment.spec.flavors import Flavors
from allotment.spec.problems import Issue

DECLARED_CHECKS: Final[tuple[Check, ...]] = (
    *names.CHECKS,
    *clusters.CHECKS,
    *teams.CHECKS,
    *rights.CHECKS,
    *rules.CHECKS,
    *slurms.CHECKS,
    *approvals.CHECKS,
    *grants.CHECKS,
    *units.CHECKS,
)
"""What can be said of the declarations as they stand: names and references."""

PLACED_CHECKS: Final[tuple[PlacedCheck, ...]] = (*books.CHECKS, *borrowing.CHECKS, *fit.CHECKS, *prices.CHECKS)
"""What needs the converted platform, whose references are sound."""


def check_declared(declared: Declared, flavors: Mapping[str, Flavors], today: dt.date) -> Iterator[Issue]:
    """Run every check of the declarations."""
    context = _context(declared, flavors, today)
    for check in DECLARED_CHECKS:
        yield from check(context)


def check_placed(
    platform: Platform, declared: Declared, flavors: Mapping[str, Flavors], today: dt.date
) -> Iterator[Issue]:
    """Run every check of the platform that the declarations became."""
    by_name = {cluster.name: cluster for cluster in platform.clusters}
    placed = PlacedContext(platform, _context(declared, flavors, today), by_name)
    for check in PLACED_CHECKS:
        yield from check(placed)


def _context(declared: Declared, flavors: Mapping[str, Flavors], today: dt.date) -> Context:
    return Context(
        declared,
        flavors,
        accelerator_specs(declared),
        ladder(declared),
        {entry.spec.name: entry for entry in reversed(declared.clusters)},
        {entry.spec.name: entry for entry in reversed(declared.teams)},
        today,
    )
