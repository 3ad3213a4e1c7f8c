"""Names of pod groups, as CEL writes its doubles."""

from __future__ import annotations

import pytest

from allotment.model.grouping import group_name
from allotment.model.quantity import parse_quantity


@pytest.mark.parametrize(
    ("cpu", "memory", "devices", "size", "expected"),
    [
        ("4", "16Gi", 0, 2, "train-4c16g-2"),
        ("4", "16Gi", 8, 2, "train-4c16g-8x2"),
        ("500m", "512Mi", 1, 16, "train-0.5c0.5g-1x16"),
        ("100m", "1G", 0, 2, "train-0.1c0.931640625g-2"),
        ("0.30000000000000004", "300k", 0, 2, "train-0.3c0g-2"),
        ("0", "0", 0, 1, "train-0c0g-1"),
    ],
)
def test_a_name_tells_what_each_pod_takes(cpu: str, memory: str, devices: int, size: int, expected: str) -> None:
    name = group_name("train", cpu=parse_quantity(cpu), memory=parse_quantity(memory), devices=devices, size=size)
    assert name == expected
