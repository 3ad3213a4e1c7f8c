"""What requests are decided with: the platform as declared, what is known of clusters and of the past."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from allotment.errors import AllotmentError
from allotment.model.access.person import Person
from allotment.model.observed.snapshot import Snapshot
from allotment.model.platform import Platform
from allotment.model.requests.grant import TeamGrant
from allotment.model.requests.request import DemonstratedNeed
from allotment.model.source import SourceTree
from allotment.operations.decide.notebooks import Notebooks
from allotment.operations.decide.proposing import Proposer
from allotment.ports.clock import Clock, epoch_ms
from allotment.ports.repository import RepositoryPort, RepositoryState
from allotment.ports.requests import RequestsStore
from allotment.ports.store import JobFilter, JobsPage, PageMark


class DecisionStore(RequestsStore, Protocol):
    """What deciding needs of the store."""

    def people(self) -> tuple[Person, ...]:
        """Everybody who has signed in."""
        ...

    def page(self, wanted: JobFilter, *, after: PageMark | None = None, limit: int = 50) -> JobsPage:
        """Jobs, newest first."""
        ...


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of applying the platform directory.

    Attributes:
        trouble: why a cluster is not as declared, in a sentence, by cluster; nothing where all are.
    """

    trouble: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AgreedLosses:
    """What may go when something is applied, because people have agreed on it; all else is for a person to apply.

    Attributes:
        teams: ids of teams that leave, with all that is theirs.
        namespaces: of teams that stay.
        claims: names of volume claims, each with the id of its team.
    """

    teams: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()
    claims: frozenset[tuple[str, str]] = frozenset()


NO_LOSSES: Final = AgreedLosses()


@dataclass(frozen=True, slots=True)
class ApplyCause:
    """Why the platform directory is applied, as the cluster's history has it.

    Attributes:
        state: of the repository, as it is applied.
        by: on whose account, such as ``grant r7k2f9qa of ada``.
        agreed: what may go by it.
        teams: ids of those that it is about: trouble with objects of others is not its own. Empty for all teams.
        grant: that it is about; trouble with what other grants give is not its own. Empty for none.
    """

    state: RepositoryState
    by: str
    agreed: AgreedLosses = NO_LOSSES
    teams: frozenset[str] = frozenset()
    grant: str = ""


def _nothing_known(_platform: Platform, _grants: Sequence[TeamGrant]) -> Mapping[str, int]:
    return {}


@dataclass(frozen=True, slots=True)
class DecisionRoom:
    """What `RequestDesk` needs.

    Attributes:
        platform: as declared now, with what was granted.
        files: that it was read from; nobody waits for them.
        repository: where the platform directory is kept; None where it is in none, and nothing can be granted.
        load: a platform of a directory's files.
        apply: makes clusters as declared; those of these names, for that cause.
        snapshots: what is known of the clusters of these names, each as it was read last.
        need: what a team has shown that it needs on clusters, and what is not known of it.
        spent: what a team has spent this month beside grants, in millionths of the currency; None where nobody knows.
        seed: of chance in what is simulated.
        new_id: makes ids of requests.
        notebooks: begins and ends them; None where nobody does.
        proposer: opens pull requests for what waits to be merged; None where people do.
        used: device-seconds that were used of grants, by id; those of which nothing is known are not in there.
        taking: the repository, with commits that count at once, for what is taken back; None for the same as the rest.
    """

    store: DecisionStore
    clock: Clock
    platform: Callable[[], Platform]
    files: Callable[[], Mapping[str, str]]
    repository: RepositoryPort | None
    load: Callable[[Mapping[str, str]], Platform]
    apply: Callable[[Platform, Sequence[str], ApplyCause], Applied]
    snapshots: Callable[[Sequence[str]], Sequence[Snapshot]]
    need: Callable[[Platform, str, Sequence[str]], tuple[DemonstratedNeed | None, str]]
    spent: Callable[[str], int | None]
    seed: int
    new_id: Callable[[], str]
    notebooks: Notebooks | None = None
    proposer: Proposer | None = None
    taking: RepositoryPort | None = None
    used: Callable[[Platform, Sequence[TeamGrant]], Mapping[str, int]] = _nothing_known

    def is_valid(self, tree: SourceTree) -> bool:
        """Whether a directory is one of a platform."""
        try:
            self.load(tree.files)
        except AllotmentError:
            return False
        return True

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return epoch_ms(self.clock)
