"""How many examples a random test tries: a third by day, all with `ALLOTMENT_EXAMPLES=all`, as `make nightly` does.

By day they are the same ones in every run, so that a change is judged by what it changes; new ones are tried by night.
"""

from __future__ import annotations

import os
from typing import Final

ALL: Final = os.environ.get("ALLOTMENT_EXAMPLES") == "all"
_PART: Final = 3
_LEAST: Final = 10


def by_day(examples: int) -> int:
    """Of so many examples those that every run tries; all of them in the nightly run."""
    return examples if ALL else min(examples, max(_LEAST, examples // _PART))
