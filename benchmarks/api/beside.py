"""What a call takes of the processor, of this server and of another version of it, asked in turn in the same minutes.

    python -m benchmarks.api.beside SRC [--calls N] [--jobs N]

`SRC` is the folder `src` of a checkout of the other version, whose stores are of the same version. How quick a machine
is may change from one minute to the next by more than what is to be seen: so both servers run at once, over a store of
100,000 jobs each, and are asked twenty calls of a kind in turn, one after the other. Whoever comes second is asked
first the next time.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.api.__main__ import TEAM_OF, mixed, say
from benchmarks.api.load import Call, Client
from benchmarks.api.stage import Running, ended, filled, jobs, start, token, write_platform

TOGETHER = 20
"""Calls of a kind that one server is asked before the other is."""
PAUSE = 0.3
"""Seconds after changes, for what a server does of them by itself."""


@dataclass
class Side:
    """One of the two servers."""

    name: str
    server: Running
    client: Client
    calls: Iterator[Call]
    later: dict[str, list[Call]] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)

    def next_of(self, kind: str) -> Call:
        """The next call of a kind, of all that are drawn."""
        kept = self.later.setdefault(kind, [])
        while not kept:
            call = next(self.calls)
            self.later.setdefault(call.name, []).append(call)
        return kept.pop()

    async def ask(self, kind: str, *, counted: bool) -> None:
        """Several calls of a kind, one after the other."""
        some = [self.next_of(kind) for _ in range(TOGETHER)]
        before = self.server.on_processor
        for call in some:
            status, body = await self.client.ask(call)
            if status >= 300:
                raise SystemExit(f"{self.name}: {call.name}: {status} {body[:300]!r}")
        if some[0].verb != "GET":
            await asyncio.sleep(PAUSE)
        if counted:
            self.took[kind] = self.took.get(kind, 0.0) + self.server.on_processor - before
            self.asked[kind] = self.asked.get(kind, 0) + TOGETHER

    def each(self, kind: str) -> float:
        """Milliseconds of a processor for a call."""
        return 1000 * self.took[kind] / self.asked[kind]


KINDS = {
    "50 newest jobs": 0.2,
    "50 newest of a team": 0.2,
    "50 of a team that are not over": 0.1,
    "one job": 0.15,
    "counts by state and team": 0.05,
    "counts of a team": 0.05,
    "status": 0.05,
    "submit a job": 0.1,
}
"""Share of each kind in `benchmarks.api`, where jobs are stopped as often as they are submitted."""


async def compare(sides: tuple[Side, Side], calls: int) -> None:
    """Ask both in turn, and print what a call of each kind takes."""
    say("| call | other, ms | this, ms | |")
    say("|---|---:|---:|---:|")
    sums = [0.0, 0.0]
    for kind, share in KINDS.items():
        for turn in range(calls // TOGETHER + 1):
            for side in sides if turn % 2 else reversed(sides):
                await side.ask(kind, counted=turn > 0)
        other, this = (side.each(kind) for side in sides)
        sums = [sums[0] + share * other, sums[1] + share * this]
        say(f"| {kind} | {other:.2f} | {this:.2f} | {this / other - 1:+.0%} |")
    say(f"| **by their share** | {sums[0]:.2f} | {sums[1]:.2f} | {sums[1] / sums[0] - 1:+.0%} |")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=100_000)
    asked = parser.parse_args()
    living = asked.jobs // 10
    for number, each in enumerate(jobs(asked.jobs, living)):
        if number >= asked.jobs - living:
            TEAM_OF[number] = each.job.team
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        store = Path(folder) / "store.db"
        filled(str(store), asked.jobs, living)
        sides: list[Side] = []
        for name, source in (("other", asked.source.resolve()), ("this", None)):
            home = Path(folder) / name
            home.mkdir()
            shutil.copy(store, home / "store.db")
            server = start(home, write_platform(home / "platform"), str(home / "store.db"), source=source)
            opened.enter_context(ended([server]))
            drawn = mixed(random.Random(3), asked.jobs, living, [])
            sides.append(Side(name, server, Client(server.port, token(server)), drawn))
        time.sleep(3)
        asyncio.run(compare((sides[0], sides[1]), asked.calls))
    return 0


if __name__ == "__main__":
    sys.exit(main())
