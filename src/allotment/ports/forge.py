"""A forge, such as Gitea or GitHub: a branch that was pushed is proposed there, and people merge or close it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from allotment.errors import AllotmentError


class ForgeRefusedError(AllotmentError):
    """The forge does not take it as it is: a branch that it does not know, a repository that is archived."""


class PullRequestState(Enum):
    """What became of a pull request."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"
    """Somebody does not want it."""


@dataclass(frozen=True, slots=True)
class PullRequest:
    """One of the forge's.

    Attributes:
        number: as people name it.
        url: of its page.
    """

    number: int
    url: str


@dataclass(frozen=True, slots=True)
class PullRequestText:
    """What a pull request says; foreign text.

    Attributes:
        title: one line.
        body: Markdown.
    """

    title: str
    body: str


class ForgePort(Protocol):
    """One repository of a forge, and the branch of it that counts.

    Every method raises `UnreachableError` where nothing answers in time, `NotSignedInError` where the token is not
    accepted, `ForbiddenError` where it does not allow this, `NotFoundError` where there is no such repository for it,
    and `ForgeRefusedError` for what is refused otherwise.
    """

    def place(self) -> str:
        """Where it is, without secrets."""
        ...

    def open_pull_request(self, branch: str, commit: str, text: PullRequestText) -> PullRequest:
        """Propose a branch; one that proposes it already is not opened again.

        That is an open one of the branch, or one of the same commit, whatever became of it.

        Args:
            branch: in the same repository.
            commit: the last of the branch, with whatever tells one proposal of it from another.
            text: where one is opened.
        """
        ...

    def withdraw(self, branch: str) -> None:
        """Close the open pull request of a branch, unmerged; nothing where there is none.

        Args:
            branch: in the same repository.
        """
        ...

    def state(self, number: int) -> PullRequestState:
        """What became of one.

        Raises:
            NotFoundError: there is none of that number.
        """
        ...
