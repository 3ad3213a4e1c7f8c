"""Word of the ends of processes, as they happen: nobody has to look again and again."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress


class ProcessEnds:
    """Waits, in a thread of its own, for the ends of processes, whoever their parent is. For several threads."""

    def __init__(self, told: Callable[[], None]) -> None:
        """None is waited for yet.

        Args:
            told: called in that thread after each end.
        """
        self._told = told
        self._lock = threading.Lock()
        self._held: dict[int, int] = {}
        self._waiting: select.epoll | None = None

    def wait_for(self, pid: int) -> None:
        """Wait for a process that was alive a moment ago, once however often it is asked for."""
        with self._lock:
            if pid in self._held:
                return
            try:
                held = os.pidfd_open(pid)
            except ProcessLookupError:
                held = -1
            except OSError:
                return  # no descriptors are left, or nobody may: whoever looks again sees it, too
            if held >= 0:
                self._held[pid] = held
                self._begun().register(held, select.EPOLLIN | select.EPOLLONESHOT)
        if held < 0:
            self._told()

    def _begun(self) -> select.epoll:
        if self._waiting is None:
            self._waiting = select.epoll()
            threading.Thread(target=self._wait, args=(self._waiting,), name="ends", daemon=True).start()
        return self._waiting

    def _wait(self, waiting: select.epoll) -> None:
        while True:
            with suppress(InterruptedError):
                ended = {descriptor for descriptor, _ in waiting.poll()}
                with self._lock:
                    for pid, held in [each for each in self._held.items() if each[1] in ended]:
                        del self._held[pid]
                        os.close(held)
                self._told()
