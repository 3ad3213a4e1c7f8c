"""What of a grant was used: by hand, and for any use that it is bounded by what was held and by what was given."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.accounting.capacity import PER_DEVICE
from allotment.accounting.need import DeviceSpan
from allotment.model.requests.grant import TeamGrant
from allotment.requests.granted_use import seconds_used
from tests.unit.requests.cases import HOUR, START, grant


def given_for(id_: str, devices: int, hours: int, since: int = START) -> TeamGrant:
    one = grant(devices, hours=hours)
    return replace(one, id=id_, terms=replace(one.terms, since=since, until=since + hours * HOUR))


CLUSTER = grant(1, hours=1).terms.shares[0].cluster
A = given_for("a", 4, 10)


def held(devices: float, since: float, until: float) -> DeviceSpan:
    return DeviceSpan(START + round(since * HOUR), START + round(until * HOUR), round(devices * PER_DEVICE))


@pytest.mark.parametrize(
    ("grants", "own", "spans", "hours"),
    [
        ([A], 0, [], {"a": 0}),
        ([A], 0, [held(2, 0, 3)], {"a": 6}),
        ([A], 0, [held(9, 0, 3)], {"a": 12}),
        ([A], 2, [held(3, 0, 3), held(1, 1, 2)], {"a": 4}),  # own ones count first
        ([A], 0, [held(4, -5, 1), held(4, 9, 20)], {"a": 8}),  # neither before it began nor after its end
        ([A], 0, [held(0.5, 0, 4)], {"a": 2}),
        ([given_for("b", 2, 10, START + HOUR), A], 1, [held(8, 0, 2)], {"a": 8, "b": 2}),  # the older one first
        ([given_for("b", 2, 10), A], 0, [held(5, 0, 1)], {"a": 4, "b": 1}),
    ],
)
def test_by_hand(grants: list[TeamGrant], own: int, spans: list[DeviceSpan], hours: dict[str, int]) -> None:
    found = seconds_used(grants, {CLUSTER: own}, {CLUSTER: spans}, START + 12 * HOUR)
    assert found == {name: 3600 * each for name, each in hours.items()}


def test_of_what_lies_ahead_nothing_is_counted_and_of_what_nobody_knows_nothing_is_told() -> None:
    assert seconds_used([A], {}, {CLUSTER: [held(4, 0, 9)]}, START + HOUR) == {"a": 4 * 3600}
    assert seconds_used([A], {}, {"elsewhere": [held(4, 0, 9)]}, START + HOUR) == {}


spans = st.lists(
    st.builds(lambda since, length, devices: held(devices, since, since + length), *(st.integers(0, 9),) * 3),
    max_size=8,
)


@given(spans, st.integers(0, 9), st.lists(st.tuples(*(st.integers(1, 6),) * 3), min_size=1, max_size=4))
def test_never_more_than_was_given_or_held(some: list[DeviceSpan], own: int, terms: list[tuple[int, int, int]]) -> None:
    grants = [given_for(f"g{n}", d, h, START + since * HOUR) for n, (d, h, since) in enumerate(terms)]
    found = seconds_used(grants, {CLUSTER: own}, {CLUSTER: some}, START + 30 * HOUR)
    for each in grants:
        lasts = each.terms.lasts
        assert lasts is not None
        assert 0 <= found[each.id] <= each.terms.devices * lasts // 1000
    total = sum(each.parts * (each.until - each.since) for each in some)
    assert sum(found.values()) <= total // (PER_DEVICE * 1000)
