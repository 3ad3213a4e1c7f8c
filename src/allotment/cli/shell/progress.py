"""Progress on standard error: one line that is drawn over, and only where somebody looks at it."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import Final, Self

from allotment.cli.shell.session import Session
from allotment.errors import shown

_CLEAR: Final = "\r\x1b[2K"


class ProgressLine:
    """A line such as ``applying 12/140 Namespace cv``. Without a terminal nothing is drawn at all.

    Use it as a context manager, so that the line is gone before anything else is written. Safe to tell from several
    threads.
    """

    def __init__(self, session: Session) -> None:
        self._width = session.progress_width
        self._lock = threading.Lock()
        self._drawn = False

    def __enter__(self) -> Self:
        """Draw nothing yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wipe the line."""
        self.clear()

    @property
    def visible(self) -> bool:
        """Whether anything is drawn."""
        return self._width is not None

    def tell(self, text: str) -> None:
        """Draw a text in place of the last one, cut to the terminal's width."""
        if self._width is None:
            return
        line = shown(text)
        room = self._width - 1
        with self._lock:
            sys.stderr.write(_CLEAR + (line if len(line) <= room else f"{line[: room - 1]}…"))
            sys.stderr.flush()
            self._drawn = True

    def clear(self) -> None:
        """Leave an empty line."""
        with self._lock:
            if self._drawn:
                sys.stderr.write(_CLEAR)
                sys.stderr.flush()
                self._drawn = False
