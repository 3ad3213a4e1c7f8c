"""Code that travels with jobs: folders are packed where they are submitted, kept by what they hold, and unpacked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol

from allotment.model.jobs.job import CodeFolder


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """What of a folder of code stays behind although its ignore file says nothing of it.

    Paths within the folder, each with a slash at its end if it is a folder, which stays behind with all that it holds.

    Attributes:
        credentials: what holds credentials by its name.
        by_git: what a .gitignore names.
        checkpoints: the folder in whose place the job's checkpoints are to lie, if it holds any already.
    """

    credentials: tuple[str, ...] = ()
    by_git: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()

    def holding(self, path: str) -> str:
        """What of it a path is, or lies in; empty where that travels."""
        every = (*self.credentials, *self.by_git, *self.checkpoints)
        return next((each for each in every if path == each or (each[-1] == "/" and path.startswith(each))), "")


@dataclass(frozen=True, slots=True)
class PackedCode:
    """A folder that was packed. As a context it is its bytes, which are gone after it.

    Attributes:
        stream: the bytes.
        left: what stays behind.
    """

    stream: BinaryIO
    left: LeftBehind = LeftBehind()

    def __enter__(self) -> BinaryIO:
        """The bytes."""
        return self.stream

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        self.stream.close()


class CodePacker(Protocol):
    """Where a job is submitted."""

    def pack(self, base: Path, folder: CodeFolder, checkpoints: str = "") -> PackedCode:
        """A folder, packed: the same files make the same bytes. Whoever gets it closes it.

        Args:
            base: folder of the job file.
            folder: what travels.
            checkpoints: path within it in whose place the job's checkpoints are to lie; empty for none.

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
