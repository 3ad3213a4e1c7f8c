"""The passes in which a server works out of clusters what is told to those who follow it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from threading import Thread
from typing import Final

from allotment.errors import AllotmentError, shown
from allotment.operations.run.desk import Desk
from allotment.operations.watch.deriving import DerivedView, derived_changes, queue_views
from allotment.operations.watch.hub import ChangeHub
from allotment.ports.journal import JournalStore, SubjectKind
from allotment.reports.documents.quotas import queue_document

_PASS: Final = 5.0
"""Seconds between two passes."""


def derive_beside(desk: Desk, hub: ChangeHub) -> None:
    """Have it done in a thread of its own, until the server ends and as long as somebody follows."""
    Thread(target=_keep_deriving, args=(desk, hub), name="works out", daemon=True).start()


def _keep_deriving(desk: Desk, hub: ChangeHub) -> None:
    """What goes wrong is said once, and tried again."""
    said: set[str] = set()
    while not desk.ending.wait(_PASS):
        failed: set[str] = set()
        teams = hub.documents_for
        if teams:
            derive(desk, desk.journal, teams, failed.add)
        for each in sorted(failed - said):
            print(f"queues are not told: {shown(each)}", file=sys.stderr, flush=True)  # noqa: T201 (the process's log)
        said = failed


def derive(desk: Desk, store: JournalStore, teams: Sequence[str], failed: Callable[[str], object]) -> None:
    """One pass over all back ends that are open.

    Args:
        desk: has them.
        store: where is kept what was told.
        teams: for whom.
        failed: is told in a sentence of each that does not answer.
    """
    try:
        found = [each for name in desk.opened for each in _views(desk, name, teams, failed)]
        changes = derived_changes(store.derived(SubjectKind.QUEUE), found)
        if changes.documents or changes.gone:
            store.keep_derived(changes.documents, changes.gone)
    except AllotmentError as error:
        failed(error.line)


def _views(desk: Desk, name: str, teams: Sequence[str], failed: Callable[[str], object]) -> Iterator[DerivedView]:
    try:
        # All of a back end or nothing: what was not looked at is not gone.
        yield from list(queue_views(desk.snapshot(name), name, teams, queue_document))
    except AllotmentError as error:
        failed(f"{name}: {error.line}")
