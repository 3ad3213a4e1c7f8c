"""`ForgePort` in memory; checked by contract against what clients make of a forge's answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from allotment.errors import NotFoundError
from allotment.ports.forge import ForgeRefusedError, PullRequest, PullRequestState, PullRequestText


@dataclass(slots=True)
class MemoryPull:
    """A pull request.

    Attributes:
        branch: that it proposes.
        commit: that it was opened for.
        text: what it says.
        state: what became of it.
    """

    branch: str
    commit: str
    text: PullRequestText
    state: PullRequestState = PullRequestState.OPEN


@dataclass(slots=True)
class MemoryForge:
    """A repository.

    Attributes:
        branches: that were pushed.
        pulls: all, in the order in which they were opened; numbers begin at 1.
    """

    branches: set[str] = field(default_factory=set)
    pulls: list[MemoryPull] = field(default_factory=list)

    def place(self) -> str:
        """A made-up address."""
        return "fake://forge/team/platform"

    def open_pull_request(self, branch: str, commit: str, text: PullRequestText) -> PullRequest:
        """Propose a branch, once.

        Raises:
            ForgeRefusedError: nobody has pushed such a branch.
        """
        for number, each in enumerate(self.pulls, 1):
            if each.branch == branch and (each.state is PullRequestState.OPEN or each.commit == commit):
                return _told(number)
        if branch not in self.branches:
            raise ForgeRefusedError(f"there is no branch {branch}")
        self.pulls.append(MemoryPull(branch, commit, text))
        return _told(len(self.pulls))

    def withdraw(self, branch: str) -> None:
        """Close the open one of a branch."""
        for each in self.pulls:
            if each.branch == branch and each.state is PullRequestState.OPEN:
                each.state = PullRequestState.CLOSED

    def state(self, number: int) -> PullRequestState:
        """What became of one.

        Raises:
            NotFoundError: there is none.
        """
        if not 0 < number <= len(self.pulls):
            raise NotFoundError(f"there is no pull request {number}")
        return self.pulls[number - 1].state


def _told(number: int) -> PullRequest:
    return PullRequest(number, f"https://forge.example/team/platform/pulls/{number}")
