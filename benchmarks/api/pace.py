"""How fast the machine is at the moment: milliseconds of a server are worth something only beside that."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

_ADDITIONS: Final = """
import time

def add():
    found = 0
    for each in range(10_000_000):
        found += each

began = time.perf_counter()
add()
print(time.perf_counter() - began)
"""


def pace() -> str:
    """What ten million additions in Python take on each processor, all at once, in words."""
    processors = range(os.cpu_count() or 1)
    adding = [subprocess.Popen([sys.executable, "-c", _ADDITIONS], stdout=subprocess.PIPE) for _ in processors]
    took = [float(each.communicate()[0]) for each in adding]
    return f"ten million additions take {' and '.join(f'{each:.2f}' for each in took)} s on the processors at once"
