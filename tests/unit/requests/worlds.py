"""A small world for properties: people who ask, decide and edit files, a clock, and a server that may stop anywhere.

It checks itself against what it was told and not by the code under test: who may decide on how much is a table of its
own here, and what was approved is written down when it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from allotment.errors import AllotmentError
from allotment.model.requests.grant import DeclaredGrant, GrantState, TeamGrant
from allotment.model.requests.request import DecisionRecord, GrantRequest, RequestAct, RequestState
from allotment.model.requests.terms import Terms
from allotment.requests.deadlines import due_acts
from allotment.requests.giving import GrantStep, StepKind, steps, wanted
from allotment.requests.granting import check_extension, ended, extended, grant_of, kept, restored
from allotment.requests.pricing import price_of
from allotment.requests.transitions import Deed, Draft, Shown, moved, submitted
from tests.unit.requests.cases import (
    ADA,
    ANN,
    BOB,
    DEE,
    EVE,
    HOUR,
    LEA,
    MILLION,
    RULES,
    START,
    USUAL,
    declared_in,
    gate,
    share,
    text_of,
    wish,
)

PEOPLE = (ANN, LEA, BOB, DEE, ADA, EVE)
GATES = replace(USUAL, gates=(gate("large", "leadership", least=8), gate("small", "", most=2)))
"""What nobody has to decide on here is small: a price or a budget would open nothing."""
HOUSE = replace(RULES, approvals=GATES)
AWAY = range(START + 20 * HOUR, START + 44 * HOUR)
PRICES = {("training", "a100-spot"): MILLION}
GARBAGE = "{"
NO_TEXT = "nobody writes this"
MOST_ROUNDS = 10
"""Looks at the directory after which nothing is left to be done."""


def may_give(request: GrantRequest) -> bool:
    """Whether somebody who may has said yes: by the world's own table of who decides on how much."""
    record = request.decisions[-1]
    if not record.by:
        return record.terms.devices <= 2
    decided = request.decisions[-2] if record.act is RequestAct.ACCEPT else record
    from_above = request.asked.devices >= 8 or decided.at >= request.created + 24 * HOUR
    leaders = {"ada", "bob"} | ({"dee"} if decided.at in AWAY else set())
    if decided.by in leaders - {"ada"}:
        return from_above or decided.terms.devices >= 8
    if decided.terms.devices >= 8:
        return decided.by == "ada"
    own = decided.by == request.requester and not from_above
    return not own and (decided.by == "ada" or (decided.by == "lea" and request.asked.devices < 8))


class World:
    """What there is, and what may be done with it.

    Attributes:
        given: by grant, everything that was approved of it.
        ours: text of each file as the server left it.
        theirs: names of files that somebody has changed and nobody has decided about.
        given_up: text of files that people have decided to replace.
    """

    def __init__(self) -> None:
        self.now = START
        self.requests: dict[str, GrantRequest] = {}
        self.grants: dict[str, TeamGrant] = {}
        self.files: dict[str, str] = {}
        self.given: defaultdict[str, list[Terms]] = defaultdict(list)
        self.ours: dict[str, str] = {}
        self.theirs: set[str] = set()
        self.given_up: dict[str, str | None] = {}

    # The code under test, which worlds that break a promise have otherwise

    def moved(self, request: GrantRequest, act: RequestAct, deed: Deed) -> GrantRequest:
        return moved(request, act, deed, HOUSE)

    def extended(self, grant: TeamGrant, request: GrantRequest) -> TeamGrant:
        return extended(grant, request, GATES.longest, self.now)

    def steps(self) -> tuple[GrantStep, ...]:
        return steps(self.grants.values(), self.files, self.now, text_of)

    # What people do; what is refused leaves everything as it was

    def submit(self, who: int, devices: int, hours: int, delay: int, about: int | None) -> None:
        grant = self._grant(about)
        since = self.now + delay * HOUR
        if grant is not None and delay % 2 and grant.terms.until is not None:
            since = grant.terms.until
        id_ = f"r{len(self.requests):07}"
        draft = Draft(
            id_,
            wish(),
            _terms(devices, since, hours),
            PEOPLE[who].name,
            self.now,
            "test",
            grant.id if grant else "",
            Shown(extends=grant),
        )
        try:
            request = submitted(draft, GATES)
            if grant is not None:
                check_extension(grant, request, GATES.longest, self.now)
            self._take(request)
        except AllotmentError:
            return

    def act(self, who: int, which: int, act: RequestAct, devices: int, hours: int) -> None:
        request = _nth(self.requests, which)
        if request is None:
            return
        terms = _terms(devices, request.terms.since, hours) if devices else None
        try:
            self._take(self.moved(request, act, Deed(self.now, PEOPLE[who], "test", terms=terms)))
        except AllotmentError:
            return

    def end(self, which: int) -> None:
        grant = self._grant(which)
        if grant is not None:
            try:
                self._keep(ended(grant, self.now))
            except AllotmentError:
                return

    def edit(self, which: int, devices: int) -> None:
        """Change a file by hand: 0 removes it, below that it is garbage."""
        grant = self._grant(which)
        if grant is None:
            return
        text = self.files.pop(grant.id, None)
        stands = declared_in(text) if text else DeclaredGrant(grant.id, "nlp", self.now, None, (), (), "")
        if devices and stands is not None:
            new = text_of(replace(stands, shares=(share(devices),))) if devices > 0 else GARBAGE
            self.files[grant.id] = new
        known = {self.ours.get(grant.id), self.given_up.get(grant.id, NO_TEXT), *_agreed(grant)}
        if self.files.get(grant.id) in known:
            self.theirs.discard(grant.id)
        else:
            self.theirs.add(grant.id)

    def decide(self, which: int, *, keep: bool) -> None:
        grant = self._grant(which)
        if grant is None:
            return
        found = self.files.get(grant.id)
        try:
            if keep:
                stands = None if found is None else declared_in(found)
                self._keep(kept(grant, found, stands, PRICES, self.now))
            else:
                self._keep(restored(grant, found, self.now))
        except AllotmentError:
            return
        self.theirs.discard(grant.id)
        self.ours.pop(grant.id, None)
        self.given_up.pop(grant.id, None)
        if not keep:
            self.given_up[grant.id] = found
        elif found is not None and self.grants[grant.id].state is GrantState.GIVING:
            self.ours[grant.id] = found  # as good as ours; where its grant ends, it is the writer's own

    # What the server does

    def wait(self, hours: int, *crashes: int) -> None:
        """Let time pass, and do what is to be done; before that, begin with it and stop after so many acts."""
        self.now += hours * HOUR
        for each in crashes:
            self.crash(each)
        self.settle()

    def settle(self) -> None:
        for _ in self.work():
            pass
        self.check()

    def crash(self, after: int) -> None:
        """Begin with what is to be done, and stop after so many acts."""
        for _ in islice(self.work(), after):
            pass

    def work(self) -> Iterator[None]:
        """What is to be done, one act after another, each of which may be the last."""
        for due in due_acts(self.requests.values(), GATES, self.now):
            self._take(self.moved(self.requests[due.id], due.act, Deed(self.now, None, "the clock")))
            yield
        for _ in range(MOST_ROUNDS):
            todo = self.steps()
            if not todo:
                return
            for each in todo:
                yield from self.do(each)
        raise AssertionError("it finds no end")

    def do(self, step: GrantStep) -> Iterator[None]:
        if step.meanwhile != self.grants[step.meanwhile.id]:
            self._keep(step.meanwhile)
            yield
        self._on_file(step)
        yield
        self._keep(step.after)
        yield

    def _on_file(self, step: GrantStep) -> None:
        name = step.meanwhile.id
        if step.kind is StepKind.APPLY:
            self.ours.pop(name, None)
            if step.found is not None and step.after.state is GrantState.ACTIVE:
                self.ours[name] = step.found
        if step.kind not in {StepKind.WRITE, StepKind.REMOVE}:
            return
        # A file that was removed before it was noted that it was written counts as not written yet (decision 0026).
        unnoted = step.kind is StepKind.WRITE and step.found is None and not step.meanwhile.written
        assert name not in self.theirs or unnoted, "what somebody wrote is never overwritten"
        self.theirs.discard(name)
        assert self.files.get(name) == step.found
        if step.kind is StepKind.REMOVE:
            del self.files[name]
            self.ours.pop(name, None)
            return
        declared = declared_in(step.text)
        assert declared is not None
        for moment in self._moments(declared):
            assert _devices(declared) <= self._approved(name, moment), "more is given than was approved"
        self.files[name] = self.ours[name] = step.text
        self.given_up.pop(name, None)

    # What holds whatever anybody does

    def check(self) -> None:
        """What holds once everything is done."""
        for name, text in self.files.items():
            if name in self.theirs or self.ours.get(name) != text:
                continue
            declared = declared_in(text)
            assert declared is not None
            assert declared.until is None or self.now < declared.until, "it is left after its end"
            assert _devices(declared) <= self._approved(name, self.now), "more is given than was approved"
        assert not due_acts(self.requests.values(), GATES, self.now)
        for each in self.grants.values():
            assert each.state not in {GrantState.GIVING, GrantState.TAKING_BACK}
            there = each.id in self.files and each.id not in self.theirs and each.id in self.ours
            assert there == (each.state is GrantState.ACTIVE) or each.state is GrantState.CONFLICT

    def _take(self, request: GrantRequest) -> None:
        before = self.requests.get(request.id)
        if request.state is RequestState.APPROVED and before != request:
            self._give(request)
        if before is not None and before != request:
            assert not before.state.over, "a request that is over never moves"
            assert request.revision > before.revision, "revisions rise"
            assert request.decisions[: len(before.decisions)] == before.decisions, "what was decided stays"
        self.requests[request.id] = request

    def _give(self, request: GrantRequest) -> None:
        grant = self.extended(self.grants[request.extends], request) if request.extends else grant_of(request)
        assert may_give(request), "somebody decided who may not"
        self.given[grant.id].append(_last(request).terms)
        if request.extends:
            self._keep(grant)
        else:
            self.grants[grant.id] = grant

    def _keep(self, grant: TeamGrant) -> None:
        before = self.grants[grant.id]
        assert before.state is not GrantState.ENDED, "a grant that has ended never moves"
        assert grant.revision > before.revision, "revisions rise"
        self.grants[grant.id] = grant

    def _approved(self, name: str, moment: int) -> int:
        return max(
            (
                each.devices
                for each in self.given[name]
                if each.since <= moment and (each.until is None or moment < each.until)
            ),
            default=0,
        )

    def _moments(self, declared: DeclaredGrant) -> Iterator[int]:
        """From now on until its end, each moment at which what is approved may change."""
        yield self.now
        for each in self.given[declared.name]:
            for moment in (each.since, each.until):
                if moment is not None and self.now <= moment and (declared.until is None or moment < declared.until):
                    yield moment

    def _grant(self, which: int | None) -> TeamGrant | None:
        return None if which is None else _nth(self.grants, which)


def _agreed(grant: TeamGrant) -> set[str]:
    """Texts that say what was agreed to the letter, whoever writes them."""
    standing = [replace(grant, state=GrantState.ACTIVE, terms=each) for each in (grant.terms, grant.approved[-1])]
    return {text_of(found) for each in standing for found in wanted([each], each.terms.since).values()}


def _last(request: GrantRequest) -> DecisionRecord:
    return request.decisions[-1]


def _terms(devices: int, since: int, hours: int) -> Terms:
    asked = Terms((share(devices),), (), since, since + hours * HOUR, None)
    return replace(asked, price=price_of(asked, PRICES))


def _devices(declared: DeclaredGrant) -> int:
    return sum(each.devices for each in declared.shares)


def _nth(found: dict[str, Any], which: int) -> Any:
    return list(found.values())[which % len(found)] if found else None


def alike(one: World, other: World) -> bool:
    """Whether two worlds have come to the same."""
    return (one.requests, one.grants, one.files) == (other.requests, other.grants, other.files)
