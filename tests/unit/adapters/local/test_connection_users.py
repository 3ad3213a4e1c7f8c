"""Whose a connection is: of real ones, and of tables as a kernel writes them."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from allotment.adapters.local.connection_users import Peer, is_our_user

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
LINUX = "6.1.0-25-amd64"
THERE: Peer = ("127.0.0.1", 40000)
HERE: Peer = ("127.0.0.1", 7433)


def line(
    user: int, inode: int = 77, state: str = "01", there: str = "0100007F:9C40", here: str = "0100007F:1D09"
) -> str:
    return f"   0: {there} {here} {state} 00000000:00000000 00:00000000 00000000 {user:>5}        0 {inode} 1\n"


@contextmanager
def connected(family: int, address: str) -> Iterator[tuple[Peer, Peer]]:
    with socket.socket(family, socket.SOCK_STREAM) as door:
        try:
            door.bind((address, 0))
        except OSError:
            pytest.skip(f"{address} is no address of this machine")
        door.listen()
        with socket.create_connection(door.getsockname()[:2]), door.accept()[0] as guest:
            yield guest.getpeername()[:2], guest.getsockname()[:2]


@pytest.mark.skipif(sys.platform != "linux", reason="the system tells nothing")
@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_connection_of_our_own_is_ours_and_one_that_is_gone_nobodys(family: int, address: str) -> None:
    with connected(family, address) as (there, here):
        assert is_our_user(there, here, release=LINUX)
        assert is_our_user((there[0], there[1] - 1), here, release=LINUX) is None
    assert is_our_user(there, here, release=LINUX) is None


@pytest.mark.parametrize(
    ("table", "ours"),
    [
        (line(os.geteuid()), True),
        (line(0), True),
        (line(65534), False),
        (line(0, inode=0), None),  # its process has closed it: the kernel no longer knows whose it was
        (line(os.geteuid(), state="02"), None),  # begun, and not there yet
        (line(os.geteuid(), there="0100007F:1D09", here="0100007F:9C40"), None),  # our own end
        ("", None),
    ],
)
@pytest.mark.skipif(sys.byteorder != "little", reason="the table is written as on most machines")
def test_of_the_table_the_other_end_counts(table: str, ours: bool | None, tmp_path: Path) -> None:
    (tmp_path / "tcp").write_text(HEAD + table)
    assert is_our_user(THERE, HERE, tmp_path, LINUX) is ours
    assert is_our_user(("::ffff:127.0.0.1", 40000), ("::ffff:127.0.0.1", 7433), tmp_path, LINUX) is ours


def test_nothing_is_held_against_whom_the_system_does_not_know(tmp_path: Path) -> None:
    assert is_our_user(THERE, HERE, tmp_path / "none", LINUX)
    assert is_our_user(("192.0.2.7", 40000), ("192.0.2.1", 7433), tmp_path, LINUX)
    (tmp_path / "tcp").write_text(HEAD)
    assert is_our_user(THERE, HERE, tmp_path, "5.15.153.1-microsoft-standard-WSL2")
