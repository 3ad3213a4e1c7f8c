"""What a user is let in with by servers elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class CredentialsPort(Protocol):
    """A file that belongs to its user alone, whether it exists or not."""

    @property
    def path(self) -> Path:
        """Where it is."""
        ...

    def token(self, address: str) -> str:
        """For a server; empty where there is none.

        Raises:
            ForbiddenError: others can read the file.
            InputError: it cannot be read.
        """
        ...

    def authority(self, address: str) -> str:
        """File of certificates that a server's is checked against; empty for those that this machine trusts.

        Raises:
            ForbiddenError: others can read the file.
            InputError: it cannot be read.
        """
        ...

    def keep(self, address: str, token: str, authority: str = "") -> None:
        """From now on.

        Args:
            address: of a server.
            token: that is shown there.
            authority: as `authority` gives it afterwards.

        Raises:
            ForbiddenError: others can read the file.
            AllotmentError: it cannot be written.
        """
        ...

    def forget(self, address: str) -> bool:
        """Whether there was one.

        Raises:
            ForbiddenError: others can read the file.
            AllotmentError: it cannot be written.
        """
        ...
