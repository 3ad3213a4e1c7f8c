"""Whatever anybody does, whenever: no more is given than was approved, nothing is left, nobody's words are lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import GrantRequest, RequestAct, RequestState
from allotment.requests.giving import GrantStep, StepKind, steps
from allotment.requests.granting import ended
from allotment.requests.transitions import Deed, moved
from tests.unit.requests.cases import HOUR, START, declared_in, grant, text_of
from tests.unit.requests.worlds import HOUSE, World, alike

Act = tuple[Any, ...]
"""Name of a method of the world, and what it is called with."""
ADA = 4
SHORT, LONG = 150, 3_000
"""Examples by day, and by night."""

who = st.integers(0, 5)
which = st.integers(0, 3)
devices = st.integers(1, 12)
hours = st.integers(1, 80)
about = st.none() | which

ASKS = st.tuples(st.just("submit"), who, devices, hours, st.integers(0, 5), about)
ACTS = st.tuples(
    st.just("act"), who, which, st.sampled_from(RequestAct), st.just(0) | devices, hours
)  # fmt: skip
EDITS = st.tuples(st.just("edit"), which, st.integers(-1, 12))
DECIDES = st.tuples(st.just("decide"), which, st.booleans())
ENDS = st.tuples(st.just("end"), which)
WAITS = st.tuples(st.just("wait"), st.sampled_from((0, 1, 1, 2, 5, 12, 24, 48)))
CRASHES = st.tuples(st.just("crash"), st.integers(1, 6))
# What takes several acts to come to something, in a row: else few examples would come so far.
GIVEN = st.tuples(st.just("given"), devices, hours, st.sampled_from((0, 0, 0, 1, 4)), about)
OFFERED = st.tuples(st.just("offered"), who, devices, devices, hours, about)
SETTLED = st.tuples(st.just("settled"), which, st.integers(-1, 12), st.booleans())


def scripts(*kinds: st.SearchStrategy[Act]) -> st.SearchStrategy[list[Act]]:
    return st.lists(st.one_of(GIVEN, WAITS, *kinds), min_size=3, max_size=25)


def play(world: World, script: Sequence[Act]) -> World:
    for name, *args in script:
        last = len(world.requests)
        match name:
            case "given":
                world.submit(0, *args)
                world.act(ADA, last, RequestAct.APPROVE, 0, 1)
            case "offered":
                who, asked, given_, hours_, about_ = args
                world.submit(0, asked, hours_, 0, about_)
                world.act(who, last, RequestAct.COUNTER, given_, hours_ + 1)
                world.act(0, last, RequestAct.ACCEPT, 0, 1)
            case "settled":
                world.wait(0)
                world.edit(*args[:2])
                world.wait(0)
                world.decide(args[0], keep=args[2])
            case "decide":
                world.decide(args[0], keep=args[1])
            case _:
                getattr(world, name)(*args)
    world.settle()
    world.wait(31 * 24)
    return world


def everything_holds(script: list[Act]) -> None:
    """The world checks itself after every act; in the end, only what people have to decide about is left."""
    world = play(World(), script)

    for each in world.grants.values():
        assert each.state in {GrantState.ENDED, GrantState.CONFLICT}, each
        assert each.state is GrantState.ENDED or each.id in world.theirs
    assert set(world.files) <= world.theirs | {
        name for name, each in world.grants.items() if each.state is GrantState.ENDED and name not in world.ours
    }


ANYTHING = scripts(ASKS, ACTS, OFFERED, EDITS, DECIDES, SETTLED, ENDS, CRASHES)


@settings(max_examples=SHORT, deadline=None)
@given(ANYTHING)
def test_no_more_is_given_than_was_approved_and_nothing_is_left(script: list[Act]) -> None:
    everything_holds(script)


@pytest.mark.nightly
@settings(max_examples=LONG, deadline=None)
@given(ANYTHING)
def test_no_more_is_given_at_length(script: list[Act]) -> None:
    everything_holds(script)


crashes = st.lists(st.lists(st.integers(1, 8), max_size=3), min_size=1, max_size=5)


def a_crash_changes_nothing(make: Callable[[], World], script: list[Act], stops: list[list[int]]) -> None:
    calm = [(name, *args) for name, *args in script]
    rough = [
        (name, *args, *stops[number % len(stops)]) if name == "wait" else (name, *args)
        for number, (name, *args) in enumerate(script)
    ]

    assert alike(play(make(), calm), play(make(), rough))


@settings(max_examples=SHORT, deadline=None)
@given(scripts(ASKS, ACTS, OFFERED, EDITS, DECIDES, SETTLED, ENDS), crashes)
def test_a_crash_between_any_two_steps_changes_nothing(script: list[Act], stops: list[list[int]]) -> None:
    a_crash_changes_nothing(World, script, stops)


Plan = tuple[int, int, int, int | None]
"""Of a grant: devices, hours until it begins, hours that it lasts, hours after which it is ended early."""

plans = st.lists(
    st.tuples(devices, st.integers(0, 20), st.integers(1, 30), st.none() | st.integers(0, 40)), min_size=1, max_size=4
)


def course(make: Callable[[], World], plans: dict[str, Plan]) -> Iterator[dict[str, str]]:
    """The directory, hour by hour, with these grants of one team."""
    world = make()
    for name, (number, begins, lasts, _) in plans.items():
        each = grant(number, hours=lasts, since=START + begins * HOUR, name=name)
        world.grants[name] = each
        world.given[name] = [each.terms]
    for hour in range(52):
        for number, (*_, ends) in enumerate(plans.values()):
            if ends == hour:
                world.end(number)
        world.settle()
        yield dict(world.files)
        world.now += HOUR


def grants_end_independently(make: Callable[[], World], found: list[Plan]) -> None:
    named = {f"r{number:07}": each for number, each in enumerate(found)}
    alone = {name: list(course(make, {name: each})) for name, each in named.items()}
    for hour, files in enumerate(course(make, named)):
        assert files == {name: text for each in alone.values() for name, text in each[hour].items()}
        standing = [declared_in(text) for text in files.values()]
        assert sum(share.devices for each in standing if each for share in each.shares) == sum(
            number
            for number, begins, lasts, ends in found
            if begins <= hour < begins + lasts and (ends is None or hour < ends)
        )


@settings(max_examples=60, deadline=None)
@given(plans)
def test_grants_of_a_team_add_up_and_end_independently(found: list[Plan]) -> None:
    grants_end_independently(World, found)


# That the promises can be broken: worlds in which something is otherwise


class Anybody(World):
    """Whoever is in another team's group decides too."""

    def moved(self, request: GrantRequest, act: RequestAct, deed: Deed) -> GrantRequest:
        return moved(request, act, deed, replace(HOUSE, admin_groups=("grp-cv",)))


class MoreThanAsked(World):
    """What is approved is not held against what was asked."""

    def moved(self, request: GrantRequest, act: RequestAct, deed: Deed) -> GrantRequest:
        return replace(moved(request, act, replace(deed, terms=None), HOUSE), terms=deed.terms or request.terms)


class SecondThoughts(World):
    """What is over can be approved after all."""

    def moved(self, request: GrantRequest, act: RequestAct, deed: Deed) -> GrantRequest:
        return moved(replace(request, state=RequestState.WAITING, route="platform-lead"), act, deed, HOUSE)


class SameRevision(World):
    def moved(self, request: GrantRequest, act: RequestAct, deed: Deed) -> GrantRequest:
        return replace(moved(request, act, deed, HOUSE), revision=request.revision)


class ForgetsDecisions(World):
    def moved(self, request: GrantRequest, act: RequestAct, deed: Deed) -> GrantRequest:
        after = moved(request, act, deed, HOUSE)
        return replace(after, decisions=after.decisions[-1:])


class LongerThanApproved(World):
    def extended(self, grant: TeamGrant, request: GrantRequest) -> TeamGrant:
        after = super().extended(grant, request)
        return replace(after, terms=replace(after.terms, until=(after.terms.until or 0) + HOUR))


class TakesNothingBack(World):
    def steps(self) -> tuple[GrantStep, ...]:
        return tuple(each for each in super().steps() if each.kind is not StepKind.REMOVE)


class Tramples(World):
    """Files are not looked at."""

    def steps(self) -> tuple[GrantStep, ...]:
        return steps(self.grants.values(), self.ours, self.now, text_of)


GIVE = ("given", 4, 24, 0, None)


@pytest.mark.parametrize(
    ("world", "script", "broken"),
    [
        (Anybody, [("submit", 0, 4, 24, 0, None), ("act", 5, 0, RequestAct.APPROVE, 0, 1)], "who may not"),
        (MoreThanAsked, [("submit", 0, 4, 24, 0, None), ("act", 1, 0, RequestAct.APPROVE, 9, 24)], "more is given"),
        (MoreThanAsked, [("submit", 0, 4, 24, 0, None), ("act", 1, 0, RequestAct.APPROVE, 4, 25)], "more is given"),
        (
            SecondThoughts,
            [
                ("submit", 0, 4, 24, 0, None),
                ("act", 1, 0, RequestAct.DENY, 0, 1),
                ("act", 1, 0, RequestAct.APPROVE, 0, 1),
            ],
            "that is over",
        ),
        (SameRevision, [GIVE], "revisions rise"),
        (
            ForgetsDecisions,
            [
                ("submit", 0, 4, 24, 0, None),
                ("act", 1, 0, RequestAct.COUNTER, 3, 24),
                ("act", 1, 0, RequestAct.COUNTER, 2, 24),
            ],
            "what was decided stays",
        ),
        (LongerThanApproved, [GIVE, ("wait", 1), ("given", 4, 24, 1, 0)], "more is given"),
        (TakesNothingBack, [GIVE, ("wait", 1), ("wait", 24)], "left after its end"),
        (Tramples, [GIVE, ("wait", 1), ("edit", 0, 3), ("wait", 24)], "never overwritten"),
    ],
)
def test_a_promise_can_be_broken(world: type[World], script: list[Act], broken: str) -> None:
    everything_holds(script)
    with pytest.raises(AssertionError, match=broken):
        play(world(), script)


class NotesFirst(World):
    """What is to be done is noted as done before it is."""

    def do(self, step: GrantStep) -> Iterator[None]:
        if step.meanwhile != self.grants[step.meanwhile.id]:
            self._keep(step.meanwhile)
            yield
        self._keep(step.after)
        yield
        self._on_file(step)
        yield


def test_a_crash_can_change_something() -> None:
    script: list[Act] = [GIVE, ("wait", 1)]

    a_crash_changes_nothing(World, script, [[2]])
    with pytest.raises(AssertionError):
        a_crash_changes_nothing(NotesFirst, script, [[2]])


class OneForAll(World):
    """When a grant of the team ends, all do."""

    def end(self, which: int) -> None:
        for name, each in self.grants.items():
            if each.state is GrantState.ACTIVE:
                self.grants[name] = ended(each, self.now)


def test_grants_can_end_together() -> None:
    found: list[Plan] = [(4, 0, 10, 3), (2, 0, 20, None)]

    grants_end_independently(World, found)
    with pytest.raises(AssertionError):
        grants_end_independently(OneForAll, found)
