"""A story whose server is killed again and again, at moments that chance draws."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.live.story.telling import Story

_ACKNOWLEDGED: Final = 0.3
"""Part of the kills that come right after a step was done, before the next begins."""


_USUAL: Final = {
    "the member signs in": 1.2,
    "she looks what would become of it": 1.1,
    "she asks": 0.8,
    "the approver signs in": 1.2,
    "he looks at it": 0.6,
    "he offers less": 0.8,
    "she accepts": 0.8,
    "it is given": 5.0,
    "its time passes": 0.5,
    "it is taken back": 4.0,
    "the lender takes its own": 0.5,
}
"""Seconds of each step where nobody is killed, or a little more."""


@dataclass(frozen=True)
class StepKills:
    """Of one step.

    Attributes:
        within: seconds after its beginning, or after the kill before.
        after: how often right after it is done.
    """

    within: tuple[float, ...] = ()
    after: int = 0


def drawn(number: int, rng: random.Random) -> dict[str, StepKills]:
    """So many kills of one telling, more of them in what takes long; the same chance, the same kills.

    Args:
        number: of kills.
        rng: chance.
    """
    within: dict[str, list[float]] = {name: [] for name in _USUAL}
    after = dict.fromkeys(_USUAL, 0)
    for name in rng.choices(list(_USUAL), list(_USUAL.values()), k=number):
        if rng.random() < _ACKNOWLEDGED:
            after[name] += 1
        else:
            within[name].append(rng.uniform(0, _USUAL[name]))
    return {name: StepKills(tuple(sorted(within[name])), after[name]) for name in _USUAL}


@dataclass
class Telling:
    """What was done, and how long it took.

    Attributes:
        took: seconds of each step.
        kills: at which step, and how many seconds after its beginning.
    """

    took: dict[str, float] = field(default_factory=dict)
    kills: list[tuple[str, float]] = field(default_factory=list)


def tell(story: Story, look: Mapping[str, Callable[[], None]], plan: Mapping[str, StepKills] | None = None) -> Telling:
    """Tell a story from its beginning to its end.

    Args:
        story: that nobody has begun.
        look: what has to be so after a step, by its name.
        plan: when its server is killed; None for never.
    """
    telling = Telling()
    for name, step in story.steps():
        began, kills = time.monotonic(), (plan or {}).get(name, StepKills())
        done = threading.Event()
        killer = _Killer(story, name, began, kills.within, done, telling)
        killer.start()
        try:
            step()
        finally:
            done.set()
            killer.join()
        if killer.failed is not None:
            raise killer.failed
        telling.took[name] = time.monotonic() - began
        for _ in range(kills.after):
            killer.kill()
        if name in look:
            look[name]()
    return telling


class _Killer(threading.Thread):
    """Kills the server at its moments; those that come too late for the step are made up right after it."""

    def __init__(
        self, story: Story, name: str, began: float, moments: Sequence[float], done: threading.Event, telling: Telling
    ) -> None:
        super().__init__(daemon=True)
        self._story, self._step, self._began, self._moments = story, name, began, moments
        self._done, self._telling = done, telling
        self.failed: BaseException | None = None

    def run(self) -> None:
        try:
            before = 0.0
            for each in self._moments:
                self._done.wait(each - before)
                before = each
                self.kill()
        except BaseException as error:  # noqa: BLE001 (whoever tells the story is told)
            self.failed = error

    def kill(self) -> None:
        self._telling.kills.append((self._step, time.monotonic() - self._began))
        self._story.house.kill()
