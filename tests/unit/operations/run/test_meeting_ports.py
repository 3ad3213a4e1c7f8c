"""Two gangs of one machine do not talk to each other: their ports are drawn from the whole range."""

from __future__ import annotations

from allotment.operations.run.local.launching import meeting_port


def test_ports_are_spread_over_the_range_and_differ_from_attempt_to_attempt() -> None:
    ports = [meeting_port(f"j{number:010}", 1) for number in range(1000)]
    assert all(20_000 <= each < 30_000 for each in ports)
    # Of 1,000 drawn evenly out of 10,000 some 952 differ; by the sum of an id's bytes there were 513 in all.
    assert len(set(ports)) > 900
    assert len({meeting_port("j1", attempt) for attempt in range(20)}) > 15
