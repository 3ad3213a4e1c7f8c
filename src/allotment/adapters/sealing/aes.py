"""AES-256-GCM as `cryptography` has it; what is sealed names its key and says where it belongs."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from allotment.errors import UsageError
from allotment.ports.sealing import UnsealableError

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_VERSION: Final = "v1"
_PARTS: Final = 3
_NAMED: Final = 12
"""Characters of a key's digest by which it is named."""


def name_of(key: bytes) -> str:
    """A name by which a key is known, and which tells nothing of it."""
    return hashlib.sha256(b"allotment key\0" + key).hexdigest()[:_NAMED]


class AesSealing:
    """Implements `ports.sealing.Sealing`; for several threads."""

    def __init__(self, keys: Sequence[bytes], keep: Callable[[Sequence[bytes]], None] | None) -> None:
        """With keys.

        Args:
            keys: the newest first; at least one.
            keep: keeps others for the next start; None where they are not this server's to change.
        """
        self._keys = tuple(keys)
        self._keep = keep
        self._lock = threading.Lock()

    def seal(self, plain: bytes, about: str) -> str:
        """Under the newest key, with a nonce that nobody has seen."""
        with self._lock:
            key = self._keys[0]
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + AESGCM(key).encrypt(nonce, plain, about.encode())
        return ".".join((_VERSION, name_of(key), base64.urlsafe_b64encode(sealed).decode()))

    def opened(self, sealed: str, about: str) -> bytes:
        """What was sealed.

        Raises:
            UnsealableError: it cannot be opened.
        """
        version, name, data = _parts(sealed)
        with self._lock:
            key = next((each for each in self._keys if name_of(each) == name), None)
        if version != _VERSION or key is None:
            raise UnsealableError(
                "what is kept was sealed with another key",
                why=f"the server has none of the name {name if name.isalnum() else 'it bears'}",
                fix="start the server with the key file that it had, or give the credential again",
            )
        try:
            return AESGCM(key).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], about.encode())
        except (InvalidTag, ValueError):
            raise UnsealableError(
                "what is kept sealed was changed", why="it does not belong where it stands", fix="give it again"
            ) from None

    def is_newest(self, sealed: str) -> bool:
        """Whether it names the newest key."""
        with self._lock:
            return _parts(sealed)[1] == name_of(self._keys[0])

    def add_key(self) -> None:
        """Make a new key; it is kept before anything is sealed with it.

        Raises:
            UsageError: keys come from a variable.
        """
        with self._lock:
            self._become((os.urandom(KEY_BYTES), *self._keys))

    def drop_old_keys(self) -> None:
        """Keep the newest alone; those of a variable stay, and open what they opened."""
        with self._lock:
            if self._keep is not None:
                self._become(self._keys[:1])

    def _become(self, keys: tuple[bytes, ...]) -> None:
        if self._keep is None:
            raise UsageError(
                "the server's key comes from a variable",
                fix="put a new one in front of it, with a comma between, and start the server again",
            )
        self._keep(keys)
        self._keys = keys


def _parts(sealed: str) -> tuple[str, str, bytes]:
    parts = sealed.split(".")
    try:
        version, name, text = parts if len(parts) == _PARTS else ("", "", "")
        return version, name, base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return "", "", b""
