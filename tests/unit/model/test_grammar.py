"""Numbers in sentences."""

from __future__ import annotations

import pytest

from allotment.model.grammar import being


@pytest.mark.parametrize(
    ("amount", "says"),
    [
        (1, "1 is"),
        (0, "0 are"),
        ("1", "1 is"),
        ("1 nvidia.com/gpu", "1 nvidia.com/gpu is"),
        ("1 cpu, 2 memory", "1 cpu, 2 memory are"),
        ("16Gi", "16Gi are"),
    ],
)
def test_one_is_and_others_are(amount: object, says: str) -> None:
    assert being(amount) == says
