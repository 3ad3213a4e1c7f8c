"""Quantities: exact, as Kubernetes reads and writes them."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.model.quantity import format_bytes, format_cpu, format_resource, parse_bytes, parse_cpu, parse_quantity

# From the examples and tests of k8s.io/apimachinery/pkg/api/resource.
TABLE = [
    ("0", Fraction(0)),
    ("64", Fraction(64)),
    ("500m", Fraction(1, 2)),
    ("1.5Gi", Fraction(3 << 29)),
    ("12e6", Fraction(12_000_000)),
    ("12E6", Fraction(12_000_000)),
    ("1E", Fraction(10**18)),
    ("1Ei", Fraction(1 << 60)),
    ("100n", Fraction(1, 10_000_000)),
    ("100u", Fraction(1, 10_000)),
    ("5k", Fraction(5000)),
    ("+5", Fraction(5)),
    ("-1", Fraction(-1)),
    (".5", Fraction(1, 2)),
    ("5.", Fraction(5)),
    ("1e-3", Fraction(1, 1000)),
]


@pytest.mark.parametrize(("text", "value"), TABLE)
def test_parse(text, value):
    assert parse_quantity(text) == value


BAD = [
    "",
    " 1",
    "1 ",
    "1 Gi",
    "1GB",
    "1gi",
    "Gi",
    "1K",
    "--1",
    "1_000",
    "0x10",
    "1e",
    "1e1000",
    "inf",
    "nan",
    "1,5",
    "1.2.3",
    "9" * 41,
    "10E",
    "1\n",
    "10Ei",
]


@pytest.mark.parametrize("text", BAD)
def test_refused(text):
    with pytest.raises(ValueError, match=r"quantity|suffix"):
        parse_quantity(text)


@pytest.mark.parametrize("parse", [parse_cpu, parse_bytes])
def test_amounts_are_not_negative(parse):
    with pytest.raises(ValueError, match="negative"):
        parse("-1")


@pytest.mark.parametrize(
    ("text", "milli"), [("1", 1000), ("500m", 500), ("0.0001", 1), ("1u", 1), ("1001u", 2), ("0", 0)]
)
def test_cpu_is_rounded_up_to_milli(text, milli):
    assert parse_cpu(text) == milli


@pytest.mark.parametrize(("text", "amount"), [("1", 1), ("1m", 1), ("1001m", 2), ("1Ki", 1024), ("0.5Ki", 512)])
def test_bytes_are_rounded_up(text, amount):
    assert parse_bytes(text) == amount


@given(st.integers(0, (1 << 63) // 1000))
def test_cpu_round_trip(amount):
    assert parse_cpu(format_cpu(amount)) == amount


@given(
    st.one_of(st.integers(0, (1 << 63) - 1), st.builds(lambda n, s: n << s, st.integers(0, 4000), st.integers(0, 50)))
)
def test_bytes_round_trip(amount):
    assert parse_bytes(format_bytes(amount)) == amount


@pytest.mark.parametrize(
    ("amount", "text"),
    [(256 << 30, "256Gi"), (3 << 29, "1536Mi"), (1000, "1000"), (0, "0"), (1 << 60, "1Ei"), (1023, "1023")],
)
def test_format_bytes(amount, text):
    assert format_bytes(amount) == text


@given(st.decimals(min_value=0, max_value=10**9, places=6, allow_nan=False))
def test_decimals_are_exact(number):
    text = format(number, "f")
    assert parse_quantity(text) == Fraction(Decimal(text))


@given(st.text(max_size=60).filter(lambda text: not text.strip().isdecimal()))
def test_text_is_refused_in_few_words(text):
    try:
        parse_quantity(text)
    except ValueError as error:
        message = str(error)
    else:
        message = ""
    assert len(message) < 400


@pytest.mark.parametrize(
    ("resource", "amount", "told"),
    [
        ("cpu", Fraction(64), "64"),
        ("requests.cpu", Fraction(1, 2), "500m"),
        ("limits.memory", Fraction(512 * 2**30), "512Gi"),
        ("requests.storage", Fraction(10 * 2**40), "10Ti"),
        ("hugepages-2Mi", Fraction(2**21), "2Mi"),
        ("requests.nvidia.com/gpu", Fraction(8), "8"),
        ("pods", Fraction(51), "51"),
    ],
)
def test_amounts_in_the_unit_that_a_declaration_has(resource: str, amount: Fraction, told: str) -> None:
    assert format_resource(resource, amount) == told
