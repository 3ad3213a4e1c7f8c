"""The Git repository that a platform directory lies in: it is read at a commit, and a change of it is one commit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, Protocol

from allotment.errors import AllotmentError, ConflictError
from allotment.model.source import SourceTree

_REQUEST: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,62}", re.ASCII)

_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class HeadMovedError(ConflictError):
    """Somebody has committed meanwhile, nothing was written: read again, and decide anew."""


class EditedByHandError(ConflictError):
    """Somebody's own work, which is not committed or not merged yet, stands where the change would go.

    Attributes:
        path: of the file, as changes name it, or of the branch.
    """

    def __init__(self, path: str, *, why: str, fix: str) -> None:
        super().__init__(f"{path} was changed by hand", why=why, fix=fix)
        self.path = path


class PushRefusedError(AllotmentError):
    """The server does not take the commit, and nobody has committed meanwhile: `why` has what it said."""


class CommitMode(Enum):
    """Where a commit goes; the text is what users write."""

    DIRECT = "direct"
    """Onto the branch that counts."""
    BRANCH = "branch"
    """Onto a branch of the request's own: it counts once somebody has merged it."""


@dataclass(frozen=True, slots=True)
class CommitPerson:
    """Whom a commit names.

    Attributes:
        name: foreign text.
        email: empty where none is known.
    """

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class CommitMessage:
    """What a commit says.

    Attributes:
        request: id of the request that it is of.
        subject: its first line.
        body: may be empty; foreign text.
        author: who has asked for it.
        at: milliseconds since the epoch.
    """

    request: str
    subject: str
    body: str
    author: CommitPerson
    at: int

    def __post_init__(self) -> None:
        branch_of(self.request)


@dataclass(frozen=True, slots=True)
class FileChanges:
    """What a commit does.

    Attributes:
        expected: the commit that was read when this was decided.
        files: new text by path within the platform directory, None where a file goes away; at least one.
    """

    expected: str
    files: Mapping[str, str | None]

    def __post_init__(self) -> None:
        if not _COMMIT.fullmatch(self.expected) or not self.files:
            raise ValueError("a change is of a commit, and of a file at least")
        object.__setattr__(self, "files", MappingProxyType(dict(self.files)))


@dataclass(frozen=True, slots=True)
class RepositoryState:
    """The platform directory as the branch has it that counts.

    Attributes:
        commit: the branch's last.
        tree: its files at that commit.
    """

    commit: str
    tree: SourceTree


@dataclass(frozen=True, slots=True)
class LastChange:
    """Who has changed a file last.

    Attributes:
        commit: its name.
        author: whom it names; foreign text.
    """

    commit: str
    author: CommitPerson


class RepositoryPort(Protocol):
    """The repository of one platform directory, and the branch of it that counts.

    Every method may raise `UnreachableError` or `TimedOutError` where a remote or git does not answer in time,
    `NotSignedInError` where the remote wants credentials, and `AllotmentError` for what git refuses otherwise.
    """

    def place(self) -> str:
        """Where it is, without secrets."""
        ...

    @property
    def mode(self) -> CommitMode:
        """Where commits go."""
        ...

    def read(self) -> RepositoryState:
        """The platform directory as it is now; of a remote, fetched.

        Raises:
            NotFoundError: there is no such branch, or no such folder in it.
            InvalidPlatformError: a file is a link, too large, or no UTF-8 text; all such files are named.
            InputError: there are too many files, or no branch is checked out.
        """
        ...

    def commit(self, change: FileChanges, message: CommitMessage) -> str:
        """Write files as one commit on top of what was read; the commit's name in Git.

        What is there already is not made twice, so that whoever was killed calls again: a commit of the same request
        that did the same since `change.expected`, and, where all of it stands there, the last one that did.

        Raises:
            HeadMovedError: the branch that counts has gone on since.
            EditedByHandError: somebody's own work stands in the way.
            PushRefusedError: the server does not take it.
            InputError: a path leads out of the platform directory, or through a symbolic link.
            NotFoundError: there is no such branch.
        """
        ...

    def last_change(self, commit: str, path: str) -> LastChange | None:
        """By whom a file within the platform directory came to be as a commit has it, or to be gone; None for nobody.

        Args:
            commit: that was read.
            path: of the file.

        Raises:
            InputError: the path leads out of the platform directory.
        """
        ...


def branch_of(request: str) -> str:
    """The branch of a request, where changes are proposed.

    Raises:
        ValueError: it is no id of a request.
    """
    if not _REQUEST.fullmatch(request):
        raise ValueError(f"no id of a request: {request!r}")
    return f"allotment/{request}"
