"""Writes at random into a store, is killed at random, and looks what is there: `python -m tests.corpus.store.killed`.

A child does acts that follow from a seed, and tells before and after each. Whatever it had told as done must be kept,
what it was at may be kept or not, whole, and nothing else may be there: a store in memory that did the same says what.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from allotment.adapters.store.fake import MemoryStore
from allotment.adapters.store.places import place_of
from allotment.ports.store import JobsStore, StoreInUseError, StorePlace
from tests.unit.adapters.store.jobs import Acts, everything

PATIENCE = 60.0
"""Seconds until something must have happened, on a busy machine, too."""


def write_until_killed(place: StorePlace, acts: Acts, memory: MemoryStore, told: int) -> None:
    with place.writer("to be killed") as store:
        while True:
            act = acts.draw(memory)
            os.write(told, b"a")
            act.on(store)
            act.on(memory)
            os.write(told, b"d")


def killed_at_random(rng: random.Random, work: Callable[[int], None]) -> tuple[int, bool]:
    """How many acts were done, and whether it was at another."""
    reading, telling = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            work(telling)
        finally:
            os._exit(1)
    os.close(telling)
    told, wanted, until = b"", rng.randrange(8), time.monotonic() + PATIENCE
    while told.count(b"d") < wanted:
        assert select.select([reading], [], [], max(0.0, until - time.monotonic()))[0], "the writer stands still"
        piece = os.read(reading, 1)
        assert piece, "the writer ended by itself"
        told += piece
    time.sleep(rng.random() * 0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while piece := os.read(reading, 1 << 10):
        told += piece
    os.close(reading)
    return told.count(b"d"), told.endswith(b"a")


@contextmanager
def opened(place: StorePlace) -> Iterator[JobsStore]:
    """As the next server opens it; a database server may take a moment to see that its client is gone."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with place.writer("the next one") as store:
                yield store
                return
        except StoreInUseError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def copied(memory: MemoryStore) -> MemoryStore:
    """Another one that holds the same; what it holds does not change, but for the collections themselves."""
    other = MemoryStore()
    for one, another in ((memory, other), (memory.notices, other.notices)):
        for name, value in vars(one).items():
            if isinstance(value, dict):
                vars(another)[name].update(value)
    other._trail.extend(memory._trail)
    other._journal._entries = memory._journal._entries
    return other


def run(place: StorePlace, rng: random.Random, rounds: int) -> dict[str, int]:
    acts, memory = Acts(random.Random(rng.random())), MemoryStore()
    found = {"rounds": 0, "done": 0, "kept": 0, "not kept": 0}
    for _ in range(rounds):
        done, at_one = killed_at_random(rng, partial(write_until_killed, place, acts, memory))
        for _ in range(done):
            acts.draw(memory).on(memory)
        with opened(place) as store:
            same = list(everything(store)) == list(everything(memory))
            if at_one:
                before = acts.rng.getstate(), acts.now, acts.count
                with_it = copied(memory)
                act = acts.draw(with_it)
                act.on(with_it)
                kept = list(everything(store)) == list(everything(with_it))
                assert same or kept, (act, "is there in part")
                if same:
                    acts.rng.setstate(before[0])
                    acts.now, acts.count = before[1:]
                else:
                    memory = with_it
                found["not kept" if same else "kept"] += 1
            else:
                assert same, "something that was kept is gone, or something else is there"
        found["rounds"] += 1
        found["done"] += done
    return found


def main(address: str, seed: int, rounds: int) -> None:
    sys.stdout.write(json.dumps(run(place_of(address), random.Random(seed), rounds)))
    if "://" not in address:
        backup = Path(f"{address}.backup")
        place_of(address).backup(backup)
        place_of(f"{address}.restored").restore(backup)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
