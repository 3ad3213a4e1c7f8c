"""A change that waits to be merged is proposed at the forge, and watched there until somebody has decided.

| the pull request is | while it is given | while it is taken back |
|---|---|---|
| open | `giving`: its trouble names it | `taking-back`: the same |
| merged | applied, then `active` | applied, then `ended` |
| closed | `ended`: a person has refused it | `conflict`: it stays until an administrator decides |

What was never merged before its time was over is withdrawn: nobody merges it by mistake afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from allotment.errors import AllotmentError
from allotment.model.requests.grant import TeamGrant
from allotment.ports.forge import ForgePort, PullRequest, PullRequestState, PullRequestText
from allotment.ports.repository import CommitMessage, branch_of

MERGE_AWAITED: Final = "its change waits to be merged"
PLAIN: Final = (MERGE_AWAITED, "a person has refused it")
"""How troubles begin that quote nobody's file: everybody of the team may read them."""


class ClosedUnmergedError(AllotmentError):
    """Somebody does not want a change that was proposed."""

    def __init__(self, pull: PullRequest) -> None:
        super().__init__(
            f"a person has refused it: pull request {pull.number} was closed and not merged",
            why=f"{pull.url} has who did, and why",
            fix="ask again, or talk to whoever closed it",
        )


@dataclass(frozen=True, slots=True)
class Proposer:
    """Opens pull requests for changes of grants, and withdraws them.

    Attributes:
        forge: of the repository.
    """

    forge: ForgePort

    def awaited(self, grant: TeamGrant, commit: str, message: CommitMessage) -> str:
        """What a change waits for, with the address of its pull request, which is opened where there is none yet.

        Args:
            grant: that it is of.
            commit: the last of its branch.
            message: of that commit.

        Raises:
            ClosedUnmergedError: somebody has closed it.
            AllotmentError: the forge does not answer, or refuses it.
        """
        pull = self._pull(grant, commit, message)
        if self.forge.state(pull.number) is PullRequestState.CLOSED:
            raise ClosedUnmergedError(pull)
        return f"{MERGE_AWAITED}: {pull.url}"

    def withdraw(self, grant: TeamGrant) -> None:
        """Close what is open for a grant: it is not to be merged any more.

        Raises:
            AllotmentError: the forge does not answer, or refuses it.
        """
        self.forge.withdraw(branch_of(grant.id))

    def opened(self, grant: TeamGrant, commit: str, message: CommitMessage) -> str:
        """The address of the pull request of a change that nothing waits for; see `awaited`."""
        return self._pull(grant, commit, message).url

    def _pull(self, grant: TeamGrant, commit: str, message: CommitMessage) -> PullRequest:
        # What an administrator has brought back is proposed anew, though the commit is the same.
        mark = f"{commit}+{grant.restores}" if grant.restores else commit
        text = PullRequestText(message.subject, message.body)
        return self.forge.open_pull_request(branch_of(grant.id), mark, text)
