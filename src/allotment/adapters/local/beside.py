"""What may take long is done in a thread of its own, which keeps nobody from ending."""

from __future__ import annotations

import threading
from collections.abc import Callable


def in_a_thread(work: Callable[[], None]) -> None:
    """Begin it, and return at once; what it raises goes to standard error."""
    threading.Thread(target=work, name="beside", daemon=True).start()
