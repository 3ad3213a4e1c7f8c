"""How others' work is named in a sentence."""

from __future__ import annotations

import pytest

from allotment.diagnose.others import listed


@pytest.mark.parametrize(
    ("count", "said"),
    [(1, "w0"), (2, "w0 and w1"), (5, "w0, w1, w2, w3 and w4"), (2000, "w0, w1, w2, w3, w4 and 1995 more")],
)
def test_of_many_names_the_first_few_are_told(count: int, said: str) -> None:
    assert listed([f"w{number}" for number in range(count)]) == said
