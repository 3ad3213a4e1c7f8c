"""What is sealed opens with its key, in its place, as it was, and not otherwise; keys lie where nobody else reads."""

from __future__ import annotations

import base64
import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.adapters.sealing.aes import KEY_BYTES, AesSealing, name_of
from allotment.adapters.sealing.key_file import VARIABLE, sealing_of
from allotment.errors import AllotmentError, InputError, UsageError
from allotment.ports.sealing import UnsealableError

ONE, TWO = bytes(range(32)), bytes(range(1, 33))
PLACE = "cluster credential\0acme\0training"


def sealing(*keys: bytes) -> AesSealing:
    kept: list[object] = []
    return AesSealing(keys, kept.append)


@given(st.binary(max_size=200), st.text(max_size=30))
def test_what_is_sealed_opens_as_it_was(plain: bytes, about: str) -> None:
    sealed = sealing(ONE).seal(plain, about)
    assert sealing(ONE).opened(sealed, about) == plain
    assert sealing(TWO, ONE).opened(sealed, about) == plain
    assert not plain or len(plain) < 8 or base64.b64encode(plain).decode().rstrip("=") not in sealed


def test_the_same_is_never_sealed_alike() -> None:
    assert len({sealing(ONE).seal(b"secret", PLACE) for _ in range(100)}) == 100


@given(st.data())
def test_what_was_changed_does_not_open(data: st.DataObject) -> None:
    sealed = sealing(ONE).seal(b"a secret of some length", PLACE)
    at = data.draw(st.integers(0, len(sealed) - 1))
    put = data.draw(st.characters(codec="ascii").filter(lambda each: each != sealed[at]))
    changed = sealed[:at] + put + sealed[at + 1 :]
    with suppress(UnsealableError):
        assert sealing(ONE).opened(changed, PLACE) == b"a secret of some length", "only unused bits of base64 differ"


@pytest.mark.parametrize("text", ["", "v1", "v1..", "v1.a.b.c", "v2.x.y", "v1.0123456789ab.###", "x" * 5000])
def test_rubbish_does_not_open(text: str) -> None:
    with pytest.raises(UnsealableError):
        sealing(ONE).opened(text, PLACE)


def test_sealed_for_one_place_it_opens_in_no_other() -> None:
    sealed = sealing(ONE).seal(b"x", PLACE)
    for other in ("", PLACE.replace("training", "dev"), PLACE.replace("acme", "other")):
        with pytest.raises(UnsealableError, match="was changed"):
            sealing(ONE).opened(sealed, other)


def test_another_key_opens_nothing_and_says_so() -> None:
    with pytest.raises(UnsealableError, match="another key") as told:
        sealing(TWO).opened(sealing(ONE).seal(b"x", PLACE), PLACE)
    assert name_of(ONE) in told.value.why
    assert base64.b64encode(ONE).decode() not in f"{told.value}{told.value.why}{told.value.fix}"


def test_a_new_key_seals_and_the_old_one_opens_until_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "key"
    first = sealing_of(path, {})
    old = first.seal(b"x", PLACE)
    assert first.is_newest(old)
    first.add_key()
    assert not first.is_newest(old)
    assert first.opened(old, PLACE) == sealing_of(path, {}).opened(old, PLACE) == b"x", "both keys are in the file"
    new = first.seal(b"y", PLACE)
    first.drop_old_keys()
    again = sealing_of(path, {})
    assert again.opened(new, PLACE) == b"y"
    with pytest.raises(UnsealableError):
        again.opened(old, PLACE)


def test_the_file_is_made_for_its_owner_alone_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "key"
    sealed = sealing_of(path, {}).seal(b"x", PLACE)
    assert path.stat().st_mode & 0o777 == 0o600
    assert sealing_of(path, {}).opened(sealed, PLACE) == b"x"
    assert [each.name for each in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    sealing_of(path, {})
    path.chmod(mode)
    with pytest.raises(InputError, match="may be read by others"):
        sealing_of(path, {})


@pytest.mark.parametrize("text", ["rubbish", base64.b64encode(b"short").decode(), "AAAA\n"])
def test_what_is_no_key_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(0o600)
    for environment in ({}, {VARIABLE: text}):
        with pytest.raises(InputError, match="holds no key") as told:
            sealing_of(path, environment)
        assert text.strip() not in f"{told.value.what} {told.value.why}"


def test_a_link_is_not_followed_and_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "real").write_text(base64.b64encode(ONE).decode())
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for path in (tmp_path / "link", tmp_path / "nowhere" / "key"):
        with pytest.raises(AllotmentError, match="cannot be read or made"):
            sealing_of(path, {})


def test_keys_of_a_variable_are_not_ours_to_change(tmp_path: Path) -> None:
    def words(*keys: bytes) -> dict[str, str]:
        return {VARIABLE: ",".join(base64.b64encode(each).decode() for each in keys)}

    path = tmp_path / "key"
    old = sealing_of(path, words(ONE)).seal(b"x", PLACE)
    both = sealing_of(path, words(TWO, ONE))
    assert both.opened(old, PLACE) == b"x"
    assert not both.is_newest(old)
    with pytest.raises(UsageError, match="comes from a variable"):
        both.add_key()
    both.drop_old_keys()
    assert both.opened(old, PLACE) == b"x"
    assert not path.exists()
    assert len(os.urandom(KEY_BYTES)) == len(ONE)
