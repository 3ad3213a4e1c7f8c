"""A training that does not listen: a step in a hundredth of a second, a checkpoint every `EVERY` steps, no other.

It goes on from its checkpoint where there is one, until a file says that it is enough. Each step is added to a file
that tells what was really done.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

EVERY = 50
ENOUGH = "enough"


def main() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    folder = Path(os.environ["ALLOTMENT_CHECKPOINT_DIR"])
    folder.mkdir(parents=True, exist_ok=True)
    kept, half = folder / "model.npz", folder / "model.half"
    step, weights = 0, np.zeros(8)
    say(f"keeps {folder}")
    if kept.exists():
        with np.load(kept) as found:
            step, weights = int(found["step"]), found["weights"]
    with (folder / "steps").open("a") as done:
        done.write(f"begins {step}\n")
        while not (folder / ENOUGH).exists():
            weights += 1.0
            step += 1
            done.write(f"{step}\n")
            done.flush()
            if step % EVERY == 0:
                with half.open("wb") as file:
                    np.savez(file, step=step, weights=weights)
                half.replace(kept)
            time.sleep(0.01)
    say(f"trained {step}: {weights[0]:g}")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
