"""How long a back end is left alone between two passes."""

from __future__ import annotations

import pytest

from allotment.operations.run.lane import pause_after


@pytest.mark.parametrize(
    ("took", "news", "busy", "troubled", "wanted"),
    [
        (0.0001, True, False, False, 0.001),
        (0.1, True, False, False, 0.9),
        (0.001, False, True, False, 0.1),
        (0.001, False, False, False, 1.0),
        (0.5, True, False, False, 4.5),
        (3.0, True, False, False, 10.0),
        (0.5, False, True, False, 0.5),
        (0.5, True, True, False, 0.5),
        (0.1, False, False, False, 1.0),
        (0.5, False, False, False, 4.5),
        (30.0, False, False, False, 10.0),
        (30.0, False, False, True, 1.0),
        (30.0, True, False, True, 0.001),
    ],
)
def test_a_pass_that_takes_long_is_made_less_often(
    took: float, news: bool, busy: bool, troubled: bool, wanted: float
) -> None:
    assert pause_after(took, news=news, busy=busy, troubled=troubled) == wanted
