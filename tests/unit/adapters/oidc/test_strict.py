"""What is read in one way alone."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.adapters.oidc.strict import NotStrictError, bytes_of, object_of

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), VALUES, max_size=5))
def test_every_object_is_read_as_it_is(value: dict[str, object]) -> None:
    assert object_of(json.dumps(value).encode()) == value


@given(st.dictionaries(st.text(), VALUES, min_size=1, max_size=4), st.data())
def test_a_name_twice_is_refused_wherever_it_stands(value: dict[str, object], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(value)))
    again = f"{json.dumps(value)[:-1]}, {json.dumps(name)}: 1}}"
    for text in (again, f'{{"a": {again}}}', f'{{"a": [{again}]}}'):
        with pytest.raises(NotStrictError):
            object_of(text.encode())


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"1", b'"x"', b"{", b"{}x", b"{'a': 1}", b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": 1,}', b"\xff",
     b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}", b'{"a": 1' + b"0" * 40 + b".5}", b'{"a": "\n"}', b"\xef\xbb\xbf{}",
     '{"a": 1}'.encode("utf-16")],
    ids=range(17),
)  # fmt: skip
def test_what_is_no_object(text: bytes) -> None:
    with pytest.raises(NotStrictError):
        object_of(text)


@given(st.binary(max_size=60))
def test_bytes_are_written_in_one_way(value: bytes) -> None:
    text = base64.urlsafe_b64encode(value).decode().rstrip("=")
    assert bytes_of(text) == value
    for other in (f"{text}=", f"{text}\n", f" {text}", f"{text}.", f"{text}+", f"{text}/"):
        with pytest.raises(NotStrictError):
            bytes_of(other)


@given(st.text("AB_-9=+/ ", max_size=12))
def test_what_is_read_is_written_back_the_same(text: str) -> None:
    try:
        found = bytes_of(text)
    except NotStrictError:
        return
    assert base64.urlsafe_b64encode(found).decode().rstrip("=") == text
