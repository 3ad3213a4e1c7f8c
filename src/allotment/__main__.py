"""The programs `allot` and `kubectl-allot`, and `python -m allotment`."""

from __future__ import annotations

import gc
import os
import signal
from types import FrameType
from typing import Final

from allotment.errors import INTERRUPTED

_MADE_BETWEEN: Final = 400_000
"""Objects that are made before garbage is looked for (700 is Python's own number)."""


def collect_seldom() -> None:
    """Look for cycles of garbage seldom: a command makes much of one snapshot, keeps nearly all, and ends.

    On a large cluster a third of an answer's time went into looking through what is still used.
    """
    gc.set_threshold(_MADE_BETWEEN, 20, 20)


def main() -> None:
    """Run the command line of this process.

    Ctrl-C while modules are loaded ends the process at once and quietly: nothing has begun that could be reported.
    """
    # A process in the background ignores Ctrl-C, and goes on to do so.
    guarded = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if guarded:
        signal.signal(signal.SIGINT, _leave)
    collect_seldom()
    from allotment.cli.main import main as run

    if guarded:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run()
    except KeyboardInterrupt:
        # A second one, while the first was being reported or the last line written.
        _leave()


def _leave(_number: int = signal.SIGINT, _frame: FrameType | None = None) -> None:
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
