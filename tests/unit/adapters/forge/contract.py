"""What every `ForgePort` does: the same cases run on the one in memory and on clients of servers like forges.

A suite that inherits `ForgeContract` gives the fixture `forge`.
"""

from __future__ import annotations

from typing import Final, Protocol

import pytest

from allotment.errors import NotFoundError
from allotment.ports.forge import ForgePort, ForgeRefusedError, PullRequestState, PullRequestText

BRANCH: Final = "allotment/abcd1234"
FIRST: Final = "1" * 40
SECOND: Final = "2" * 40
TEXT: Final = PullRequestText("Grant 8 A100\nto nlp", "For 72 h.\n\nAllotment-Commit: of nobody")


class ForgeScene(Protocol):
    """A repository of a forge, to which somebody pushes, and whose people decide."""

    @property
    def port(self) -> ForgePort: ...

    def push(self, branch: str) -> None: ...

    def decide(self, number: int, state: PullRequestState) -> None:
        """Merge or close it, and delete its branch, as forges offer."""
        ...

    def count(self) -> int:
        """How many there are."""
        ...


class ForgeContract:
    def test_one_is_opened_and_has_a_page(self, forge: ForgeScene) -> None:
        forge.push(BRANCH)
        opened = forge.port.open_pull_request(BRANCH, FIRST, TEXT)
        assert opened.url.startswith("https://")
        assert opened.url.endswith(f"/{opened.number}")
        assert forge.port.state(opened.number) is PullRequestState.OPEN

    def test_whoever_asks_again_is_given_the_same_one(self, forge: ForgeScene) -> None:
        forge.push(BRANCH)
        opened = forge.port.open_pull_request(BRANCH, FIRST, TEXT)
        assert forge.port.open_pull_request(BRANCH, FIRST, TEXT) == opened
        # The branch has gone on: the same one proposes it.
        assert forge.port.open_pull_request(BRANCH, SECOND, TEXT) == opened
        assert forge.count() == 1

    @pytest.mark.parametrize("state", [PullRequestState.MERGED, PullRequestState.CLOSED])
    def test_what_was_decided_is_not_proposed_again(self, forge: ForgeScene, state: PullRequestState) -> None:
        forge.push(BRANCH)
        opened = forge.port.open_pull_request(BRANCH, FIRST, TEXT)
        forge.decide(opened.number, state)
        assert forge.port.state(opened.number) is state
        assert forge.port.open_pull_request(BRANCH, FIRST, TEXT) == opened
        # Another commit is another proposal.
        forge.push(BRANCH)
        other = forge.port.open_pull_request(BRANCH, SECOND, TEXT)
        assert other.number != opened.number
        assert forge.port.state(other.number) is PullRequestState.OPEN

    def test_one_is_withdrawn_and_no_other(self, forge: ForgeScene) -> None:
        forge.port.withdraw(BRANCH)
        forge.push(BRANCH)
        forge.push("allotment/wxyz9876")
        one = forge.port.open_pull_request(BRANCH, FIRST, TEXT)
        other = forge.port.open_pull_request("allotment/wxyz9876", SECOND, TEXT)
        for _ in range(2):
            forge.port.withdraw(BRANCH)
            assert forge.port.state(one.number) is PullRequestState.CLOSED
            assert forge.port.state(other.number) is PullRequestState.OPEN

    def test_each_branch_has_its_own(self, forge: ForgeScene) -> None:
        forge.push(BRANCH)
        forge.push("allotment/wxyz9876")
        one = forge.port.open_pull_request(BRANCH, FIRST, TEXT)
        other = forge.port.open_pull_request("allotment/wxyz9876", SECOND, TEXT)
        assert one != other

    def test_a_branch_that_nobody_has_pushed(self, forge: ForgeScene) -> None:
        with pytest.raises((ForgeRefusedError, NotFoundError)):
            forge.port.open_pull_request(BRANCH, FIRST, TEXT)

    def test_a_number_that_is_none(self, forge: ForgeScene) -> None:
        with pytest.raises(NotFoundError):
            forge.port.state(7)

    def test_its_place_is_told(self, forge: ForgeScene) -> None:
        assert forge.port.place().endswith("/team/platform")
