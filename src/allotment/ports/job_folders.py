"""Folders of jobs on this machine: working copies, checkpoints, and what stands for a claim."""

from __future__ import annotations

from typing import Protocol


class JobFolders(Protocol):
    """All paths are absolute; whatever is asked for is there afterwards, and belongs to the user alone."""

    def working_copy(self, job_id: str, attempt: int, packed: str) -> str:
        """A fresh copy of a job's code, one an attempt; asked again for the same attempt, the same one.

        Args:
            job_id: of the job.
            attempt: from 1.
            packed: path of the packed code; empty for an empty folder.

        Raises:
            AllotmentError: it cannot be unpacked.
        """
        ...

    def checkpoint(self, job_id: str) -> str:
        """Where a job's checkpoints lie, from attempt to attempt."""
        ...

    def hand_on(self, job_id: str, new_id: str) -> bool:
        """Make the checkpoints of a job those of another, which has none yet; done already, nothing.

        Returns:
            Whether the other has any now.

        Raises:
            AllotmentError: they cannot be moved.
        """
        ...

    def claim(self, name: str) -> str:
        """The folder that stands for a claim; `name` is no path."""
        ...

    def scratch(self, job_id: str, attempt: int, volume: str) -> str:
        """A volume that comes and goes with an attempt."""
        ...

    def link(self, folder: str, inner: str, target: str) -> None:
        """Make a path in a working copy lead to another folder; where it does already, nothing.

        Args:
            folder: the working copy.
            inner: relative; its last part must not be there yet.
            target: absolute.

        Raises:
            InputError: the code has something of that name.
        """
        ...

    def clear(self, job_id: str, last: int) -> None:
        """Remove what a job that is over needs no more: scratch, and working copies but that of its last attempt.

        What it wrote there is there to be fetched; checkpoints and claims stay, too.
        """
        ...
