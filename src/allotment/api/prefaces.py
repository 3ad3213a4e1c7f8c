"""What a standby says of somebody whom it leads on, before his own first byte: from where he came.

It is signed with a key that servers of one store share, and good for a few minutes: whoever else writes one is turned
out. So the leader counts, paces and writes down each caller by his own address, and what he says of himself in
``X-Forwarded-For`` is worth as much as if he had come to the leader.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import struct
from dataclasses import dataclass
from typing import Final

from allotment.ports.clock import Clock, epoch_ms

Peer = tuple[str, int]
"""Address and port of the other end of a connection."""
MAGIC: Final = b"\0allotment-led\0\1"
"""How a preface begins: neither TLS nor HTTP begins with its first byte."""
_BODY: Final = struct.Struct(">Q16sH")
"""Milliseconds since the epoch, an address of IPv6, a port."""
_GOOD_FOR: Final = 300_000
"""Milliseconds by which the clocks of two machines, and the way, may differ."""
PREFACE_LENGTH: Final = len(MAGIC) + _BODY.size + hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class PrefaceKey:
    """Writes and reads prefaces; see the module.

    Attributes:
        shared: what the servers of one store know, and nobody else.
    """

    shared: bytes
    clock: Clock

    def written(self, peer: Peer) -> bytes:
        """The preface of somebody.

        Args:
            peer: from where he came.
        """
        said = MAGIC + _BODY.pack(epoch_ms(self.clock), _address_bytes(peer[0]), peer[1])
        return said + self._signed(said)

    def read(self, preface: bytes) -> Peer | None:
        """From where somebody came; None where it was written without the key, or too long ago."""
        said, signature = preface[: len(MAGIC) + _BODY.size], preface[len(MAGIC) + _BODY.size :]
        if not said.startswith(MAGIC) or not hmac.compare_digest(signature, self._signed(said)):
            return None
        at, address, port = _BODY.unpack(said[len(MAGIC) :])
        if abs(epoch_ms(self.clock) - at) > _GOOD_FOR:
            return None
        found = ipaddress.IPv6Address(address)
        return str(found.ipv4_mapped or found), port

    def _signed(self, said: bytes) -> bytes:
        key = hmac.digest(self.shared, b"prefaces of callers who are led on", "sha256")
        return hmac.digest(key, said, "sha256")


def _address_bytes(text: str) -> bytes:
    found = ipaddress.ip_address(text.partition("%")[0])
    return (found if found.version == 6 else ipaddress.IPv6Address(f"::ffff:{found}")).packed
