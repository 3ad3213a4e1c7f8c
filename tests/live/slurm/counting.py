"""A training that counts: a step in a tenth of a second, a checkpoint every ten steps and when it is warned.

    python counting.py CHECKPOINT

It goes on from its checkpoint where there is one, and says from which step on. Once warned it leaves with 0, as
programs do that have put everything in order.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

EVERY = 10


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(checkpoint: Path) -> None:
    warned = False

    def warn(*_: object) -> None:
        nonlocal warned
        warned = True

    signal.signal(signal.SIGTERM, warn)
    step = int(checkpoint.read_text()) if checkpoint.exists() else 0
    say(f"from {step}")
    while True:
        time.sleep(0.1)
        step += 1
        if warned or step % EVERY == 0:
            new = checkpoint.with_suffix(".new")
            new.write_text(str(step))
            new.replace(checkpoint)
        if warned:
            say(f"left at {step}")
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
