"""Use case: quota against hardware, with what mends it: a diff of the platform directory, or commands for kubectl."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from allotment.accounting.book_checks import NOMINAL, BookFinding, QuotaEdit, findings
from allotment.accounting.books import FlavorBook, flavor_books
from allotment.accounting.bounds import DeviceBounds, declared_bounds
from allotment.errors import AllotmentError, shown
from allotment.model.cluster import Cluster
from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.model.platform import Platform
from allotment.model.source import SourceTree
from allotment.operations.ask.resting import demand, half_seen
from allotment.operations.ask.sparing import spared
from allotment.operations.directory.teams import diff_of
from allotment.scheduling.snapshot.queues import sends_elsewhere
from allotment.spec.amounts import AmountsRequest, set_amounts

_RESTS_ON: Final = ("nodes", "clusterqueues", "resourceflavors", "cohorts")


@dataclass(frozen=True, slots=True)
class MendedFinding:
    """A finding and how to mend it.

    Attributes:
        commands: for a shell, where there is no platform directory.
        diff: of the platform directory, where there is one.
        by_hand: what the directory's owner has to change where no edit can be made.
    """

    finding: BookFinding
    commands: tuple[str, ...] = ()
    diff: str = ""
    by_hand: str = ""


@dataclass(frozen=True, slots=True)
class BooksAnswer:
    """Books of all sources, and what does not add up.

    Attributes:
        remarks: what could not be read.
        whole: everything was seen, so that where nothing is found, quota and hardware agree.
    """

    books: tuple[FlavorBook, ...]
    findings: tuple[MendedFinding, ...]
    remarks: tuple[str, ...] = ()
    whole: bool = True


@dataclass(frozen=True, slots=True)
class DeclaredBooks:
    """The platform directory that a cluster is declared in."""

    tree: SourceTree
    platform: Platform
    cluster: Cluster

    @property
    def bounds(self) -> Mapping[str, DeviceBounds]:
        """By flavor."""
        return declared_bounds(self.cluster)


def books_of(snapshot: Snapshot, declared: DeclaredBooks | None) -> BooksAnswer:
    """The books of a snapshot.

    Args:
        snapshot: of one or more sources.
        declared: where the cluster is declared; None where nobody says.

    Raises:
        ForbiddenError: no queues could be read.
    """
    demand(snapshot, "clusterqueues", for_what="what queues guarantee")
    found, left = spared(snapshot, lambda each: _books_of(each, declared))
    return replace(found, remarks=(*found.remarks, *left), whole=found.whole and not left)


def _books_of(snapshot: Snapshot, declared: DeclaredBooks | None) -> BooksAnswer:
    books: list[FlavorBook] = []
    found: list[MendedFinding] = []
    remarks: list[str] = []
    unknown: list[str] = []
    for source in snapshot.sources:
        index = Index(source)
        here = declared if declared is None or _is_of(source, snapshot, declared) else None
        bounds = here.bounds if here is not None else None
        books += flavor_books(index, bounds)
        found += [_mended(each, here) for each in findings(index, bounds)]
        sending = [shown(each.name) for each in index.objects.cluster_queues if sends_elsewhere(index, each)]
        if sending:
            whose = f"{', '.join(sending)} {'sends its' if len(sending) == 1 else 'send their'} work to other clusters"
            where = f"{shown(source.name)}: " if len(snapshot.sources) > 1 else ""
            remarks.append(f"{where}{whose}: quota there is of devices that are not here, and is left out")
        for each in half_seen(source, _RESTS_ON):
            name = shown(source.name) or "the source"
            unknown.append(f"{name}: {each}: whether quota and hardware agree is not known")
    return BooksAnswer(tuple(books), tuple(found), (*remarks, *unknown), whole=not unknown)


def _is_of(source: Source, snapshot: Snapshot, declared: DeclaredBooks) -> bool:
    """Whether the directory's cluster is this one: of a single one it is said, of several the name tells."""
    cluster = declared.cluster
    return len(snapshot.sources) == 1 or source.name in {cluster.name, cluster.context}


def _mended(finding: BookFinding, declared: DeclaredBooks | None) -> MendedFinding:
    if declared is None:
        return MendedFinding(finding, tuple(patch_command(edit) for edit in finding.edits))
    if not finding.edits:
        return MendedFinding(finding)
    return _in_directory(finding, declared)


def _in_directory(finding: BookFinding, declared: DeclaredBooks) -> MendedFinding:
    teams = {declared.cluster.queue_name(team.queue): team.name for team in declared.platform.teams}
    tree = declared.tree
    changes: dict[str, str | None] = {}
    left: list[str] = []
    for edit in finding.edits:
        team = teams.get(edit.quota.name)
        if team is None or edit.field != NOMINAL or not edit.after.isdigit():
            left.append(_words(edit))
            continue
        where = f"{declared.cluster.name}/{edit.quota.flavor}"
        try:
            made = set_amounts(tree, AmountsRequest(team, accelerators={where: int(edit.after)}))
        except AllotmentError as error:
            left.append(f"{_words(edit)} ({error.what})")
            continue
        changes |= made
        tree = tree.with_changes(made)
    return MendedFinding(finding, diff=diff_of(declared.tree, changes), by_hand="; ".join(left))


def _words(edit: QuotaEdit) -> str:
    quota = edit.quota
    return f"{edit.field} of {quota.kind} {quota.name} in flavor {quota.flavor}: {edit.before} → {edit.after}"


def patch_command(edit: QuotaEdit) -> str:
    """A command that changes one quota, and refuses if the quota stands elsewhere by then."""
    quota = edit.quota
    patch = [
        {"op": "test", "path": f"{quota.path}/name", "value": quota.resource},
        {"op": "test", "path": f"{quota.path.partition('/resources/')[0]}/name", "value": quota.flavor},
        {"op": "replace", "path": f"{quota.path}/{edit.field}", "value": edit.after},
    ]
    words = ["kubectl", "patch", f"{quota.kind.lower()}/{quota.name}", "--type=json", "-p", json.dumps(patch)]
    return shlex.join(words)
