"""Use case: a snapshot every so often, each into a file of its own. `recorded.py` reads them.

A moment at which the cluster does not answer has no file: nothing is carried over from the one before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from allotment.errors import UnreachableError
from allotment.model.observed.snapshot import Snapshot
from allotment.operations.ask.keeping import keep_in
from allotment.ports.clock import Clock
from allotment.ports.files import FilesPort, OpenFolder

SUFFIX: Final = ".json.gz"


@dataclass(frozen=True, slots=True)
class Cadence:
    """When to look.

    Attributes:
        every: between the beginnings of two looks.
        count: looks in all; None = until `span` is over.
        span: after which no other begins; None = without end.
    """

    every: dt.timedelta
    count: int | None = None
    span: dt.timedelta | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """One look: where it was written, or why there is nothing to write."""

    number: int
    path: Path | None
    error: UnreachableError | None = None


def record(
    look: Callable[[], Snapshot], files: FilesPort, clock: Clock, folder: Path, cadence: Cadence
) -> Iterator[Look]:
    """Look, write, wait, look again.

    Args:
        look: at the cluster; see `looking`.
        files: where it is written.
        clock: says when, and waits.
        folder: one file a look, named after its moment.
        cadence: how often, how long.

    Raises:
        NotSignedInError: the server does not accept the credentials.
        ConflictError: a file that is no snapshot has the name of one.
        AllotmentError: a file cannot be written.
    """
    began = clock.now()
    number = 0
    opened: OpenFolder | None = None
    last = ""
    while cadence.count is None or number < cadence.count:
        due = began + number * cadence.every
        if cadence.span is not None and due - began > cadence.span:
            return
        wait = (due - clock.now()).total_seconds()
        if wait > 0:
            clock.sleep(wait)
        elif number and -wait >= cadence.every.total_seconds():
            # A look that took longer than the time between two: the next begins now, none is made up for.
            began = clock.now() - number * cadence.every
        number += 1
        try:
            snapshot = look()
        except UnreachableError as error:
            yield Look(number, None, error)
            continue
        # Opened once, so that nothing that is put in its place later is written to.
        opened = opened or files.open_folder(folder, make=True)
        moment = snapshot.taken_at.replace(":", "")
        # Two looks of one second are two files: the second must not take the place of the first.
        name = f"{moment}{SUFFIX}" if moment != last else f"{moment}-{number}{SUFFIX}"
        last = moment
        keep_in(opened, name, snapshot)
        yield Look(number, folder / name)
