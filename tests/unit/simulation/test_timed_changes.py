"""Grants on top of each other and of a scenario's own changes of quota."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.simulation.changes import QuotaPlace, Term, with_more_quota
from allotment.simulation.events import Event, QuotaChange
from tests.by_day import by_day
from tests.unit.scheduling.queueing.states import queue, scenario, state

PLACE = QuotaPlace("nlp", "f", "cpu")
START = 100
TIMES = st.integers(0, 12)
OWN = st.lists(st.tuples(TIMES, st.integers(50, 200)), max_size=5)
GRANTS = st.lists(
    st.builds(
        lambda since, length, more: (Term(since, None if length is None else since + length), more),
        TIMES,
        st.none() | st.integers(1, 6),
        st.integers(-8, 8),
    ),
    max_size=4,
)


def nominal_at(events: Iterable[Event], t: int) -> int:
    """The last word at that time; events of one instant count in their order."""
    level = START
    for event in sorted(events, key=lambda each: each.t):
        if event.t <= t and isinstance(event, QuotaChange) and event.nominal is not None:
            level = event.nominal
    return level


@settings(max_examples=by_day(40))
@given(own=OWN, grants=GRANTS)
def test_grants_come_on_top_of_whatever_holds(own: list[tuple[int, int]], grants: list[tuple[Term, int]]) -> None:
    mine = tuple(QuotaChange(t, "nlp", False, "f", "cpu", nominal) for t, nominal in own)
    others = (QuotaChange(3, "cv", False, "f", "cpu", 1), QuotaChange(3, "nlp", False, "f", "cpu", lending_limit=1))
    world = replace(scenario(state(queue("nlp", START), queue("cv", 1))), events=(*others, *mine))
    for term, more in grants:
        world = with_more_quota(world, PLACE, more, term)
    assert world.events[:2] == others
    for t in range(20):
        granted = sum(more for term, more in grants if term.since <= t and (term.until is None or t < term.until))
        assert nominal_at(world.events[2:], t) == nominal_at(mine, t) + granted
