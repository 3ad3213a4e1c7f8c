"""Whose folders a server and a store work in: their user's, and nobody else's."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from allotment.adapters.server.own_folder import made_own, opened_log
from allotment.adapters.store.sqlite import SqlitePlace
from allotment.errors import ConflictError
from allotment.ports.private_folders import must_be_kept_from_strangers, must_be_private

Rule = Callable[[Path, os.stat_result, int], None]
ME, OTHER, ROOT = 1000, 65_534, 0


def folder(owner: int, mode: int) -> os.stat_result:
    return os.stat_result((stat.S_IFDIR | mode, 1, 1, 1, owner, owner, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("rule", "owner", "mode", "refused"),
    [
        (must_be_private, ME, 0o700, ""),
        (must_be_private, ME, 0o755, ""),
        (must_be_private, ME, 0o770, "mode 770 lets others"),
        (must_be_private, ME, 0o777, "mode 777 lets others"),
        (must_be_private, OTHER, 0o755, "belongs to the user 65534"),
        (must_be_private, ROOT, 0o755, "belongs to the user 0"),
        (must_be_kept_from_strangers, ME, 0o775, ""),
        (must_be_kept_from_strangers, ROOT, 0o1777, ""),
        (must_be_kept_from_strangers, ME, 0o777, "mode 777 lets everybody"),
        (must_be_kept_from_strangers, ROOT, 0o777, "mode 777 lets everybody"),
        (must_be_kept_from_strangers, OTHER, 0o755, "belongs to the user 65534"),
    ],
)
def test_who_may_write_into_a_folder_decides(rule: Rule, owner: int, mode: int, refused: str) -> None:
    if not refused:
        rule(Path("/state"), folder(owner, mode), ME)
        return
    with pytest.raises(ConflictError, match="/state is not kept from others") as caught:
        rule(Path("/state"), folder(owner, mode), ME)
    assert refused in caught.value.why


def test_the_servers_folder_is_made_for_its_user_and_refused_where_others_write(tmp_path: Path) -> None:
    made = made_own(tmp_path / "allotment" / "server")
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    made.chmod(0o777)
    with pytest.raises(ConflictError, match="not kept from others"):
        made_own(made)
    made.chmod(0o700)
    made.parent.chmod(0o777)
    with pytest.raises(ConflictError, match="not kept from others"):
        made_own(made)


def test_a_log_is_never_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "server.log").symlink_to(tmp_path / "precious")
    with pytest.raises(ConflictError, match="is a link"):
        opened_log(tmp_path / "server.log")
    os.close(opened_log(tmp_path / "other.log"))
    assert stat.S_IMODE((tmp_path / "other.log").stat().st_mode) == 0o600


def test_a_store_is_not_kept_where_everybody_writes(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with (
        pytest.raises(ConflictError, match="not kept from others"),
        SqlitePlace(tmp_path / "open" / "store.db").writer("a test"),
    ):
        pass
    assert not (tmp_path / "open" / "store.db.lock").exists()
