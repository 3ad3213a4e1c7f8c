"""What waits for a cluster that hangs holds up neither other people nor any decision."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, cast

from fastapi import Request, Response

from allotment.api.caller_turns import NOBODY, CallerTurns
from allotment.api.simulating import PLACES, SimulatedCall, SimulationPlaces

_LONGEST = 20.0


class _Caller:
    """Somebody who may hang up."""

    gone = False

    async def is_disconnected(self) -> bool:
        return self.gone


class _Hanging:
    """Calls that end when they are let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.entered: list[str] = []

    def call(self, name: str) -> Any:
        def answer() -> Response:
            self.entered.append(name)
            assert self.let_go.wait(_LONGEST)
            return Response(name)

        return answer

    async def of(self, *names: str) -> None:
        while sorted(self.entered) != sorted(names):
            await asyncio.sleep(0.01)


HERE = cast("Request", _Caller())


def test_ones_own_previews_wait_for_each_other_and_nobodys_hold_up_a_decision() -> None:
    async def story() -> None:
        places, hanging = SimulationPlaces(), _Hanging()

        def begun(kind: SimulatedCall, name: str, request: Request = HERE) -> asyncio.Task[Response]:
            return asyncio.create_task(places.simulating(request, kind, name, hanging.call(name)))

        mals = [begun(SimulatedCall.LOOK, "mal") for _ in range(4)]
        await asyncio.wait_for(hanging.of("mal"), _LONGEST)
        others = [begun(SimulatedCall.LOOK, each) for each in ("ada", "bob")]
        await asyncio.wait_for(hanging.of("mal", "ada"), _LONGEST)
        assert PLACES[SimulatedCall.LOOK] == 2
        # All places of previews are taken, and asking and deciding go on.
        for kind, name in ((SimulatedCall.DECIDE, "boss"), (SimulatedCall.ASK, "mal")):
            done = await asyncio.wait_for(places.simulating(HERE, kind, name, lambda: Response("done")), _LONGEST)
            assert done.body == b"done"
        gone = _Caller()
        left = begun(SimulatedCall.LOOK, "eve", cast("Request", gone))
        gone.gone = True
        hanging.let_go.set()
        answers = await asyncio.wait_for(asyncio.gather(*mals, *others, left), _LONGEST)
        assert [each.status_code for each in answers] == [200] * 6 + [NOBODY]
        assert "eve" not in hanging.entered
        assert places.waiting == 0

    asyncio.run(story())


def test_one_who_asks_much_of_one_kind_has_one_place_of_it_and_others_have_theirs() -> None:
    async def story() -> None:
        turns, hanging = CallerTurns(lambda _: 4), _Hanging()

        def begun(kind: str, name: str) -> asyncio.Task[Response]:
            return asyncio.create_task(turns.made(HERE, kind, name, hanging.call(f"{kind} {name}")))

        mals = [begun("local", "mal") for _ in range(9)]
        await asyncio.wait_for(hanging.of("local mal"), _LONGEST)
        done = await asyncio.wait_for(turns.made(HERE, "local", "ada", lambda: Response("done")), _LONGEST)
        assert done.body == b"done"
        mals.append(begun("slurm", "mal"))
        await asyncio.wait_for(hanging.of("local mal", "slurm mal"), _LONGEST)
        assert turns.waiting == 10
        hanging.let_go.set()
        await asyncio.wait_for(asyncio.gather(*mals), _LONGEST)
        assert turns.waiting == 0

    asyncio.run(story())
