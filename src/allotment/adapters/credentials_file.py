"""Tokens for servers elsewhere: ``$XDG_CONFIG_HOME/allotment/credentials.json``, for its user alone."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from allotment.errors import AllotmentError, ForbiddenError, InputError, shown

_LARGEST: Final = 1 << 20
"""Bytes; a longer file is none of ours."""
_TOKEN: Final = "token"  # noqa: S105 (the name of a part)
_AUTHORITY: Final = "ca"
"""As parts are called where more is kept of a server than a token."""
_OF_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


_Kept: TypeAlias = str | dict[str, str]
"""Of a server: a token, or parts by name."""


@dataclass(frozen=True, slots=True)
class CredentialsFile:
    """Implements `ports.credentials.CredentialsPort`."""

    path: Path

    def token(self, address: str) -> str:
        """For a server."""
        return self._part(address, _TOKEN)

    def authority(self, address: str) -> str:
        """What a server's certificate is checked against."""
        return self._part(address, _AUTHORITY)

    def keep(self, address: str, token: str, authority: str = "") -> None:
        """From now on."""
        kept = {_TOKEN: token, _AUTHORITY: authority} if authority else token
        self._write({**self._read(), address: kept})

    def _part(self, address: str, name: str) -> str:
        kept = self._read().get(address, "")
        if isinstance(kept, str):
            return kept if name == _TOKEN else ""
        return kept.get(name, "")

    def forget(self, address: str) -> bool:
        """Whether there was one."""
        known = self._read()
        if address not in known:
            return False
        self._write({each: kept for each, kept in known.items() if each != address})
        return True

    def _read(self) -> dict[str, _Kept]:
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unread(error.strerror or str(error)) from error
        with os.fdopen(descriptor, "rb") as stream:
            found = os.fstat(descriptor)
            if found.st_mode & _OF_OTHERS or found.st_uid not in {os.geteuid(), 0}:
                raise ForbiddenError(
                    f"{shown(self.path)} can be read by others",
                    why="it holds tokens, and whoever has one is let in as you",
                    fix=f"chmod 600 {shown(self.path)}; and revoke what others may have seen",
                )
            raw = stream.read(_LARGEST + 1)
        try:
            known = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise self._unread("it is no JSON") from error
        if len(raw) > _LARGEST or not isinstance(known, dict):
            raise self._unread("it is no mapping of addresses to tokens")
        return {str(address): _kept(found) for address, found in known.items()}

    def _write(self, known: Mapping[str, _Kept]) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Made for its user alone, whatever the umask is, and put in place in one step.
            descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=".credentials.")
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                json.dump(known, stream, indent=2, sort_keys=True)
                stream.flush()
                os.fsync(descriptor)
            Path(name).replace(self.path)
        except OSError as error:
            raise AllotmentError(
                f"{shown(self.path)} cannot be written",
                why=error.strerror or str(error),
                fix="check the folder's owner and mode",
            ) from error

    def _unread(self, why: str) -> InputError:
        place = shown(self.path)
        return InputError(f"{place} cannot be read", why=why, fix=f"remove it, and sign in again: rm {place}")


def _kept(found: Any) -> _Kept:
    if isinstance(found, dict):
        return {str(name): str(part) for name, part in found.items()}
    return str(found)
