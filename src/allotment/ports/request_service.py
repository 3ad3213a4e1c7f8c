"""What the faces ask of a server about requests and grants: the same whether it is in this process or elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from allotment.model.requests.balance import TeamBalance
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import DemonstratedNeed, Effect, GrantRequest, RequestAct
from allotment.model.requests.team import NewTeam
from allotment.model.requests.terms import RequestKind, WorkloadType
from allotment.model.requests.timeline import TimelineStep
from allotment.ports.requests import RequestFilter, RequestMark

LISTED: Final = 100
"""Requests, or grants, of one page where nobody says how many."""
MOST_LISTED_AT_ONCE: Final = 500
"""The same, whatever somebody says."""
MOST_SAID_OF_REQUESTS: Final = 2000
"""Characters of a justification, and of a reason."""
MOST_NAME: Final = 200
"""Characters of the name of what is asked for, of where it is to be, and of a key."""


@dataclass(frozen=True, slots=True)
class AskedRequest:
    """What somebody asks for, in his words.

    Attributes:
        accelerator: class, or name of a flavor; empty where no devices are asked for.
        devices: 0 for none.
        clusters: any of these will do; those that the team is in if empty.
        since: milliseconds since the epoch; None for now.
        lasts: milliseconds; None for good.
        extends: id of the grant that it prolongs or changes; empty for none.
        key: what comes again from the same person with it is one request; empty for none.
        new_team: what a team is to be; `subject` of a team that is to leave is its name once more, typed.
        keep_data_until: of a team that is to leave, the last day on which its data are kept, such as ``2027-01-31``.
        size: bytes of a volume; 0 for every other kind.
        image: that a notebook runs; its device is an `accelerator`, with `devices` 0.
    """

    kind: RequestKind
    team: str
    workload: WorkloadType
    justification: str
    subject: str = ""
    environment: str = ""
    accelerator: str = ""
    devices: int = 0
    clusters: tuple[str, ...] = ()
    since: int | None = None
    lasts: int | None = None
    extends: str = ""
    key: str = ""
    new_team: NewTeam | None = None
    keep_data_until: str = ""
    size: int = 0
    image: str = ""


@dataclass(frozen=True, slots=True)
class OtherTerms:
    """What is different from the terms on the table; what is None stays.

    Attributes:
        devices: all together.
        accelerator: class, or name of a flavor.
        clusters: any of these will do.
        lasts: milliseconds from its beginning.
    """

    devices: int | None = None
    accelerator: str | None = None
    clusters: tuple[str, ...] | None = None
    lasts: int | None = None


@dataclass(frozen=True, slots=True)
class AskedMove:
    """What somebody does with a request.

    Attributes:
        reason: foreign text.
        terms: None for those on the table.
        revision: that he has read; None for whichever it has. With another it is refused.
    """

    act: RequestAct
    reason: str = ""
    terms: OtherTerms | None = None
    revision: int | None = None


@dataclass(frozen=True, slots=True)
class MadeInCluster:
    """What would be made in a cluster.

    Attributes:
        kinds: how many objects, by kind, in the order of their names.
    """

    cluster: str
    kinds: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ForeseenChange:
    """What a request makes of the platform directory and of clusters.

    Attributes:
        diff: of the directory, a unified diff.
        made: in each cluster where something is made.
        warnings: what the directory warns of afterwards and did not before.
        isolation: what separates a team that comes from others, and why that is enough, in a sentence.
    """

    diff: str
    made: tuple[MadeInCluster, ...]
    warnings: tuple[str, ...] = ()
    isolation: str = ""


@dataclass(frozen=True, slots=True)
class GrantStanding:
    """Where the grant that a request gave, or changed, stands.

    Attributes:
        id: of the grant.
        trouble: why it is not as it should be, in a sentence; empty where it is.
    """

    id: str
    state: GrantState
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class ToldRequest:
    """A request, with what whoever decides is shown of it now; of one that was approved, what was kept with that.

    Attributes:
        effects: on everybody who waits, worst first, on the terms on the table.
        unknown: what is not known of them, and of the need; empty where all is.
        need: None where nothing is known of it.
        budget_left: millionths of the currency, once it is granted, in the month of those that it touches where the
            least is left; None where there is no budget.
        budget_month: which month that is, such as ``2027-01``; empty where there is no budget.
        deciders: who decides now, in words; empty where nobody has to.
        decides: whether the caller may.
        after: what happens when it ends, in a sentence; empty where it does not.
        warning: that some of the time that it names has passed, what it makes of a grant, and why it waits where
            another like it would not; empty for nothing.
        change: what it makes of the platform directory; None where that is quota alone, or nothing.
        timeline: what was done since it was approved, step by step; of what is one commit and an apply, nothing.
        grant: where its grant stands; None where there is none.
    """

    request: GrantRequest
    effects: tuple[Effect, ...]
    unknown: str
    need: DemonstratedNeed | None
    budget_left: int | None
    deciders: str
    decides: bool
    after: str
    warning: str = ""
    change: ForeseenChange | None = None
    timeline: tuple[TimelineStep, ...] = ()
    grant: GrantStanding | None = None
    budget_month: str = ""


@dataclass(frozen=True, slots=True)
class RequestsPage:
    """Some requests, newest first.

    Attributes:
        next: where the next page begins; None where there is none.
        decides: ids of those rows on which the caller decides, as they stand.
    """

    rows: tuple[GrantRequest, ...]
    next: RequestMark | None
    decides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GrantsPage:
    """Some grants, by id.

    Attributes:
        next: id after which the next page begins; empty where there is none.
    """

    rows: tuple[TeamGrant, ...]
    next: str


class RequestService(Protocol):
    """Everything may raise `StoreError`, and from afar `UnreachableError`, `NotSignedInError` and `ForbiddenError`."""

    def ask(self, asked: AskedRequest) -> GrantRequest:
        """Submit a request; it is approved at once, or waits for whoever decides.

        Raises:
            NotFoundError: there is no such team, cluster, accelerator or grant.
            InputError: the team is not in such a cluster.
            CapacityError: so many cannot be guaranteed; it says how many could.
            UsageError: the terms cannot be.
            ConflictError: its key was used for another request.
        """
        ...

    def preview(self, asked: AskedRequest) -> ToldRequest:
        """What would become of a request, with all that whoever decides is shown; nothing is kept."""
        ...

    def requests(self, wanted: RequestFilter, *, after: RequestMark | None = None, limit: int = LISTED) -> RequestsPage:
        """Those that are meant, newest first, from those after a mark on."""
        ...

    def request(self, request_id: str) -> ToldRequest:
        """One by its id.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def move(self, request_id: str, move: AskedMove) -> GrantRequest:
        """Decide on one, accept an offer, or withdraw.

        Raises:
            NotFoundError: there is none.
            ConflictError: it does not stand so, or has changed since it was read.
            ForbiddenError: it is another's to do.
            UsageError: the terms cannot be.
        """
        ...

    def grants(
        self, states: frozenset[GrantState] = frozenset(), *, after: str = "", limit: int = LISTED
    ) -> GrantsPage:
        """Those that stand so, by id, from those after an id on; all where no state is named."""
        ...

    def grant(self, grant_id: str) -> TeamGrant:
        """One by its id.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def balances(self) -> tuple[TeamBalance, ...]:
        """How far the caller's teams are with the month and their grants, by name; half a minute old at most."""
        ...

    def end_grant(self, grant_id: str, reason: str, *, read: int | None = None) -> TeamGrant:
        """Take one back before its time.

        Args:
            grant_id: of the grant.
            reason: foreign text.
            read: revision that the caller has seen; None for whichever it is at.

        Raises:
            NotFoundError: there is none.
            OutdatedError: it has changed since it was read.
            ConflictError: it is over already.
            ForbiddenError: it is another's to do.
        """
        ...

    def settle(self, grant_id: str, *, restore: bool, read: int | None = None) -> TeamGrant:
        """Decide a conflict: what was agreed on is restored, or what somebody wrote by hand is kept.

        Raises:
            NotFoundError: there is none.
            OutdatedError: it has changed since it was read.
            ConflictError: it is in no conflict.
            ForbiddenError: it is another's to do.
        """
        ...


def every_request(service: RequestService, wanted: RequestFilter) -> Iterator[GrantRequest]:
    """Those that are meant, newest first, page by page."""
    page = service.requests(wanted, limit=MOST_LISTED_AT_ONCE)
    yield from page.rows
    while page.next is not None:
        page = service.requests(wanted, after=page.next, limit=MOST_LISTED_AT_ONCE)
        yield from page.rows


def every_grant(service: RequestService, states: frozenset[GrantState] = frozenset()) -> Iterator[TeamGrant]:
    """Those that stand so, by id, page by page."""
    page = service.grants(states, limit=MOST_LISTED_AT_ONCE)
    yield from page.rows
    while page.next:
        page = service.grants(states, after=page.next, limit=MOST_LISTED_AT_ONCE)
        yield from page.rows
