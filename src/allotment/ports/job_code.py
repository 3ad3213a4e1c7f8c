"""Code that travels with jobs: folders are packed where they are submitted, kept by what they hold, and unpacked."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Protocol

from allotment.model.jobs.job import CodeFolder


class CodePacker(Protocol):
    """Where a job is submitted."""

    def pack(self, base: Path, folder: CodeFolder) -> BinaryIO:
        """A folder, packed: the same files make the same bytes. Whoever gets it closes it.

        Args:
            base: folder of the job file.
            folder: what travels.

        Raises:
            NotFoundError: there is no such folder.
            InputError: it is too large, or holds what cannot travel.
        """
        ...


class CodeShelf(Protocol):
    """Where the server keeps packed code, once for all jobs that have the same."""

    def put(self, packed: BinaryIO) -> str:
        """Keep it; its reference, made of what it holds.

        Raises:
            InputError: it is too large.
        """
        ...

    def path(self, reference: str) -> str:
        """Where it lies.

        Raises:
            NotFoundError: there is no such code.
        """
        ...

    def reference(self, path: str) -> str:
        """The reference of what lies there."""
        ...
