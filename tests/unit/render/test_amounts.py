from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.model.quantity import Bytes, MilliCpu, parse_bytes, parse_cpu, parse_quantity
from allotment.render import amounts

LARGEST = (1 << 53) - 1


@pytest.mark.parametrize(
    ("milli", "text"),
    [(0, "0"), (1, "1m"), (500, "500m"), (1000, "1"), (1500, "1500m"), (64_000, "64"), (1_000_000, "1k")],
)
def test_cpu_is_spelled_as_the_api_server_stores_it(milli: int, text: str) -> None:
    assert amounts.cpu(MilliCpu(milli)) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0"), (1000, "1k"), (1024, "1Ki"), (1_500_000_000, "1500M"), (256 << 30, "256Gi"), (1 << 40, "1Ti")],
)
def test_memory_is_spelled_as_the_api_server_stores_it(size: int, text: str) -> None:
    assert amounts.memory(Bytes(size)) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (8, "8"), (1500, "1500"), (2000, "2k"), (120_000, "120k")])
def test_count_is_spelled_as_the_api_server_stores_it(number: int, text: str) -> None:
    assert amounts.count(number) == text


@given(st.integers(0, LARGEST))
def test_every_amount_is_read_back_as_itself(amount: int) -> None:
    assert parse_cpu(amounts.cpu(MilliCpu(amount))) == amount
    assert parse_bytes(amounts.memory(Bytes(amount))) == amount
    assert parse_quantity(amounts.count(amount)) == amount
    assert parse_quantity(amounts.thousandths(amount)) * 1000 == amount
