"""A back end that does not answer, and code that takes long to keep, keep nobody else from an answer."""

from __future__ import annotations

import asyncio
import io
import json
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from allotment.api import code_spools, places, serving
from allotment.api.doors import HomeDoor
from allotment.api.jobs import job_api
from allotment.api.serving import bound_socket, serve
from allotment.errors import NotFoundError
from allotment.model.jobs.written import ANSWERED, read_value, write_value
from allotment.model.observed.snapshot import Snapshot
from allotment.operations.access.registry import Registry
from allotment.operations.run.desk import Desk, ServerIdentity
from allotment.operations.run.lane import Serving
from allotment.ports.backends import BackendOffer, FollowedJob, JobToStart, LogLine
from allotment.ports.job_service import JobSubmission, SubmissionAnswer
from tests.unit.api.test_service import Shelf, no_requests
from tests.unit.operations.run.machine import Machine, job

_LONGEST = 20.0
"""Seconds after which a test has failed that should have been answered at once."""
CALLERS = 45
"""More than a server has threads for answers."""


@dataclass
class Hanging:
    """A back end that says nothing before it is let go."""

    name: str = "hpc"
    gone_on: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)
    asked: int = 0

    def wait(self, *_: object) -> None:
        self.asked += 1
        self.entered.set()
        assert self.gone_on.wait(_LONGEST)

    def snapshot(self, _jobs: object) -> Callable[[], Snapshot]:
        self.wait()
        return Snapshot

    def offer(self) -> BackendOffer:
        return BackendOffer("", ())

    def start(self, order: JobToStart) -> FollowedJob:
        raise AssertionError(order)

    def stop(self, job_id: str, grace: int) -> None:
        self.wait(job_id, grace)

    def forget(self, job_id: str) -> None:
        """Nothing is left of it."""

    def look(self) -> tuple[FollowedJob, ...]:
        return ()

    def log(self, *_: object, **__: object) -> Any:
        self.wait()
        return iter([LogLine(0, b"late")])


class World:
    """A server with this machine, and a back end that hangs."""

    def __init__(self) -> None:
        machine = Machine()
        local = machine.backend
        self.hanging = Hanging()
        served = {
            "local": Serving(local, check=local.check, snapshot=local.snapshot, advance=local.advance),
            "hpc": Serving(self.hanging, check=self.hanging.wait, snapshot=self.hanging.snapshot),
        }
        ids = iter(f"j{number}" for number in range(1000))
        identity = ServerIdentity("acme", "", ("nlp",), "ada", "1", 1)

        def opener(name: str) -> Serving:
            if name == "opening":
                self.hanging.wait()
            if name not in served:
                raise NotFoundError(f"there is no back end {name}")
            return served[name]

        self.shelf = Shelf()
        self.desk = Desk(identity, machine.store, opener, self.shelf, machine.clock, lambda: next(ids))
        registry = Registry(machine.store, machine.clock, os.urandom, "acme", "1")
        self.app = job_api(self.desk, registry, no_requests, HomeDoor("ada"))

    def submitted(self, backend: str) -> str:
        """The id of a job there."""
        self.hanging.gone_on.set()
        found = self.desk.submit(JobSubmission(job(), backend)).job.id
        self.hanging.gone_on.clear()
        self.hanging.asked = 0
        return found

    async def ask(self, verb: str, path: str, body: Any = b"", *, gone: bool = False) -> tuple[int, bytes]:
        """The answer to a request; one whose caller has `gone` meanwhile is answered to nobody."""
        sent: list[Any] = []
        parts = body if isinstance(body, AsyncIterator) else None
        first = [{"type": "http.request", "body": b"" if parts else body, "more_body": parts is not None}]

        async def receive() -> dict[str, Any]:
            if gone:
                return {"type": "http.disconnect"}
            if first:
                return first.pop()
            if parts is not None:
                part = await anext(parts, None)
                return {"type": "http.request", "body": part or b"", "more_body": part is not None}
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Any) -> None:
            sent.append(message)

        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": verb,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [],
        }
        await self.app(scope, receive, send)
        return sent[0]["status"], b"".join(each.get("body", b"") for each in sent[1:])

    async def answered(self, verb: str, path: str, body: Any = b"") -> tuple[int, bytes]:
        """The same, of what has to be answered at once."""
        return await asyncio.wait_for(self.ask(verb, path, body), _LONGEST)


def played(scene: Callable[[World], Coroutine[Any, Any, None]], world: World | None = None) -> World:
    """A scene to its end, whatever it comes to: what hangs is let go."""
    world = world or World()

    async def all_of_it() -> None:
        try:
            await scene(world)
        finally:
            world.hanging.gone_on.set()

    asyncio.run(all_of_it())
    return world


def started(
    world: World, number: int, path: str = "/api/v1/snapshot?backend=hpc", **how: bool
) -> list[asyncio.Task[Any]]:
    return [asyncio.create_task(world.ask("GET", path, **how)) for _ in range(number)]


def submission(backend: str) -> bytes:
    return write_value("submission", JobSubmission(job(), backend)).encode()


def test_who_waits_for_one_back_end_keeps_nobody_else_waiting() -> None:
    async def scene(world: World) -> None:
        waiting = started(world, CALLERS)
        await asyncio.sleep(0)
        for verb, path, body in (
            ("GET", "/api/v1/status", b""),
            ("GET", "/api/v1/jobs", b""),
            ("GET", "/api/v1/snapshot?backend=local", b""),
            ("POST", "/api/v1/jobs", submission("local")),
            ("POST", "/api/v1/foresee", submission("local")),
        ):
            assert (await world.answered(verb, path, body))[0] == 200, path
        assert not any(each.done() for each in waiting)
        assert world.hanging.asked <= places.PLACES
        # It was only slow: whoever waited is answered.
        world.hanging.gone_on.set()
        assert {(await each)[0] for each in waiting} == {200}
        assert world.hanging.asked == CALLERS

    played(scene)


def test_who_comes_where_many_wait_without_an_answer_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "PATIENCE", 0.0)
    world = World()
    there, here = world.submitted("hpc"), world.submitted("local")
    both = write_value("submissions", [JobSubmission(job(), each) for each in ("hpc", "local")]).encode()

    async def scene(world: World) -> None:
        waiting = started(world, places.OF_ONE)
        await asyncio.sleep(0)
        for verb, path, body in (
            ("GET", "/api/v1/snapshot?backend=hpc", b""),
            ("POST", "/api/v1/jobs", submission("hpc")),
            ("POST", "/api/v1/foresee", submission("hpc")),
            ("POST", f"/api/v1/jobs/{there}/stop", b""),
            ("POST", f"/api/v1/jobs/{there}/retry", b""),
        ):
            status, said = await world.answered(verb, path, body)
            told = json.loads(said)
            assert (status, told["error"], told["what"]) == (503, "UnreachableError", "hpc does not answer"), path
            assert "4 calls" in told["why"]
            assert "nothing was done" in told["fix"]
        status, said = await world.answered("POST", "/api/v1/submissions", both)
        refused, taken = read_value("answers", tuple[SubmissionAnswer, ...], said.decode(), ANSWERED)
        assert refused.refused is not None
        assert (refused.refused.error, taken.refused) == ("UnreachableError", None)
        assert (await world.answered("POST", f"/api/v1/jobs/{here}/stop"))[0] == 200
        world.hanging.gone_on.set()
        assert {(await each)[0] for each in waiting} == {200}
        # Nothing is remembered against it.
        assert (await world.answered("GET", "/api/v1/snapshot?backend=hpc"))[0] == 200

    played(scene, world)


def test_while_a_back_end_is_opened_others_are_asked() -> None:
    async def scene(world: World) -> None:
        (waiting,) = started(world, 1, "/api/v1/snapshot?backend=opening")
        while not world.hanging.asked:
            await asyncio.sleep(0)
        assert (await world.answered("GET", "/api/v1/snapshot?backend=local"))[0] == 200
        world.hanging.gone_on.set()
        assert (await waiting)[0] == 404

    played(scene)


def test_whoever_is_gone_before_it_was_his_turn_is_not_asked_for() -> None:
    async def scene(world: World) -> None:
        waiting = started(world, places.PLACES)
        await asyncio.sleep(0)
        gone = started(world, 5, gone=True)
        await asyncio.sleep(0)
        world.hanging.gone_on.set()
        await asyncio.gather(*waiting, *gone)
        assert world.hanging.asked == places.PLACES

    played(scene)


def test_a_server_ends_whoever_waits_for_a_back_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_LAST_ANSWERS", 1)
    monkeypatch.setattr(serving, "_LAST_PASS", 0.1)
    world, path, before = World(), tmp_path / "server.sock", set(threading.enumerate())
    with bound_socket(path) as bound, ExitStack() as stack:
        thread = threading.Thread(target=serve, args=(world.app, world.desk, bound))
        thread.start()
        stack.callback(thread.join, _LONGEST)
        stack.callback(world.hanging.gone_on.set)
        asking = stack.enter_context(socket.socket(socket.AF_UNIX))
        asking.connect(str(path))
        asking.sendall(b"GET /api/v1/snapshot?backend=hpc HTTP/1.1\r\nHost: x\r\n\r\n")
        assert world.hanging.entered.wait(_LONGEST)
        world.desk.end()
        # A process ends once all of these have, and with those that are daemons.
        waited_for = [each for each in set(threading.enumerate()) - before if not each.daemon]
        for each in waited_for:
            each.join(_LONGEST / 2)
        assert not any(each.is_alive() for each in waited_for)


def test_logs_that_a_back_end_does_not_give_keep_no_other_logs_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allotment.api.jobs._MOST_READERS", 2)
    world = World()
    there, here = world.submitted("hpc"), world.submitted("local")

    async def scene(world: World) -> None:
        waiting = started(world, 3, f"/api/v1/jobs/{there}/log")
        await asyncio.sleep(0)
        while world.hanging.asked < 2:
            await asyncio.sleep(0)
        assert (await world.answered("GET", f"/api/v1/jobs/{here}/log"))[0] == 404
        world.hanging.gone_on.set()
        assert {(await each)[0] for each in waiting} == {200}

    played(scene, world)


class SlowShelf(Shelf):
    """Takes its time to keep what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.gone_on = threading.Event()

    def put(self, packed: io.BufferedIOBase) -> str:
        self.begun.set()
        assert self.gone_on.wait(_LONGEST)
        return super().put(packed)


def test_while_code_is_kept_others_are_answered() -> None:
    shelf = SlowShelf()

    async def scene(world: World) -> None:
        world.desk._shelf = shelf
        sending = asyncio.create_task(world.ask("POST", "/api/v1/code", b"x" * 3_000_000))
        await asyncio.to_thread(shelf.begun.wait, _LONGEST)
        assert (await world.answered("GET", "/api/v1/status"))[0] == 200
        assert not sending.done()
        shelf.gone_on.set()
        assert (await sending)[0] == 200

    played(scene)
    assert shelf.kept == {"c3000000": b"x" * 3_000_000}


def test_code_on_its_way_has_a_bound_for_all_who_send_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_spools, "MOST_CODE", 1000)
    monkeypatch.setattr(code_spools, "_PART", 100)
    parts: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def slowly() -> AsyncIterator[bytes]:
        while (part := await parts.get()) is not None:
            yield part

    async def scene(world: World) -> None:
        status, said = await world.answered("POST", "/api/v1/code", b"x" * 1001)
        assert (status, json.loads(said)["error"]) == (422, "InputError")
        parts.put_nowait(b"x" * 600)
        first = asyncio.create_task(world.ask("POST", "/api/v1/code", slowly()))
        while parts.qsize():
            await asyncio.sleep(0)
        status, said = await world.answered("POST", "/api/v1/code", b"y" * 500)
        assert (status, json.loads(said)["error"]) == (507, "NoRoomError")
        assert "at the same time" in json.loads(said)["why"]
        parts.put_nowait(None)
        assert (await first)[0] == 200
        assert (await world.answered("POST", "/api/v1/code", b"y" * 500))[0] == 200
        assert sorted(world.shelf.kept) == ["c500", "c600"]

    played(scene)


class Asking:
    """A request of somebody who stays."""

    async def is_disconnected(self) -> bool:
        return False


def test_whoever_asks_much_of_a_back_end_leaves_half_of_its_places_to_others() -> None:
    async def scene() -> None:
        callers, gone_on = places.Callers(), threading.Event()
        under_way: list[str] = []

        def hangs(whose: str) -> str:
            under_way.append(whose)
            assert gone_on.wait(_LONGEST)
            return whose

        def asks(whose: str, call: Callable[[], str]) -> asyncio.Task[str | None]:
            return asyncio.create_task(callers.asking(Asking(), "hpc", whose, call))  # type: ignore[arg-type]

        many = [asks("ada", lambda: hangs("ada")) for _ in range(64)]
        try:
            while len(under_way) < places.OF_ONE:
                await asyncio.sleep(0.001)
            assert await asyncio.wait_for(asks("bob", lambda: "bob"), _LONGEST) == "bob"
            assert under_way == ["ada"] * places.OF_ONE
        finally:
            gone_on.set()
        assert await asyncio.gather(*many) == ["ada"] * 64
        assert callers._rooms == {}

    asyncio.run(scene())
