"""The server's key: made once, for its user alone, and never half."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from allotment.adapters.server.own_key import own_key
from allotment.errors import AllotmentError


def test_it_is_made_once_and_for_its_user_alone(tmp_path: Path) -> None:
    made = own_key(tmp_path / "key")
    assert len(made) == 32
    assert own_key(tmp_path / "key") == made
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["key"]
    other = tmp_path / "other"
    other.mkdir()
    assert own_key(other / "key") != made


@pytest.mark.parametrize("found", [b"", b"short", b"x" * 33])
def test_what_is_no_key_is_replaced(tmp_path: Path, found: bytes) -> None:
    (tmp_path / "key").write_bytes(found)
    (tmp_path / "key.new").write_bytes(b"left by a server that died")
    made = own_key(tmp_path / "key")
    assert (len(made), own_key(tmp_path / "key")) == (32, made)


def test_of_two_servers_of_a_folder_one_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link, others = os.link, b"o" * 32

    def late(new: Path, path: Path) -> None:
        path.write_bytes(others)
        link(new, path)

    monkeypatch.setattr(os, "link", late)
    assert own_key(tmp_path / "key") == others
    assert own_key(tmp_path / "key") == others
    assert [each.name for each in tmp_path.iterdir()] == ["key"]


def test_it_is_read_through_no_link_and_what_hinders_is_told(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"x" * 32)
    (tmp_path / "key").symlink_to(elsewhere)
    with pytest.raises(AllotmentError, match="cannot be read or made"):
        own_key(tmp_path / "key")
    with pytest.raises(AllotmentError, match="cannot be read or made"):
        own_key(tmp_path / "nowhere" / "key")
