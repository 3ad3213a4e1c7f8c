"""Platform directory to `Platform`, in steps: read, check references, convert, check books against hardware.

All problems of a directory are told in one run. A document with errors of its own is set aside, together with
whatever it would make uncertain, and the rest is checked as if it stood alone.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from allotment.model.platform import Platform
from allotment.model.source import SourceTree
from allotment.spec.checks import check_declared, check_placed
from allotment.spec.convert.accelerators import accelerator_specs
from allotment.spec.convert.granted import with_granted
from allotment.spec.convert.platform import platform
from allotment.spec.declared import Declared
from allotment.spec.flavors import Flavors, flavors_of
from allotment.spec.identity import ids_of
from allotment.spec.problems import InvalidPlatformError, Issue, Problem, Severity, sort_problems
from allotment.spec.read import has_errors, locate, read
from allotment.spec.schema.cluster import ClusterSpec


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid platform.

    Attributes:
        warnings: what is legal but probably not meant, sorted by file and line.
    """

    platform: Platform
    warnings: tuple[Problem, ...]


def load_platform(tree: SourceTree, today: dt.date = dt.date.min) -> Loaded:
    """Read, default, check and convert a platform directory.

    Args:
        tree: its files.
        today: what has a last day is left out of the platform from the day after. By default nothing has ended.

    Raises:
        InvalidPlatformError: the directory has errors; `problems` holds all of them.
    """
    reading = read(tree)
    declared, issues = with_granted(reading.declared), reading.issues
    result: Platform | None = None
    if not reading.lost:
        flavors = _flavors(declared)
        issues.extend(check_declared(declared, flavors, today))
        sound = _sound(declared, issues)
        if sound.platform is not None:
            result = platform(sound.platform.spec, sound, flavors)
            placed = list(check_placed(result, sound, flavors, today))
            # Once something is set aside, a sum can only be too small: errors stand, warnings may not.
            complete = not any(issue.severity is Severity.ERROR for issue in issues)
            issues.extend(issue for issue in placed if complete or issue.severity is Severity.ERROR)
    problems = list(sort_problems([*reading.problems, *locate(tree, issues)]))
    if result is None or has_errors(problems):
        raise InvalidPlatformError(problems)
    return Loaded(result.as_of(today), tuple(problems))


def _flavors(declared: Declared) -> dict[str, Flavors]:
    specs = accelerator_specs(declared)
    ids = ids_of(declared)
    return {entry.spec.name: flavors_of(entry.spec, specs, ids) for entry in reversed(declared.clusters)}


def _sound(declared: Declared, issues: list[Issue]) -> Declared:
    """The declaration without documents that have errors, and without what refers to them."""
    bad = {issue.source for issue in issues if issue.severity is Severity.ERROR}
    if not bad:
        return declared
    return replace(
        declared,
        platform=None if declared.platform is None or declared.platform.source in bad else declared.platform,
        clusters=tuple(
            entry for entry in declared.clusters if entry.source not in bad and _whole(entry.spec, declared)
        ),
        teams=tuple(entry for entry in declared.teams if entry.source not in bad),
        accelerators=tuple(entry for entry in declared.accelerators if entry.source not in bad),
        approvals=tuple(entry for entry in declared.approvals if entry.source not in bad),
        grants=tuple(entry for entry in declared.grants if entry.source not in bad),
    )


def _whole(cluster: ClusterSpec, declared: Declared) -> bool:
    """Whether every accelerator of the cluster's pools could be read."""
    known = accelerator_specs(declared)
    return all(pool.accelerator is None or pool.accelerator in known for pool in cluster.node_pools)
