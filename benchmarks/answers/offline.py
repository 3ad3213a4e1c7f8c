"""How fast a saved snapshot answers: the busy fleet of `mixed.py` is saved, and loaded and asked in this process.

    python -m benchmarks.answers --offline [--only WORD] [--profile WORD]

Every question starts from the snapshot alone, as a command does: no lookup is left over from the one before.
"""

from __future__ import annotations

import cProfile
import gc
import pstats
import resource
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

from allotment.__main__ import collect_seldom
from allotment.accounting.moment import CountingRules
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.explaining import explain
from allotment.diagnose.never import fleet_of
from allotment.diagnose.subjects import find_case
from allotment.diagnose.twins import twins_of
from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.observe.gathering import Gathered
from allotment.observe.written import decode, encode
from allotment.operations.ask.books import books_of
from allotment.operations.ask.devices import count_gpus, saturated, who_holds
from allotment.operations.ask.explaining import grouped, why, why_all
from allotment.operations.ask.quotas import queues_of, quotas_of
from allotment.operations.ask.wasting import waste_now
from benchmarks.answers import mixed
from benchmarks.answers.fleet import Size


@dataclass
class Asked:
    """A question that is measured.

    Attributes:
        seconds: CPU seconds that the answer itself tells, in place of those it took.
    """

    name: str
    ask: Callable[[], Any]
    bar: float
    note: Callable[[Any], str] = lambda _: ""
    seconds: Callable[[Any], float] | None = None


def snapshot_of(size: Size) -> Snapshot:
    """The fleet as it would have been read."""
    now = mixed.NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
    gathered = Gathered()
    gathered.take_any(mixed.objects(size))
    source = Source(name="fleet", observed_at=now, objects=gathered.objects(), gaps=gathered.gaps)
    return Snapshot(taken_at=now, sources=(source,))


def questions(data: bytes, snapshot: Snapshot) -> Iterator[Asked]:
    """Every question with its bar in seconds; what those before have made is gone when the next is taken."""
    yield Asked("load a saved snapshot", lambda: decode(data), 2.0, lambda _: f"a file of {len(data) / 1e6:.1f} MB")
    for name in ("job/wait-1", "job/wait-20"):
        yield Asked(f"why {name}: the cause", lambda n=name: why(snapshot, n, with_remedies=False), 2.0, _cause)  # type: ignore[misc]
    yield from _following(snapshot)
    for name in _subjects():
        yield Asked(f"why {name}, remedies tried", lambda n=name: why(snapshot, n), 2.0, _remedies)  # type: ignore[misc]
    yield Asked("why -A, grouped", lambda: grouped(why_all(snapshot).waiting), 2.0, _groups)
    yield Asked("who", lambda: who_holds(snapshot), 2.0)
    yield Asked("gpus", lambda: count_gpus(snapshot), 2.0)
    yield Asked("queues", lambda: queues_of(snapshot), 2.0)
    yield Asked("quotas", lambda: quotas_of(snapshot, None), 2.0)
    yield Asked("saturation", lambda: saturated(snapshot), 2.0)
    yield Asked("books", lambda: books_of(snapshot, None), 2.0)
    yield Asked("waste", lambda: waste_now(snapshot, CountingRules(), "cause"), 2.0)


def _subjects() -> list[str]:
    """One that waits for each usual queue, and one of each oddity."""
    usual = [f"job/wait-{number}" for number in (1, 2, 3, 5)]
    return usual + [f"job/wait-{number}" for number in range(0, 160, 20)]


def _following(snapshot: Snapshot) -> Iterator[Asked]:
    source = snapshot.sources[0]
    index = Index(source)
    wanted = set(range(1, 5000, 250)) | set(range(0, 160, 20))
    jobs = [index.work_by_name["Job", each.namespace, each.name]
            for each in source.objects.jobs if each.name in {f"wait-{n}" for n in wanted}]  # fmt: skip

    def first() -> Any:
        return explain(find_case(snapshot, "job/wait-1"), with_remedies=False)

    def cause(at: int) -> Any:
        return explain(Case(snapshot, source, reference_of(jobs[at]), jobs[at], index=index), with_remedies=False)

    def ready() -> Any:
        twins = twins_of(index, snapshot.taken_at)
        for each in twins.queueing.pending:
            twins.attempt(each.name)
        first = Case(snapshot, source, reference_of(jobs[1]), jobs[1], index=index)
        fleet_of(first).hopeless([each.name for each in twins.queueing.pending[:1]])
        return cause(1)

    def following() -> float:
        slowest = 0.0
        for at in range(len(jobs)):
            began = time.process_time()
            cause(at)
            slowest = max(slowest, time.process_time() - began)
        return slowest

    yield Asked("find and explain the first", first, 2.0)
    yield Asked("make the twins, all queues settled, and the emptied fleet", ready, 2.0)
    yield Asked(f"the slowest of {len(jobs)} causes after that", following, 0.05, seconds=lambda each: each)


def _cause(found: Any) -> str:
    return str(found.explanation.cause)


def _remedies(found: Any) -> str:
    return f"{found.explanation.cause}, {len(found.explanation.remedies)} remedies"


def _groups(found: Any) -> str:
    return ", ".join(f"{each.cause} {len(each.members)}" for each in found)


def _saved(size: Size) -> bytes:
    collect_seldom()
    began = time.process_time()
    made = snapshot_of(size)
    print(f"made in {time.process_time() - began:.1f} s", file=sys.stderr)
    began = time.process_time()
    data = encode(made)
    print(f"saved in {time.process_time() - began:.1f} s", file=sys.stderr)
    return data


def measure(size: Size, only: str, profiled: str) -> None:
    """Print a row for each question, asked in a process such as a command's."""
    with ProcessPoolExecutor(1) as another:  # a command has not made what it reads
        data = another.submit(_saved, size).result()
    collect_seldom()
    snapshot = decode(data)
    print("| question | CPU seconds | wall | bar | peak MB | |\n|---|---:|---:|---:|---:|---|")
    for asked in questions(data, snapshot):
        if only not in asked.name:
            continue
        gc.collect()
        profile = cProfile.Profile() if profiled and profiled in asked.name else None
        cpu, wall = time.process_time(), time.perf_counter()
        if profile is not None:
            profile.enable()
        found = asked.ask()
        if profile is not None:
            profile.disable()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        if asked.seconds is not None:
            cpu = asked.seconds(found)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        over = " **over**" if cpu > asked.bar else ""
        print(
            f"| {asked.name} | {cpu:.3g}{over} | {wall:.2f} | {asked.bar:g} | {peak:.0f} | {asked.note(found)} |",
            flush=True,
        )
        if profile is not None:
            pstats.Stats(profile, stream=sys.stderr).sort_stats("cumulative").print_stats(45)
            pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(30)
        del found, asked  # what an answer holds on to is none of the next one's
