"""Choosing ports."""

from __future__ import annotations

import random
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.adapters.sandbox.ports import FIRST, LAST, PORT_NAMES, choose, is_free, reusable
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


ALL = {name: FIRST + index for index, name in enumerate(PORT_NAMES)}


@pytest.mark.parametrize(
    ("ports", "free", "again"),
    [(ALL, True, True), (ALL, False, False), ({}, True, False), ({"etcd": FIRST}, True, False)],
    ids=["all free", "one taken", "never started", "of an older version"],
)
def test_reuse(ports: dict[str, int], free: bool, again: bool) -> None:
    assert reusable(ports, lambda port: free or port != FIRST) is again
