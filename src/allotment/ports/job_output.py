"""What jobs wrote, in files that all nodes of a cluster write and this machine reads."""

from __future__ import annotations

from typing import Protocol


class JobOutput(Protocol):
    """All names are of files in the folder of one job."""

    def folder(self, job_id: str) -> str:
        """Where the job's output is to go: absolute, there, and the user's alone."""
        ...

    def names(self, job_id: str) -> tuple[str, ...]:
        """Files that are there, sorted; none where there is no folder."""
        ...

    def read(self, job_id: str, name: str, start: int, most: int = 1 << 16) -> bytes:
        """Bytes of a file from `start` on, `most` at most; nothing where there are none."""
        ...

    def size(self, job_id: str, name: str) -> int:
        """Bytes of a file; 0 where there is none."""
        ...
