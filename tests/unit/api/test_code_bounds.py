"""What lies there of code that people have sent, and of which no job has become, has a bound for each and for all."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import BinaryIO

import pytest

from allotment.api import code_spools
from allotment.api.code_spools import CodeSpools
from allotment.errors import NoRoomError, UsageError


class _Sending:
    """People who send code, on a day."""

    def __init__(self) -> None:
        self.now = 0.0
        self.spools = CodeSpools(lambda: self.now)
        self.kept: list[str] = []

    def keep(self, packed: BinaryIO) -> str:
        self.kept.append(hashlib.sha256(packed.read()).hexdigest())
        return self.kept[-1]

    async def send(self, whose: str, text: str, size: int) -> bool:
        async def parts() -> AsyncIterator[bytes]:
            yield text.encode() * size

        try:
            await self.spools.kept(parts(), self.keep, whose)
        except NoRoomError as error:
            return "within a day" not in error.why
        return True


def test_one_person_and_all_together_send_so_much_within_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_spools, "MOST_OF_ONE", 1000)
    monkeypatch.setattr(code_spools, "MOST_OF_ALL", 1600)

    async def story() -> None:
        sending = _Sending()
        assert await sending.send("mal", "a", 500)
        for _ in range(5):
            assert await sending.send("mal", "a", 500), "the same code counts once"
        assert await sending.send("mal", "b", 400)
        assert not await sending.send("mal", "c", 200)
        assert await sending.send("ada", "c", 600)
        assert not await sending.send("bob", "d", 200)
        assert await sending.send("", "e", 5000), "the server's own user has no bound"
        sending.now = 86_400.0
        assert await sending.send("bob", "d", 900)
        assert await sending.send("mal", "c", 700)

    asyncio.run(story())


def test_what_one_sends_at_the_same_time_counts_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_spools, "MOST_OF_ONE", 1000)
    monkeypatch.setattr(code_spools, "_PART", 1)

    async def story() -> None:
        sending, goes_on = _Sending(), asyncio.Event()

        async def slowly(text: str) -> AsyncIterator[bytes]:
            yield text.encode() * 400
            await goes_on.wait()
            yield text.encode() * 100

        under_way = [asyncio.create_task(sending.spools.kept(slowly(each), sending.keep, "mal")) for each in ("a", "b")]
        for _ in range(200):
            await asyncio.sleep(0.01)
            if sending.spools.under_way("mal") == 800:
                break
        assert sending.spools.under_way("mal") == 800
        assert not await sending.send("mal", "c", 300), "with what is under way it is too much"
        assert await sending.send("ada", "c", 300)
        goes_on.set()
        assert len(set(await asyncio.gather(*under_way))) == 2
        assert sending.spools.under_way("mal") == 0
        assert not await sending.send("mal", "d", 300)

    asyncio.run(story())


def test_code_of_which_nothing_more_comes_is_waited_for_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_spools, "SILENT_FOR", 0.05)

    async def story() -> None:
        sending = _Sending()

        async def half() -> AsyncIterator[bytes]:
            yield b"a" * 400
            await asyncio.sleep(60)
            yield b"never"

        with pytest.raises(UsageError, match="nothing of the code"):
            await sending.spools.kept(half(), sending.keep, "mal")
        assert sending.spools.under_way("mal") == 0
        assert not sending.kept

    asyncio.run(story())
