"""What `allot when` and `allot whatif` share where a cluster is asked: the past that they rest on, and the wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from allotment import wiring
from allotment.cli.shell.progress import ProgressLine
from allotment.cli.shell.session import Session
from allotment.model.observed.snapshot import Snapshot
from allotment.operations.ask.recorded import Recording, recording

_Found = TypeVar("_Found")


def past(folder: str | None) -> Recording | None:
    """What `--recorded` names, if it is given."""
    return None if folder is None else recording(wiring.files(), folder)


def foreseen(
    session: Session, budget: float, recorded: Recording | None, ask: Callable[[Iterable[Snapshot]], _Found]
) -> _Found:
    """An answer, with a line of progress until it is there.

    Args:
        session: what of the past is doubtful is noted there.
        budget: seconds that futures are made for at most.
        recorded: the past.
        ask: makes the answer of earlier snapshots.
    """
    with ProgressLine(session) as line:
        line.tell(f"making futures for at most {budget:g} s")
        found = ask(recorded.snapshots() if recorded else ())
    for remark in recorded.remarks() if recorded else ():
        session.note(remark)
    return found
