"""Use case: the platform of a directory, and which state of the directory it was."""

from __future__ import annotations

import datetime as dt

from allotment.operations.directory.teams import Edit
from allotment.plan.changes import PlanSource
from allotment.ports.directory import DirectoryPort
from allotment.spec.load import Loaded, load_platform


def load(directory: DirectoryPort, today: dt.date) -> Loaded:
    """The platform as it is on a day, with its warnings.

    Args:
        directory: the platform's.
        today: decides whether an exception has ended, and a leaving team's data may go.

    Raises:
        InvalidPlatformError: it has errors.
        AllotmentError: it cannot be read.
    """
    return load_platform(directory.read(), today)


def load_edited(directory: DirectoryPort, edit: Edit, today: dt.date) -> Loaded:
    """The platform as an edit would leave it.

    Raises:
        AllotmentError: as `load`.
    """
    return load_platform(directory.read().with_changes(edit.changes), today)


def source_of(directory: DirectoryPort) -> PlanSource:
    """The digest of a directory, and the commit it is at.

    Raises:
        AllotmentError: it cannot be read.
    """
    commit, dirty = directory.revision()
    return PlanSource(commit, dirty, directory.read().digest)
