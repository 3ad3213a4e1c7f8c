"""How long one who is answered waits for what else the process does: for other threads, and for memory to be cleared.

Reference counts clear nearly all memory at once; what remains is found by looking through every object, during which
nobody is answered: with ten thousand jobs half a second, and as Python goes about it, up to once a second under load.
Here what has come since the last time is looked through each minute, and all else once an hour; what is young is looked
through as ever.
"""

from __future__ import annotations

import gc
import itertools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final

_TURN: Final = 0.001
"""Seconds for which a thread computes while others wait: an answer takes some ten turns, of 5 ms each otherwise."""
_YOUNG: Final = 5000
"""Objects more than before, at which those that are new are looked through."""
_MIDDLE: Final = 10
"""Times that new ones are looked through, until those that outlasted that are."""
_NEVER: Final = 1 << 30
_FIRST: Final = 10.0
"""Seconds from the start until everything is looked through: until then, what is not over was read."""
_EACH: Final = 60.0
"""Seconds until what came since is: till then 6,000 calls leave 20 MiB."""
_WHOLE: Final = 60
"""Looks of which one is through everything: few of the objects that have outlasted one are ever part of a cycle that
nobody holds, and at a hundred calls a second those who wait meanwhile are not all answered for three seconds."""


@contextmanager
def short_turns() -> Iterator[None]:
    """Have threads take short turns, and memory looked through seldom, while the block lasts."""
    turn, thresholds, ended = sys.getswitchinterval(), gc.get_threshold(), Event()
    worker = Thread(target=_look_through, args=(ended,), name="looks through", daemon=True)
    sys.setswitchinterval(_TURN)
    gc.set_threshold(_YOUNG, _MIDDLE, _NEVER)
    worker.start()
    try:
        yield
    finally:
        ended.set()
        worker.join()
        gc.unfreeze()
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(turn)


def _look_through(ended: Event) -> None:
    wait = _FIRST
    for look in itertools.count():
        if ended.wait(wait):
            return
        wait = _EACH
        if look % _WHOLE == 0:
            gc.unfreeze()
        gc.collect()
        # What is left then stays for long: it is looked through again with everything.
        gc.freeze()
