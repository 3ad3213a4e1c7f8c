"""The passes in which a server works out of clusters what is told to those who follow it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from threading import Thread
from typing import Final

from allotment.api.telemetry.saying import say
from allotment.errors import AllotmentError, shown
from allotment.operations.run.desk import Desk
from allotment.operations.watch.deriving import DerivedView, derived_changes, queue_views
from allotment.operations.watch.findings import WaitingJobs
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
    waiting, told_to = WaitingJobs(desk.journal), tuple[str, ...]()
    while not desk.ending.wait(_PASS):
        failed: set[str] = set()
        teams = hub.documents_for
        if teams:
            derive(desk, desk.journal, teams, failed.add)
            tell_findings(desk.journal, waiting, teams, failed.add, anew=teams != told_to)
        told_to = teams
        for each in sorted(failed - said):
            say(f"queues or findings are not told: {shown(each)}")
        said = failed


def tell_findings(
    store: JournalStore, waiting: WaitingJobs, teams: Sequence[str], failed: Callable[[str], object], *, anew: bool
) -> None:
    """Why jobs wait, where anything has changed.

    Args:
        store: where is kept what was told.
        waiting: the jobs.
        teams: for whom.
        failed: is told in a sentence where the store does not answer.
        anew: whether others follow than before.
    """
    try:
        if not waiting.look() and not anew:
            return
        before = store.derived(SubjectKind.FINDING)
        backends = {each.id.partition("/")[0] for each in before}
        changes = derived_changes(before, list(waiting.views(teams, backends)))
        if changes.documents or changes.gone:
            store.keep_derived(changes.documents, changes.gone)
    except AllotmentError as error:
        failed(error.whole.line)


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
        failed(error.whole.line)


def _views(desk: Desk, name: str, teams: Sequence[str], failed: Callable[[str], object]) -> Iterator[DerivedView]:
    try:
        # All of a back end or nothing: what was not looked at is not gone.
        yield from list(queue_views(desk.snapshot(name), name, teams, queue_document))
    except AllotmentError as error:
        failed(f"{name}: {error.whole.line}")
