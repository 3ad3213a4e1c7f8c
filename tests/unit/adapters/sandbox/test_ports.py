"""Choosing ports."""

from __future__ import annotations

import random
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.adapters.sandbox.ports import FIRST, LAST, PORT_NAMES, choose, is_free, renewed
from allotment.errors import UnreachableError


@given(st.integers(), st.sets(st.integers(FIRST, LAST), max_size=50))
def test_ports_are_different_free_and_in_range(seed: int, taken: set[int]) -> None:
    ports = choose(PORT_NAMES, random.Random(seed), lambda port: port not in taken)
    assert set(ports) == set(PORT_NAMES)
    assert len(set(ports.values())) == len(PORT_NAMES)
    assert taken.isdisjoint(ports.values())
    assert all(FIRST <= port <= LAST for port in ports.values())


def test_no_port_left_is_an_error_with_a_next_step() -> None:
    with pytest.raises(UnreachableError) as caught:
        choose(PORT_NAMES, random.Random(1), lambda port: False)
    assert "allot sandbox list" in caught.value.fix


def test_a_listening_port_is_not_free() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)


EARLIER = {name: FIRST + index for index, name in enumerate(PORT_NAMES)}


@pytest.mark.parametrize(
    ("earlier", "taken", "kept"),
    [
        (EARLIER, set(), True),
        (EARLIER, {FIRST}, False),
        ({}, set(), False),
        ({"etcd": FIRST}, set(), False),
    ],
    ids=["all free", "one taken", "never started", "of an older version"],
)
def test_ports_of_an_earlier_start_are_taken_again(earlier: dict[str, int], taken: set[int], kept: bool) -> None:
    ports = renewed(PORT_NAMES, earlier, random.Random(3), lambda port: port not in taken)
    assert (ports == earlier) is kept
    assert set(ports) == set(PORT_NAMES)
    assert taken.isdisjoint(ports.values())


class Drawn(random.Random):
    """Draws the numbers given, in order."""

    def __init__(self, *numbers: int) -> None:
        super().__init__(0)
        self._numbers = iter(numbers)

    def randint(self, a: int, b: int) -> int:
        return next(self._numbers)


def test_an_added_server_gets_a_port_beside_those_that_stay() -> None:
    ports = renewed((*PORT_NAMES, "jobset"), EARLIER, Drawn(EARLIER["kueue"], LAST), lambda port: True)
    assert ports == {**EARLIER, "jobset": LAST}


def test_a_server_that_is_gone_gives_its_port_back() -> None:
    assert renewed(PORT_NAMES, {**EARLIER, "jobset": LAST}, random.Random(3), lambda port: port != LAST) == EARLIER
