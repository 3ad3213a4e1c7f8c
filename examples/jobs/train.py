"""Train a small network on numbers that it draws itself, in as many replicas as the job has, and resume where it was.

Needs Python and numpy. What Allotment gives a job is all that it uses:

    ALLOTMENT_CHECKPOINT_DIR   where checkpoints are kept from attempt to attempt
    ALLOTMENT_RANK, _REPLICAS  which replica this is, of how many
    MASTER_ADDR, MASTER_PORT   where rank 0 meets the others; without them each replica trains on its own part alone

SIGTERM means: write a checkpoint, and end. All replicas end after the same step, rank 0 writes; the exit code is 143.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path

import numpy as np

RANK = int(os.environ.get("ALLOTMENT_RANK", "0"))
REPLICAS = int(os.environ.get("ALLOTMENT_REPLICAS", "1"))
TOGETHER = REPLICAS > 1 and "MASTER_ADDR" in os.environ
FOLDER = Path(os.environ.get("ALLOTMENT_CHECKPOINT_DIR", "checkpoints"))
CHECKPOINT = FOLDER / ("model.npz" if TOGETHER or REPLICAS == 1 else f"model-{RANK}.npz")
HIDDEN = 32
PARTNERS_WITHIN = 60
"""Seconds within which all replicas have to be there."""

stopping = False


def stop(_signal: int, _frame: object) -> None:
    """SIGTERM: the step that is on is finished first."""
    global stopping  # noqa: PLW0603 (a signal's handler has nowhere else to say it)
    stopping = True


def meet() -> list[Connection]:
    """Rank 0: a connection to each other replica. The others: one to rank 0."""
    if not TOGETHER:
        return []
    place = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
    key = os.environ.get("ALLOTMENT_JOB_ID", "alone").encode()
    if RANK == 0:
        with Listener(("0.0.0.0" if place[0] != "127.0.0.1" else place[0], place[1]), authkey=key) as door:  # noqa: S104
            return [door.accept() for _ in range(REPLICAS - 1)]
    last = time.monotonic() + PARTNERS_WITHIN
    while True:
        try:
            return [Client(place, authkey=key)]
        except OSError:
            if time.monotonic() > last:
                raise
            time.sleep(0.1)


def averaged(partners: list[Connection], gradient: np.ndarray) -> tuple[np.ndarray, bool]:
    """The gradient over all replicas, and whether one of them has to stop."""
    mine = np.append(gradient, float(stopping))
    if RANK == 0:
        total = mine + sum(np.frombuffer(each.recv_bytes()) for each in partners)
        for each in partners:
            each.send_bytes(total.tobytes())
    else:
        partners[0].send_bytes(mine.tobytes())
        total = np.frombuffer(partners[0].recv_bytes())
    return total[:-1] / REPLICAS, total[-1] > 0


def data(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """This replica's part of the data: the same in each attempt."""
    draw = np.random.default_rng(1000 + RANK)
    inputs = draw.normal(size=(rows, 4))
    return inputs, np.sin(inputs[:, 0]) + inputs[:, 1] * inputs[:, 2] - 0.5 * inputs[:, 3]


def slope(weights: np.ndarray, inputs: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, float]:
    """Gradient and loss of a network with one hidden layer."""
    first, second = weights[: 5 * HIDDEN].reshape(5, HIDDEN), weights[5 * HIDDEN :]
    known = np.column_stack([inputs, np.ones(len(inputs))])
    hidden = np.tanh(known @ first)
    error = hidden @ second - targets
    back = np.outer(error, second) * (1 - hidden**2)
    return np.concatenate([(known.T @ back).ravel(), hidden.T @ error]) / len(inputs), float(np.mean(error**2))


def save(step: int, weights: np.ndarray) -> None:
    """Replace the checkpoint in one step: whoever is killed meanwhile leaves the old one whole."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    half = CHECKPOINT.with_suffix(".half")
    with half.open("wb") as file:
        np.savez(file, step=step, weights=weights)
        file.flush()
        os.fsync(file.fileno())
    half.replace(CHECKPOINT)


def restored() -> tuple[int, np.ndarray]:
    """The step to go on with, and the weights; drawn where there is no checkpoint."""
    try:
        with np.load(CHECKPOINT) as kept:
            return int(kept["step"]), kept["weights"]
    except FileNotFoundError:
        return 0, np.random.default_rng(0).normal(scale=0.3, size=6 * HIDDEN)


def main() -> int:
    """Train until the last step, or until SIGTERM."""
    options = argparse.ArgumentParser()
    options.add_argument("--steps", type=int, default=2000)
    options.add_argument("--lr", type=float, default=0.1)
    options.add_argument("--every", type=float, default=5.0, help="seconds between two checkpoints")
    options.add_argument("--pause", type=float, default=0.0, help="seconds that a step takes longer")
    asked = options.parse_args()
    signal.signal(signal.SIGTERM, stop)
    partners = meet()
    begun, weights = restored()
    inputs, targets = data(rows=512)
    print(f"rank {RANK} of {REPLICAS}: begins at step {begun}", flush=True)
    saved, loss = time.monotonic(), 0.0
    for step in range(begun, asked.steps):
        gradient, loss = slope(weights, inputs, targets)
        if partners:
            gradient, ends = averaged(partners, gradient)
        else:
            ends = stopping
        weights = weights - asked.lr * gradient
        writes = RANK == 0 or not TOGETHER
        if writes and (ends or time.monotonic() - saved >= asked.every):
            save(step + 1, weights)
            saved = time.monotonic()
        if ends:
            print(f"rank {RANK}: told to end; step {step + 1} is kept", flush=True)
            return 128 + signal.SIGTERM
        if (step + 1) % 100 == 0:
            print(f"step={step + 1} loss={loss:.6f}", flush=True)
        time.sleep(asked.pause)
    if RANK == 0 or not TOGETHER:
        save(asked.steps, weights)
    print(f"rank {RANK}: done, loss={loss:.6f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
