"""A clock that is not set when the wall's is, and goes on over restarts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from allotment.adapters.steady_clock import RATE, SteadyClock

HOUR = 3600.0


@dataclass
class Machine:
    """Two clocks of a machine."""

    wall: float = 1_800_000_000.0
    up: float = 100.0
    boot: str = "b1"

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.up += seconds

    def clock(self, place: Path, *, keep: bool = True) -> SteadyClock:
        return SteadyClock(place, keep=keep, wall=lambda: self.wall, since_boot=lambda: self.up, boot=self.boot)


@pytest.mark.parametrize("jump", [-HOUR, HOUR, 30 * 24 * HOUR])
def test_a_jump_of_the_walls_is_made_up_slowly_and_over_restarts(tmp_path: Path, jump: float) -> None:
    machine = Machine()
    clock = machine.clock(tmp_path / "clock")
    begun = clock.now().timestamp()
    assert begun == machine.wall
    machine.wall += jump
    for _ in range(10):
        machine.passes(60)
        clock.now()
        clock = machine.clock(tmp_path / "clock")
    seen = clock.now().timestamp() - begun
    assert abs(seen - 600) <= 600 * RATE + 10, "a duration is right to two hundredths and a second a restart"
    assert (seen > 600) == (jump > 0)
    machine.passes(60 * HOUR)
    assert (clock.now().timestamp() == pytest.approx(machine.wall)) == (abs(jump) == HOUR)


DAMAGED = {
    "damaged": b"{",
    "no text": b"\xff",
    "far": b'{"boot": "b1", "ahead": 1e300}',
    "no number": b'{"boot": "b1", "ahead": NaN}',
    "digits": b'{"boot": "b1", "ahead": %s}' % (b"9" * 4000),
    "in a future": b'{"boot": "b1", "ahead": 1e10}',
    "in the past": b'{"boot": "b1", "ahead": 0}',
}


@pytest.mark.parametrize("why", ["another boot", "nothing under way", *DAMAGED])
def test_it_begins_with_the_walls_time_where_nothing_is_to_be_kept(tmp_path: Path, why: str) -> None:
    machine, place = Machine(), tmp_path / "clock"
    machine.clock(place).now()
    machine.wall += HOUR
    if why == "another boot":
        machine.boot = "b2"
    elif why in DAMAGED:
        place.write_bytes(DAMAGED[why])
    assert machine.clock(place, keep=why != "nothing under way").now().timestamp() == machine.wall


def test_it_never_goes_back_and_needs_no_disk(tmp_path: Path) -> None:
    machine = Machine()
    clock = machine.clock(tmp_path / "no" / "folder")
    before = clock.now()
    for step in (5.0, -50.0, 0.0, 1.0):
        machine.up += step
        machine.wall -= HOUR
        assert clock.now() >= before
        before = clock.now()
