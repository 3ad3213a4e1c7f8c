"""Whose a connection of this machine is: the kernel tells the user of each end (proc(5), /proc/net/tcp).

Every user of a machine reaches its loopback addresses. What he shows there may be another's: the words of programs are
read by all (`ps`), and a port that somebody has given back is taken by whoever is first.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path
from typing import Final

Peer = tuple[str, int]
"""Address and port of an end."""
_TABLES: Final = {4: "tcp", 6: "tcp6"}
_ESTABLISHED: Final = "01"
_NO_SOCKET: Final = "0"
"""Inode of a connection that no process holds any more; its user reads as root, whoever had it."""
_ROOT: Final = 0
_WINDOWS: Final = "microsoft"
"""Stands in the release of a kernel under Windows (WSL), whose own programs are in no table of it."""


def is_our_user(
    peer: Peer, here: Peer, folder: Path = Path("/proc/net"), release: str = os.uname().release
) -> bool | None:
    """Whether who has come is the user of this process, or root, as far as the system tells; None where he has gone.

    Of whoever comes from another machine, and where the system has no such table (macOS), nothing is known and nothing
    held against him. Under Windows (WSL) the same holds of who is in no table.

    Args:
        peer: the other end.
        here: our end.
        folder: where the tables are.
        release: of the kernel.
    """
    there, own = _plain(peer[0]), _plain(here[0])
    if not there.is_loopback:
        return True
    try:
        lines = (folder / _TABLES[there.version]).read_text("ascii").splitlines()[1:]
    except OSError:
        return True
    wanted = [_written(there, peer[1]), _written(own, here[1]), _ESTABLISHED]
    for line in lines:
        fields = line.split()
        if fields[1:4] == wanted:
            return None if fields[9] == _NO_SOCKET else int(fields[7]) in {os.geteuid(), _ROOT}
    return True if _WINDOWS in release.lower() else None


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Without a zone; an IPv4 address that is written as one of IPv6 is one of IPv4."""
    found = ipaddress.ip_address(address.partition("%")[0])
    return getattr(found, "ipv4_mapped", None) or found


def _written(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> str:
    """As the tables have it: words of 32 bits in the machine's order, and the port."""
    words = [address.packed[start : start + 4] for start in range(0, len(address.packed), 4)]
    digits = "".join(f"{int.from_bytes(each, sys.byteorder):08X}" for each in words)
    return f"{digits}:{port:04X}"
