"""Grants on top of each other and of a scenario's own changes of quota."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.scenarios.timed_changes import QuotaPlace, Term, with_more_quota

PLACE = QuotaPlace("nlp", False, "a100", "nvidia.com/gpu")
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


def nominal_at(events: list[dict[str, Any]], t: int) -> int:
    """The last word at that time; events of one instant count in their order."""
    level = START
    for event in sorted(events, key=lambda each: each["t"]):
        if event["t"] <= t:
            level = event["nominal"]
    return level


@settings(max_examples=40)
@given(own=OWN, grants=GRANTS)
def test_grants_come_on_top_of_whatever_holds(own: list[tuple[int, int]], grants: list[tuple[Term, int]]) -> None:
    mine = [{"t": t, "kind": "quota", **PLACE.fields, "nominal": nominal} for t, nominal in own]
    other = {"t": 3, "kind": "quota", **PLACE.fields, "flavor": "h100", "nominal": 1}
    data: Any = {"events": [other, *mine]}
    for term, more in grants:
        data = with_more_quota(data, PLACE, START, more, term)
    assert data["events"][0] == other
    for t in range(20):
        granted = sum(more for term, more in grants if term.since <= t and (term.until is None or t < term.until))
        assert nominal_at(data["events"][1:], t) == nominal_at(mine, t) + granted
