"""JSON whose numbers are too long for Python: the first is named, with its place and its length."""

from __future__ import annotations

import json

import pytest

from allotment.model.json_text import LongNumberError, read_json

LONG = "9" * 5000


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(LONG, "the whole text is a number of 5,000 digits", id="the text itself"),
        pytest.param(f'{{"a": {LONG}}}', "a is a number", id="a field"),
        pytest.param(f'{{"a": [1, {{"b": -{LONG}}}]}}', "a[1].b is a number of 5,000 digits", id="within"),
        pytest.param(f'{{"x-y": {{"": {LONG}}}}}', "['x-y'][''] is a number", id="names that are no words"),
        pytest.param(f'{{"z": {LONG}, "a": {LONG}1}}', "z is a number of 5,000 digits", id="the first of two"),
        pytest.param(f'{{"a": "{LONG}", "b": {LONG}}}', "b is a number", id="not the text before it"),
    ],
)
def test_the_number_is_named(text: str, says: str) -> None:
    with pytest.raises(LongNumberError) as caught:
        read_json(text)
    assert says in str(caught.value)


def test_whatever_python_reads_is_read() -> None:
    text = f'{{"a": [1, -2, 3.5, true, null], "b": "{LONG}", "c": {"9" * 4300}}}'
    assert read_json(text) == json.loads(text)


@pytest.mark.parametrize("text", ["", "{", f"[{LONG}"])
def test_what_is_no_json_stays_none(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        read_json(text)
