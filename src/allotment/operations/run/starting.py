"""Use cases: the server is started, and ended."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from allotment.errors import (
    AllotmentError,
    ConflictError,
    InputError,
    TimedOutError,
    UnreachableError,
    UsageError,
    shown,
)
from allotment.model.grammar import count
from allotment.model.jobs.run import JobState
from allotment.model.quantity import SLOTS
from allotment.operations.access.listening import NOWHERE
from allotment.ports.clock import Clock
from allotment.ports.job_server import JobServer
from allotment.ports.job_service import JobService, ServerStatus
from allotment.ports.store import MOST_LISTED, JobFilter
from allotment.ports.stored_jobs import StoredJob

_PATIENCE: Final = 90.0
"""Seconds for a server to answer, or to end."""
_LOOK_AGAIN: Final = 0.05
_TOLD: Final = frozenset({"--platform", "--slots", "--listen"})
"""Flags of a server that its status tells of."""
DEMO: Final = "--demo"
"""Argument of a server whose fleet is made up."""
UNNAMED_PLACE: Final = "--loopback"
"""Argument of a server that listens where it can, for nobody has said where; no flag of `allot up`."""
_QUICK: Final = 2.0
"""Seconds after which it is told which jobs have not ended yet."""
_MOST_NAMED: Final = 5
_TELL_AFTER: Final = 500
"""Jobs that were told to end, after which that is said: some seconds."""


@dataclass(frozen=True, slots=True)
class StartedServer:
    """A server that answers.

    Attributes:
        already: it ran before.
    """

    status: ServerStatus
    already: bool


def bring_up(server: JobServer, words: Sequence[str], clock: Clock) -> StartedServer:
    """A server that answers: the one that runs, or a new one.

    Args:
        server: where it is.
        words: arguments of a new one.
        clock: time.

    Raises:
        AllotmentError: it ended at once, with what it said.
        TimedOutError: it does not answer yet.
    """
    try:
        return StartedServer(server.service.status(), already=True)
    except UnreachableError:
        pid = server.spawn(words)
    waited = 0.0
    while waited < _PATIENCE:
        try:
            return StartedServer(server.service.status(), already=False)
        except UnreachableError:
            said = server.ended()
        if said is not None:
            fix = f"mend what it says, and start it again; all that it said is in {server.log}"
            raise AllotmentError("the server ended at once", why=said, fix=fix)
        clock.sleep(_LOOK_AGAIN)
        waited += _LOOK_AGAIN
    raise TimedOutError(
        f"the server still starts (process {pid}): it does not answer after {_PATIENCE:g} s",
        why="the machine is busy, or something holds it up that its log tells",
        fix=f"`allot up` again in a while: what has started meanwhile is taken; else look into {server.log}",
    )


def check_standby(shared: str) -> None:
    """See that another server could go on with what one with a standby has begun.

    Args:
        shared: the folder that both have; empty for none.

    Raises:
        UsageError: none is named.
    """
    if not shared:
        raise UsageError(
            "a server with a standby needs a folder that both share",
            why="packed code lies there, and the key by which their jobs are known in a cluster",
            fix="name a folder of a shared file system with --shared-folder",
        )


@dataclass(frozen=True, slots=True)
class AskedStart:
    """What a server was to be started with.

    Attributes:
        words: all arguments of its process.
        directory: of the platform; empty for none.
        slots: None for none.
        listen: address of the network, or `NOWHERE`; empty where nobody says.
    """

    words: Sequence[str]
    directory: str = ""
    slots: int | None = None
    listen: str = ""


def check_as_asked(status: ServerStatus, asked: AskedStart, started_with: Sequence[str] | None = None) -> None:
    """See that a server that ran before is what was asked for.

    Args:
        status: of the server.
        asked: what was asked for.
        started_with: arguments of its process; None where they are not known.

    Raises:
        ConflictError: it has another platform, other slots, listens elsewhere, or is without a flag that was asked for.
    """
    amiss = [*_otherwise(status, asked)]
    others = [] if started_with is None else _not_taken(asked.words, started_with)
    if others:
        amiss.append(f"it was not started with {shown(', '.join(' '.join(each) for each in others))}")
    if amiss:
        wanted = ["--platform", asked.directory] if asked.directory else []
        wanted += [] if asked.slots is None else ["--slots", str(asked.slots)]
        wanted += ["--listen", asked.listen] if asked.listen else []
        wanted += [word for each in others for word in each]
        # With all that it has already: who does as he is told loses nothing of it; of a demo nothing is his, and a demo
        # takes little of what was his.
        kept = () if _is_other_demo(status, asked) or DEMO in asked.words else _flags(started_with or ())
        flags = {each[0]: each for each in (*kept, *_flags(wanted))}
        words = [word for each in flags.values() for word in each]
        left = "the demo is gone then" if _is_other_demo(status, asked) else "what runs, runs on meanwhile"
        raise ConflictError(
            f"a server of platform {shown(status.platform)} runs already (process {status.pid}); nothing was changed",
            why="; ".join(amiss),
            fix=f"`allot down` and `{shown(shlex.join(['allot', 'up', *words]))}`; {left}",
        )


def _otherwise(status: ServerStatus, asked: AskedStart) -> Iterator[str]:
    """What a server tells of itself that is not as it was asked for."""
    if _is_other_demo(status, asked):
        yield "it serves a demo"
        return
    if asked.directory and (
        not status.directory or Path(asked.directory).resolve() != Path(status.directory).resolve()
    ):
        serves = status.directory or "the example that comes along"
        yield f"{shown(asked.directory)} is not used: it was started for {shown(serves)}"
    held = {name: each for one in status.backends for name, each in one.offer.accelerators.items()}.get(SLOTS)
    if asked.slots is not None and held is not None and held != asked.slots:
        yield f"it was started with {count(held, 'slot')}, not with {asked.slots}"
    if asked.listen == NOWHERE:
        if status.listens:
            yield f"it listens on {shown(status.listens)} besides its socket"
    elif asked.listen and not _listens(status.listens, asked.listen):
        elsewhere = f"on {shown(status.listens)}" if status.listens else "on its socket alone"
        yield f"it listens {elsewhere}, not on {shown(asked.listen)}"


def _is_other_demo(status: ServerStatus, asked: AskedStart) -> bool:
    """Whether it is a demo, and something else was asked for."""
    return bool(status.demo) and DEMO not in asked.words and (bool(asked.directory) or asked.slots is not None)


def _not_taken(asked: Sequence[str], started_with: Sequence[str]) -> list[tuple[str, ...]]:
    """Flags, each with its value, that a server was not started with; it tells of the others itself."""
    there = set(_flags(started_with))
    return [each for each in _flags(asked) if each[0] not in _TOLD and each not in there]


def _flags(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Arguments as flags, each with its value where it has one."""
    starts = [place for place, word in enumerate(words) if word.startswith("--")]
    flags = (tuple(words[start:end]) for start, end in pairwise([*starts, len(words)]))
    return (each for each in flags if each[0] != UNNAMED_PLACE)


def _listens(address: str, listen: str) -> bool:
    """Whether that is the address that was asked for; port 0 is any."""
    asked = f"//{listen.replace('localhost', '127.0.0.1')}"
    return f"{address.rpartition(':')[0]}:0".endswith(asked) if asked.endswith(":0") else address.endswith(asked)


def bring_down(
    server: JobServer, clock: Clock, *, stop_jobs: bool, tell: Callable[[str], None] = lambda _: None
) -> int:
    """End the server; how many jobs run on.

    Args:
        server: where it is.
        clock: time.
        stop_jobs: whether they are stopped first.
        tell: is told which jobs take their time to end, in a sentence.

    Raises:
        UnreachableError: it does not run.
        TimedOutError: jobs, or it, did not end in time.
    """
    service = server.service
    if stop_jobs:
        _stop_all(service, clock, tell)
    status = service.status()
    left = sum(number for state, number in status.jobs.items() if state.holds)
    service.end()
    _until(lambda: not server.runs(status.pid), "the server has not ended", clock)
    return left


def _stop_all(service: JobService, clock: Clock, tell: Callable[[str], None]) -> None:
    """Stop all jobs, and wait until they have ended: their graces, and what a server needs to see it."""
    stopped, unreadable = _told_to_end(service, tell)
    longest = max((each.job.grace for each in stopped), default=0)
    waited = 0.0
    while waited < _QUICK and set(_unfinished(service)) - unreadable:
        clock.sleep(_LOOK_AGAIN)
        waited += _LOOK_AGAIN
    left = set(_unfinished(service))
    slow = [each for each in stopped if each.id in left]
    if slow:
        names = ", ".join(f"{each.job.name} ({each.id})" for each in slow[:_MOST_NAMED])
        more = f" and {len(slow) - _MOST_NAMED} more" if len(slow) > _MOST_NAMED else ""
        tell(f"waiting for {names}{more}: what does not end by itself is killed after its grace, {longest} s at most")
    _until(lambda: not set(_unfinished(service)) - unreadable, "the jobs have not ended", clock, longest + _PATIENCE)


def _told_to_end(service: JobService, tell: Callable[[str], None]) -> tuple[list[StoredJob], frozenset[str]]:
    """All jobs, told to end; and the ids of those that cannot be read, so that nobody can end them."""
    stopped: list[StoredJob] = []
    unreadable: set[str] = set()
    ids = _unfinished(service)
    for number, job_id in enumerate(ids):
        if number and not number % _TELL_AFTER:
            tell(f"{number:,} of {len(ids):,} jobs were told to end")
        try:
            stopped.append(service.stop(job_id))
        except InputError:
            unreadable.add(job_id)
    return stopped, frozenset(unreadable)


def _unfinished(service: JobService) -> list[str]:
    """Ids of all jobs that are not over."""
    wanted = JobFilter(states=frozenset(each for each in JobState if not each.over))
    found: list[str] = []
    page = service.page(wanted, limit=MOST_LISTED)
    while True:
        found += [row.id for row in page.rows]
        if page.next is None:
            return found
        page = service.page(wanted, after=page.next, limit=MOST_LISTED)


def _until(done: Callable[[], bool], what: str, clock: Clock, patience: float = _PATIENCE) -> None:
    waited = 0.0
    while not done():
        if waited >= patience:
            raise TimedOutError(f"{what} after {patience:g} s", fix="look at `allot ps`, and try again")
        clock.sleep(_LOOK_AGAIN)
        waited += _LOOK_AGAIN
