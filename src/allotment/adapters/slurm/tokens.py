"""Tokens for slurmrestd: one that the user gave, or one that Slurm makes for whoever asks on this machine.

A token is a secret: it goes into a header, never into an argument or a message, and no `repr` shows it.
"""

from __future__ import annotations

import base64
import binascii
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from allotment.errors import NotSignedInError, quoted_message
from allotment.model.decoding import decoded_as

LIFE: Final = 1800
"""Seconds of a token that we have made."""
_SPARE: Final = 60
"""A token that ends within so many seconds is not used any more."""
_TIMEOUT: Final = 30.0


class _TokenClaims(msgspec.Struct, frozen=True):
    exp: float = 0
    sun: str = ""
    username: str = ""


def claims_of(token: str) -> tuple[int, str]:
    """When it ends (0: not said), and whose it is, as it says itself; nothing is proved by that."""
    part = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        found = decoded_as(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)), _TokenClaims)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return 0, ""
    return int(found.exp), found.sun or found.username


ANEW: Final = "the server has it from the shell that started it: `allot down`, then `allot up` in one that sets it"
"""What follows where a variable of the server's environment is to be another."""


@dataclass(slots=True)
class GivenToken:
    """A token of the user's own (SLURM_JWT)."""

    token: str = field(repr=False)

    def __call__(self, now: float) -> str:
        """The token.

        Raises:
            NotSignedInError: it says of itself that it is over.
        """
        ends, _ = claims_of(self.token)
        if ends and ends <= now:
            raise NotSignedInError(
                "the token for Slurm in SLURM_JWT is over", fix=f"set a fresh one (scontrol token); {ANEW}"
            )
        return self.token


def _scontrol(environment: Mapping[str, str]) -> str:
    fix = f"set SLURM_JWT, or let the cluster's administrator set up auth/jwt; {ANEW}"
    try:
        done = subprocess.run(
            ["scontrol", "token", f"lifespan={LIFE}"],
            capture_output=True, text=True, errors="replace", timeout=_TIMEOUT, check=False,
            stdin=subprocess.DEVNULL, env=dict(environment) or dict(os.environ),
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotSignedInError("no token for Slurm", why=f"scontrol: {type(error).__name__}", fix=fix) from None
    token = done.stdout.strip().removeprefix("SLURM_JWT=")
    if done.returncode or token.count(".") != 2:
        # What it printed may be half a token: only its errors are shown.
        raise NotSignedInError("no token for Slurm", why=quoted_message(done.stderr.strip()), fix=fix)
    return token


@dataclass(slots=True)
class MadeToken:
    """Tokens that `scontrol token` makes for this user; a new one before the old is over.

    Attributes:
        environment: of the command.
    """

    environment: Mapping[str, str]
    run: Callable[[Mapping[str, str]], str] = _scontrol
    _token: str = field(default="", repr=False)

    def __call__(self, now: float) -> str:
        """A token that is good for a minute at least.

        Raises:
            NotSignedInError: Slurm makes none.
        """
        if not self._token or claims_of(self._token)[0] <= now + _SPARE:
            self._token = self.run(self.environment)
        return self._token
