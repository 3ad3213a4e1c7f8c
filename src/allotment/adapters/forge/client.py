"""`ForgePort` over HTTP: what Gitea and GitHub have in common; how they differ is a `ForgeDialect`.

A pull request of ours says at its end which commit it proposes. So one that was opened just before we were killed is
found again, even if somebody has merged or closed it since.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Self

import msgspec

from allotment.adapters.forge.rest import REFUSED, ForgeSession, said_in
from allotment.model.decoding import converted
from allotment.ports.forge import ForgeRefusedError, PullRequest, PullRequestState, PullRequestText

MARK: Final = "Allotment-Commit"
_LONGEST_TITLE: Final = 200
_LONGEST_BODY: Final = 60_000
_PAGES: Final = {"all": 4, "open": 40}
"""That are looked through at most: of all only what somebody has touched lately."""
_WEB: Final = re.compile(r"https?://[^\s<>\"'\\]{1,1000}")


class PullRepository(msgspec.Struct, frozen=True):
    """Of a side; a fork that was deleted has none."""

    id: int = 0


class PullSide(msgspec.Struct, frozen=True):
    """A branch, as a pull request names it."""

    label: str | None = None
    ref: str = ""
    repo_id: int = 0
    repo: PullRepository | None = None


class PullAnswer(msgspec.Struct, frozen=True):
    """A pull request, as both forges tell it."""

    number: int
    head: PullSide
    base: PullSide
    html_url: str = ""
    state: str = ""
    body: str | None = None
    merged: bool | None = None
    merged_at: str | None = None

    @property
    def stands(self) -> PullRequestState:
        """What became of it."""
        if self.merged or self.merged_at:
            return PullRequestState.MERGED
        return PullRequestState.OPEN if self.state == "open" else PullRequestState.CLOSED


@dataclass(frozen=True, slots=True)
class ForgeBranch:
    """What is proposed to.

    Attributes:
        repository: owner and name.
        branch: that counts.
    """

    repository: str
    branch: str

    @property
    def owner(self) -> str:
        """Whose it is."""
        return self.repository.partition("/")[0]


@dataclass(frozen=True, slots=True)
class ForgeDialect:
    """How a forge differs from the other.

    Attributes:
        full: how many a page of a list has; one with fewer is the last.
        listing: what is asked to list pull requests: to which branch, from which branch, state and page.
        branch: name of a side's branch, even of one that was deleted.
        repository: number of a side's repository.
    """

    full: int
    listing: Callable[[ForgeBranch, str, str, int], Mapping[str, str]]
    branch: Callable[[PullSide], str]
    repository: Callable[[PullSide], int]


class ForgeClient:
    """One repository of a forge. Close it, or use it as a context manager."""

    def __init__(self, session: ForgeSession, at: ForgeBranch, dialect: ForgeDialect) -> None:
        """Over a session, which it closes."""
        self._session = session
        self._at = at
        self._dialect = dialect
        self._path = f"repos/{at.repository}/pulls"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def place(self) -> str:
        """The address, and the repository."""
        return f"{self._session.place}/{self._at.repository}"

    def open_pull_request(self, branch: str, commit: str, text: PullRequestText) -> PullRequest:
        """Propose a branch, once."""
        if found := self._found("all", branch, commit):
            return found
        what = f"{self.place()} does not open a pull request of {branch}"
        body = {
            "title": " ".join(text.title.split())[:_LONGEST_TITLE],
            "body": f"{text.body[:_LONGEST_BODY].rstrip()}\n\n{MARK}: {commit}\n",
            "head": branch,
            "base": self._at.branch,
        }
        code, answer = self._session.posted(self._path, what, body)
        if code not in REFUSED:
            return self._told(self._pull(answer))
        if found := self._found("open", branch, commit):
            return found
        raise ForgeRefusedError(
            what, why=said_in(answer) or f"HTTP {code}", fix=f"see that {branch} and {self._at.branch} are there"
        )

    def withdraw(self, branch: str) -> None:
        """Close the open one of a branch."""
        what = f"{self.place()} does not close the pull request of {branch}"
        for each in self._listed("open", branch):
            if self._is_of(each, branch):
                self._session.patched(f"{self._path}/{each.number:d}", what, {"state": "closed"})
                return

    def state(self, number: int) -> PullRequestState:
        """What became of one."""
        what = f"{self.place()} does not tell of pull request {number}"
        return self._pull(self._session.got(f"{self._path}/{number:d}", what)).stands

    def _found(self, state: str, branch: str, commit: str) -> PullRequest | None:
        for each in self._listed(state, branch):
            if self._is_of(each, branch) and (each.stands is PullRequestState.OPEN or _marks(each, commit)):
                return self._told(each)
        return None

    def _is_of(self, pull: PullAnswer, branch: str) -> bool:
        """Whether it proposes our branch of this repository: in a fork anybody may give a branch that name."""
        own, other = self._dialect.repository(pull.base), self._dialect.repository(pull.head)
        named = self._dialect.branch(pull.head) == branch and pull.base.ref == self._at.branch
        return named and own == other and own > 0

    def _listed(self, state: str, branch: str) -> Iterator[PullAnswer]:
        what = f"{self.place()} does not list its pull requests"
        for page in range(1, _PAGES[state] + 1):
            answer = self._session.got(self._path, what, self._dialect.listing(self._at, branch, state, page))
            if not isinstance(answer, list):
                raise self._session.foreign("it lists no pull requests")
            yield from map(self._pull, answer)
            if len(answer) < self._dialect.full:
                return

    def _pull(self, answer: object) -> PullAnswer:
        try:
            return converted(answer, PullAnswer)
        except msgspec.ValidationError:
            raise self._session.foreign("what it tells is no pull request") from None

    def _told(self, pull: PullAnswer) -> PullRequest:
        if not _WEB.fullmatch(pull.html_url):
            raise self._session.foreign("the pull request has no page")
        return PullRequest(pull.number, pull.html_url)


def _marks(pull: PullAnswer, commit: str) -> bool:
    return f"{MARK}: {commit}" in (pull.body or "").splitlines()
