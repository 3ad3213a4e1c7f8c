"""The forge at which a server proposes what it would commit: pull requests in place of commits."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from allotment.errors import UsageError
from allotment.operations.decide.proposing import Proposer
from allotment.ports.repository import RepositoryPort
from allotment.wiring import running
from allotment.wiring.forges import FORGES, forge

PULL_REQUEST: Final = "pull-request"
"""The mode in which branches are pushed, and proposed at a forge."""
_BRANCH: Final = "branch"


@dataclass(frozen=True, slots=True)
class Proposing:
    """How changes are proposed.

    Attributes:
        proposer: opens pull requests; None where nobody does.
        taking: where it is taken back with commits that count at once; None where that is proposed as well.
    """

    proposer: Proposer | None = None
    taking: RepositoryPort | None = None


NOTHING_PROPOSED: Final = Proposing()


def add_forge_words(parser: ArgumentParser) -> None:
    """What a server is told of its forge."""
    parser.add_argument("--forge", default="gitea", choices=FORGES, help="what opens pull requests")
    parser.add_argument("--forge-address", default="", help="of the forge")
    parser.add_argument("--forge-repository", default="", help="OWNER/NAME of the repository there")
    parser.add_argument("--forge-token", default="", help="file with a token for it")
    parser.add_argument(
        "--repository-take-back", default="same", choices=("same", "direct"), help="where what is over is taken back"
    )


def mode_of(asked: Namespace) -> str:
    """The word of `CommitMode` for what a server was started with."""
    return _BRANCH if asked.repository_mode == PULL_REQUEST else str(asked.repository_mode)


def proposing_of(asked: Namespace, folder: Path, environment: dict[str, str], opened: ExitStack) -> Proposing:
    """How a server proposes changes.

    Args:
        asked: what it was started with.
        folder: of the server.
        environment: may hold the password of the repository's user.
        opened: closes what is opened.

    Raises:
        UsageError: what a forge needs is not said, or cannot be.
    """
    proposer = None
    if asked.repository_mode == PULL_REQUEST:
        lacking = [name for name in ("forge_address", "forge_repository", "forge_token") if not getattr(asked, name)]
        if not asked.repository or lacking:
            named = lacking or ["repository"]
            raise UsageError(
                f"pull requests need --{named[0].replace('_', '-')}",
                why="they are opened at a forge, for a repository that lies there",
                fix="name the repository with --repository, and the forge with --forge-address, --forge-repository and "
                "--forge-token",
            )
        port = forge(
            asked.forge, asked.forge_address, asked.forge_repository, asked.repository_branch, asked.forge_token
        )
        proposer = Proposer(opened.enter_context(port))
    taking = None
    if asked.repository and asked.repository_take_back == "direct" and mode_of(asked) == _BRANCH:
        words = (asked.repository, asked.repository_branch, asked.repository_folder, "direct")
        taking = running.remote_repository(*words, folder / "taking.git", environment)
    return Proposing(proposer, taking)
