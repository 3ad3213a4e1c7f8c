"""Work that only takes time: it counts steps, writes a checkpoint every few, and goes on from the last one."""

import os
import signal
import sys
import time

STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 100
FILE = os.path.join(os.environ.get("ALLOTMENT_CHECKPOINT_DIR", "."), "step")


def save(step):
    with open(FILE + ".new", "w") as file:
        file.write(str(step))
    os.replace(FILE + ".new", FILE)


def main():
    step = int(open(FILE).read()) if os.path.exists(FILE) else 0
    print(f"rank {os.environ.get('ALLOTMENT_RANK', '0')} begins at step {step} of {STEPS}", flush=True)
    told = []
    signal.signal(signal.SIGTERM, lambda *_: told.append(True))
    while step < STEPS and not told:
        time.sleep(1)
        step += 1
        if step % 10 == 0 or told:
            save(step)
            print(f"step {step} loss {3.0 / (1 + step / 50):.3f}", flush=True)
    save(step)
    return 0 if step >= STEPS else 143


if __name__ == "__main__":
    sys.exit(main())
