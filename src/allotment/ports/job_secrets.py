"""Values that jobs are given by reference: a file each, in a folder of the user's."""

from __future__ import annotations

from typing import Protocol


class JobSecrets(Protocol):
    """Files ``TEAM/NAME/KEY`` below one folder. Each belongs to the user, and nobody else can read or change it."""

    def path(self, team: str, secret: str, key: str) -> str:
        """Where a value lies, absolute; it was looked at, and nothing of it is kept.

        Raises:
            InputError: it is not there, others may read or change it, or no variable can hold it.
        """
        ...

    def value(self, team: str, secret: str, key: str) -> str:
        """A value, without the line ends at its end. It must reach nothing but the environment of a process.

        Raises:
            InputError: it is not there, others may read or change it, or no variable can hold it.
        """
        ...
