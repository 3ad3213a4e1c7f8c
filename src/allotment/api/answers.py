"""Routes of answers: the documents of the answering commands, each with what it rests on and how old that is.

Those that try things on the twins have places of their own, and none has longer than a time: whoever waits is told so,
and the place is free again when the thread is done.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Final

from fastapi import Depends, Query, Request, Response

from allotment.api.answering import (
    ALL_RECORDED,
    QUICK,
    SIMULATED,
    STILL_WANTED,
    AnswerGround,
    AnswerQuestion,
    Document,
    answered,
    changed_futures,
    changes_of,
    shapes_of,
    waste_recorded,
)
from allotment.api.bodies import value_answer
from allotment.api.contract import JsonValue
from allotment.api.routes import Routes
from allotment.api.simulating import SimulatedCall, SimulationPlaces
from allotment.api.visits import Asked, Visit
from allotment.diagnose.causes import CAUSES
from allotment.diagnose.pages import cause_named, page_of
from allotment.errors import AllotmentError, NotFoundError, TimedOutError, UsageError
from allotment.model.access.permission import Permission
from allotment.model.observed.snapshot import Source
from allotment.operations.fleet.joined import AnswerScope, JoinedClusters
from allotment.ports.stored_jobs import StoredJob
from allotment.reports.documents.causes import cause_page_document, causes_document
from allotment.reports.documents.cluster_states import cluster_states_document
from allotment.reports.documents.form import versioned
from allotment.reports.documents.snapshot import age
from allotment.reports.documents.teams import teams_document
from allotment.scenarios.times import milliseconds
from allotment.simulation.live.starts import StartWishes

ANSWERED_IN: Final = 60.0
"""Seconds after which nobody waits for an answer any more."""
_LOOKS_FOR_ASKER: Final = 0.5
"""Seconds between two looks whether whoever asked for futures is there still."""
_MOST_BUDGET: Final = 10_000
"""Milliseconds that futures are made for at most."""
_KEPT_KINDS: Final = frozenset({"", "job", "sweep", "schedule"})
"""Kinds of what the server keeps; empty where only a name is given."""


@dataclass(frozen=True, slots=True)
class ToldGap:
    """Something that could not be seen; see `Gap`."""

    what: str
    namespace: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class AnswerSource:
    """A cluster, or another back end, that an answer rests on.

    Attributes:
        name: of it.
        kind: ``cluster``, ``machine`` or ``slurm``.
        state: ``current``; ``stale``: it does not answer, and is told as it was; ``silent``: nothing is known of it.
        observed_at: RFC 3339, when what is told was seen; empty where nothing was.
        age_seconds: since then; None where nothing was seen.
        why: nothing newer is known; empty where it is current.
        gaps: what of it could not be seen.
    """

    name: str
    kind: str
    state: str
    observed_at: str
    age_seconds: int | None
    why: str
    gaps: tuple[ToldGap, ...]


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """An answer.

    Attributes:
        sources: what it rests on.
        partial: whether something that belongs to it could not be seen.
        stale: whether some of it is told as it was when it was seen last.
        document: as the command gives it with ``-o json``.
    """

    sources: tuple[AnswerSource, ...]
    partial: bool
    stale: bool
    document: dict[str, Any]


ANSWER: Final = JsonValue("answer", GivenAnswer)
_Words = Annotated[list[str] | None, Query()]


@dataclass(frozen=True, slots=True)
class AskedPlace:
    """Where a question is asked.

    Attributes:
        view: team whose view is meant; empty for the caller's.
        clusters: names; empty for all.
    """

    view: str
    clusters: tuple[str, ...]


def _place(view: str = "", cluster: _Words = None) -> AskedPlace:
    return AskedPlace(view, tuple(cluster or ()))


AskedWhere = Annotated[AskedPlace, Depends(_place)]


class Answering:
    """Makes answers, in threads that have a place each."""

    def __init__(self, joined: JoinedClusters, places: SimulationPlaces) -> None:
        """Nobody asks yet.

        Args:
            joined: what answers rest on.
            places: of those who ask.
        """
        self.joined = joined
        self._places = places
        self._late: set[asyncio.Future[Response]] = set()

    async def within(
        self, request: Request, asked: Visit, kind: SimulatedCall, make: Callable[[], Response]
    ) -> Response:
        """An answer, if it comes in time.

        Raises:
            TimedOutError: it does not.
        """
        caller = asked.admitted.counts_as
        making = asyncio.ensure_future(self._places.simulating(request, kind, caller, make))
        done, _ = await asyncio.wait({making}, timeout=ANSWERED_IN)
        if done:
            return making.result()
        # A thread cannot be ended: its place is taken until it is done.
        self._late.add(making)
        making.add_done_callback(self._over)
        raise TimedOutError(
            f"no answer in {ANSWERED_IN:g} seconds", why="too much is asked at once", fix="ask for less, or later"
        )

    async def while_wanted(
        self,
        request: Request,
        asked: Visit,
        kind: SimulatedCall,
        make: Callable[[Callable[[], bool]], Response],
    ) -> Response:
        """An answer that is not worked at any more once whoever asked has gone.

        Args:
            request: that may be gone.
            asked: in whose name.
            kind: of the call.
            make: is told by what it is given whether somebody still waits.

        Raises:
            TimedOutError: it does not come in time.
        """
        gone = threading.Event()
        watching = asyncio.ensure_future(_leaving(request, gone))
        try:
            return await self.within(request, asked, kind, partial(make, lambda: not gone.is_set()))
        finally:
            # Nobody waits for what is late either.
            gone.set()
            watching.cancel()

    def _over(self, late: asyncio.Future[Response]) -> None:
        self._late.discard(late)
        if not late.cancelled():
            late.exception()

    def given(
        self,
        asked: Visit,
        where: AskedPlace,
        question: AnswerQuestion,
        make: Callable[[AnswerGround, AnswerQuestion], Document],
        wanted: Callable[[], bool] = STILL_WANTED,
    ) -> Response:
        """An answer of all that is asked, as the caller may see it."""
        scope = self.joined.scope(asked.admitted.rights, where.view)
        if question.since:
            return self._over_a_time(scope, where, question)
        job = self._kept(asked, question) if question.subject and not where.clusters else None
        if job is not None and not job.state.over:
            return self._of_job(asked, scope, job, question, make)
        try:
            ground = replace(self._ground(asked, scope, where.clusters), wanted=wanted)
            return self._made(ground, question, make)
        except NotFoundError:
            if job is None:
                raise
            return self._of_job(asked, scope, job, question, make)

    def _over_a_time(self, scope: AnswerScope, where: AskedPlace, question: AnswerQuestion) -> Response:
        """What was recorded; it rests on what was seen last of each source."""
        document, last = waste_recorded(self.joined.series(scope, where.clusters), scope.declared, question)
        now = self.joined.clock.now()
        return answer_response(tuple(_told(each, age(each.observed_at, now)) for each in last.sources), document)

    def _kept(self, asked: Visit, question: AnswerQuestion) -> StoredJob | None:
        """What the server keeps under that name."""
        kind, _, name = question.subject.rpartition("/")
        if kind not in _KEPT_KINDS:
            return None
        try:
            return asked.jobs.find(name)
        except AllotmentError:
            return None

    def _of_job(
        self,
        asked: Visit,
        scope: AnswerScope,
        job: StoredJob,
        question: AnswerQuestion,
        make: Callable[[AnswerGround, AnswerQuestion], Document],
    ) -> Response:
        """An answer about a job that the server keeps: of its back end, with what is kept of it, and there alone."""
        there = question
        if job.backend in scope.clusters:
            platform = None if scope.declared is None else scope.declared.platform
            team = None if platform is None else platform.team(job.job.team)
            namespace = question.namespace or (team.namespaces[0] if team is not None else "")
            there = replace(question, namespace=namespace)
            heard = next(each for each in self.joined.heard(scope) if each.name == job.backend)
            if heard.away:
                # Nobody waits for it: what it showed last is told, under the name that was asked for.
                return self._made(self._ground(asked, scope, (job.backend,)), there, make)
            there = replace(there, subject=job.id)
        snapshot = asked.jobs.snapshot(job.backend, scope.team)
        return self._made(AnswerGround(snapshot, scope, self.joined.clock), there, make)

    def _ground(self, asked: Visit, scope: AnswerScope, clusters: Sequence[str]) -> AnswerGround:
        snapshot = self.joined.snapshot(scope, clusters, asked.jobs.snapshot)
        return AnswerGround(snapshot, scope, self.joined.clock)

    def _made(
        self, ground: AnswerGround, question: AnswerQuestion, make: Callable[[AnswerGround, AnswerQuestion], Document]
    ) -> Response:
        document = answered(make, ground, question)
        now = ground.clock.now()
        sources = tuple(_told(each, age(each.observed_at, now)) for each in ground.snapshot.sources)
        return answer_response(sources, document)

    def clusters(self, asked: Visit, view: str) -> Response:
        """How each cluster does that the caller may know of."""
        scope = self.joined.scope(asked.admitted.rights, view)
        now = self.joined.clock.now()
        heard = self.joined.heard(scope)
        platform = None if scope.declared is None else scope.declared.platform
        return answer_response((), cluster_states_document(heard, platform, now, with_errors=scope.whole))

    def teams(self, asked: Visit, view: str) -> Response:
        """The teams that are declared, as far as the caller may read it."""
        declared = self.joined.scope(asked.admitted.rights, view).declared
        return answer_response((), teams_document(() if declared is None else declared.platform.teams))


async def _leaving(request: Request, gone: threading.Event) -> None:
    """Say so once whoever asked is gone."""
    while not await request.is_disconnected():
        await asyncio.sleep(_LOOKS_FOR_ASKER)
    gone.set()


def _told(source: Source, seconds: int | None) -> AnswerSource:
    state = "silent" if source.unreached else "stale" if source.stale else "current"
    seen = not source.unreached
    return AnswerSource(
        name=source.name,
        kind=source.kind,
        state=state,
        observed_at=source.observed_at if seen else "",
        age_seconds=seconds if seen else None,
        why=source.unreached or source.stale,
        gaps=tuple(ToldGap(each.what, each.namespace, each.reason, each.detail) for each in source.gaps if seen),
    )


def answer_response(sources: tuple[AnswerSource, ...], document: Document) -> Response:
    """An answer of a document and what it rests on."""
    lacking = any(each.state == "silent" or _lacks(each.gaps) for each in sources)
    stale = any(each.state == "stale" for each in sources)
    return value_answer("answer", GivenAnswer(sources, lacking, stale, versioned(document)))


def _lacks(gaps: tuple[ToldGap, ...]) -> bool:
    """Whether something is missing that the caller might have seen: what is hidden from a team is no lack."""
    return any(each.reason != "hidden" for each in gaps)


def add_answer_routes(routes: Routes, answering: Answering) -> None:
    """What the answering commands tell."""
    for name, make in QUICK.items():
        _add_quick(routes, answering, name, make)
    _add_simulated(routes, answering)
    _add_what_if(routes, answering)

    @routes.add("GET", "/api/v1/answers/clusters", Permission.READ, gives=ANSWER)
    async def clusters(request: Request, asked: Asked, view: str = "") -> Response:
        return await answering.within(request, asked, SimulatedCall.COUNT, partial(answering.clusters, asked, view))

    @routes.add("GET", "/api/v1/answers/teams", Permission.READ, gives=ANSWER)
    async def teams(request: Request, asked: Asked, view: str = "") -> Response:
        return await answering.within(request, asked, SimulatedCall.COUNT, partial(answering.teams, asked, view))

    @routes.add("GET", "/api/v1/answers/causes", Permission.READ, gives=ANSWER)
    def causes(asked: Asked) -> Response:
        del asked  # they are the same for everybody
        return answer_response((), causes_document(CAUSES))

    @routes.add("GET", "/api/v1/answers/causes/{code}", Permission.READ, gives=ANSWER)
    def cause(asked: Asked, code: str) -> Response:
        del asked
        entry = cause_named(code)
        return answer_response((), cause_page_document(entry, page_of(entry)))


def _add_quick(
    routes: Routes, answering: Answering, name: str, make: Callable[[AnswerGround, AnswerQuestion], Document]
) -> None:
    parameters = _PARAMETERS.get(name, _nothing_else)

    async def given(
        request: Request, asked: Asked, where: AskedWhere, question: Annotated[AnswerQuestion, Depends(parameters)]
    ) -> Response:
        call = partial(answering.given, asked, where, question, make)
        return await answering.within(request, asked, SimulatedCall.COUNT, call)

    given.__name__ = given.__qualname__ = name.replace("-", "_")
    # The annotations of a nested function are read where it is made known.
    given.__annotations__ = {
        "request": Request,
        "asked": Asked,
        "where": AskedWhere,
        "question": Annotated[AnswerQuestion, Depends(parameters)],
        "return": Response,
    }
    routes.add("GET", f"/api/v1/answers/{name}", Permission.READ, gives=ANSWER)(given)


def _nothing_else() -> AnswerQuestion:
    return AnswerQuestion()


def _who(accelerator: str = "", team: str = "", namespace: str = "") -> AnswerQuestion:
    return AnswerQuestion(accelerator=accelerator, team=team, namespace=namespace)


def _quotas(namespace: str = "", all: bool = False) -> AnswerQuestion:  # noqa: A002, FBT001, FBT002 (queries)
    return AnswerQuestion(namespace=namespace, everything=all)


def _waste(by: str = "cause", idle: _Words = None, since: str = "") -> AnswerQuestion:
    if by not in {"cause", "team", "node"}:
        raise UsageError(f"there are no rows by {by}", fix="ask by cause, team or node")
    if since and since != ALL_RECORDED:
        milliseconds(since)
    return AnswerQuestion(by=by, idle=tuple(idle or ()), since=since)


_PARAMETERS: Final[Mapping[str, Callable[..., AnswerQuestion]]] = {"who": _who, "quotas": _quotas, "waste": _waste}


def _add_simulated(routes: Routes, answering: Answering) -> None:
    async def told(request: Request, asked: Visit, where: AskedPlace, name: str, question: AnswerQuestion) -> Response:
        call = partial(answering.given, asked, where, question, SIMULATED[name])
        return await answering.within(request, asked, SimulatedCall.FORESEE, call)

    @routes.add("GET", "/api/v1/answers/why", Permission.READ, gives=ANSWER)
    async def why_all(request: Request, asked: Asked, where: AskedWhere, namespace: str = "") -> Response:
        return await told(request, asked, where, "why", AnswerQuestion(namespace=namespace))

    @routes.add("GET", "/api/v1/answers/why/{reference}", Permission.READ, gives=ANSWER)
    async def why_one(
        request: Request,
        asked: Asked,
        where: AskedWhere,
        reference: str,
        kind: str = "",
        namespace: str = "",
        remedies: bool = True,  # noqa: FBT001, FBT002 (a query)
    ) -> Response:
        question = AnswerQuestion(subject=_subject(kind, reference), namespace=namespace, remedies=remedies)
        return await told(request, asked, where, "why", question)

    @routes.add("GET", "/api/v1/answers/when", Permission.READ, gives=ANSWER)
    async def when_all(
        request: Request, asked: Asked, where: AskedWhere, wanted: Annotated[AnswerQuestion, Depends(_wishes)]
    ) -> Response:
        return await told(request, asked, where, "when", wanted)

    @routes.add("GET", "/api/v1/answers/when/{reference}", Permission.READ, gives=ANSWER)
    async def when_one(
        request: Request,
        asked: Asked,
        where: AskedWhere,
        reference: str,
        wanted: Annotated[AnswerQuestion, Depends(_wishes)],
        kind: str = "",
    ) -> Response:
        return await told(request, asked, where, "when", replace(wanted, subject=_subject(kind, reference)))

    @routes.add("GET", "/api/v1/answers/capacity", Permission.READ, gives=ANSWER)
    async def capacity(request: Request, asked: Asked, where: AskedWhere, shape: _Words = None) -> Response:
        return await told(request, asked, where, "capacity", AnswerQuestion(shapes=shapes_of(shape or ())))


def _add_what_if(routes: Routes, answering: Answering) -> None:
    @routes.add("GET", "/api/v1/answers/whatif", Permission.READ, gives=ANSWER)
    async def what_if(
        request: Request, asked: Asked, where: AskedWhere, question: Annotated[AnswerQuestion, Depends(_what_if)]
    ) -> Response:
        def made(wanted: Callable[[], bool]) -> Response:
            return answering.given(asked, where, question, changed_futures, wanted)

        return await answering.while_wanted(request, asked, SimulatedCall.FORESEE, made)


def _what_if(
    change: _Words = None,
    namespace: str = "",
    all: bool = False,  # noqa: A002, FBT001, FBT002 (a query)
    budget: str = "5s",
    seed: Annotated[int, Query(ge=0, le=1 << 32)] = 0,
) -> AnswerQuestion:
    wishes = StartWishes(budget=min(milliseconds(budget), _MOST_BUDGET) / 1000)
    changes = changes_of(change or ())
    return AnswerQuestion(namespace=namespace, everything=all, wishes=wishes, seed=seed, changes=changes)


def _subject(kind: str, name: str) -> str:
    return f"{kind}/{name}" if kind else name


def _wishes(
    namespace: str = "",
    confidence: Annotated[int, Query(ge=50, le=99)] = 80,
    runs: Annotated[int, Query(ge=10, le=100)] = 100,
    horizon: str = "7d",
    budget: str = "5s",
    submissions: str = "past",
    seed: Annotated[int, Query(ge=0, le=1 << 32)] = 0,
) -> AnswerQuestion:
    if submissions not in {"past", "none"}:
        raise UsageError(f"there are no such submissions: {submissions}", fix="say past or none")
    wishes = StartWishes(
        coverage=confidence / 100,
        horizon=milliseconds(horizon),
        futures=runs,
        budget=min(milliseconds(budget), _MOST_BUDGET) / 1000,
        replay=submissions == "past",
    )
    return AnswerQuestion(namespace=namespace, wishes=wishes, seed=seed)
