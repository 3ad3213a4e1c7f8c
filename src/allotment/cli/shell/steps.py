"""Progress of long work in steps, such as building the programs of a sandbox."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from allotment.cli.shell.progress import ProgressLine
from allotment.cli.shell.session import Session

if TYPE_CHECKING:
    from allotment.ports.sandboxes import Step

_WORTH_A_LINE: Final = 10.0
"""Seconds: without a terminal only longer steps leave a line, so that a log shows what takes the time."""


class StepProgress:
    """Draws the present step on a terminal; elsewhere says what took long, once it is done."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._line = ProgressLine(session)

    def __enter__(self) -> Self:
        """Draw nothing yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wipe the line."""
        self._line.clear()

    def tell(self, step: Step) -> None:
        """Take a step's news."""
        if step.done and step.elapsed_seconds >= _WORTH_A_LINE:
            self._line.clear()
            self._session.note(f"{step.what}: {duration(step.elapsed_seconds)}")
        elif self._line.visible:
            self._line.tell(f"[{step.number}/{step.total}] {step.what} {duration(step.elapsed_seconds)}")


def duration(seconds: float) -> str:
    """``8 s``, ``3 min 20 s``, ``2 h 5 min``, ``3 d 4 h``."""
    whole = int(seconds)
    for size, unit, next_size, next_unit in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // next_size
            return f"{whole // size} {unit} {rest} {next_unit}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"
