"""What of a grant has to stand in the directory, and what is done so that it does: by state, time and what is found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.errors import quoted
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.terms import RequestKind
from allotment.requests.giving import GrantStep, StepKind, named, steps, wanted
from allotment.requests.granting import ended, extended, restored, text_digest
from tests.unit.requests.cases import DAY, HOUR, START, approved, grant, taken, terms, text_of

END = START + 72 * HOUR
DUE = grant()
TEXT = text_of(wanted([DUE], START)["r0000001"])
ACTIVE = replace(DUE, state=GrantState.ACTIVE, written=text_digest(TEXT))
GIVING = replace(DUE, state=GrantState.GIVING)
LONGER = extended(ACTIVE, replace(approved(4, extends=DUE.id), terms=terms(4, hours=96)), 30, START)
LONG_TEXT = text_of(wanted([LONGER], START)["r0000001"])
TAKING_BACK = replace(ACTIVE, state=GrantState.TAKING_BACK)
CONFLICT = replace(ACTIVE, state=GrantState.CONFLICT, trouble="edited")
STRAY = replace(CONFLICT, written="")
"""There was a file of its name when it was to begin."""
OWN_WORDS = replace(ACTIVE, written=text_digest("own words"))
KEPT = replace(OWN_WORDS, state=GrantState.GIVING, by_hand=True)
"""People have decided to keep it so, and it is not applied yet."""
LEFT = replace(TAKING_BACK, written="", by_hand=True)
"""It ends, and its file is its writer's own."""
ENDED = replace(DUE, state=GrantState.ENDED)
OTHER = "somebody else's"
EDITED = f"line 1 is {quoted(OTHER)}, agreed on was {quoted(TEXT.splitlines()[0], 60)}"


def step(each: TeamGrant, found: str | None, now: int) -> GrantStep | None:
    done = steps([each], {each.id: found}, now, text_of)
    assert len(done) <= 1
    return done[0] if done else None


NOTHING = None
DISGUISED = replace(DUE, kind=RequestKind.ENDPOINT)
"""Devices that were approved as something else."""
GIVES = (GrantState.GIVING, GrantState.ACTIVE)
TAKES = (GrantState.TAKING_BACK, GrantState.ENDED)


@pytest.mark.parametrize(
    ("each", "found", "now", "kind", "states"),
    [
        # Its time has not come, or has passed without anybody there.
        (DUE, None, START - 1, NOTHING, None),
        (DUE, OTHER, START - 1, NOTHING, None),
        (DUE, None, END, StepKind.NOTE, (GrantState.DUE, GrantState.ENDED)),
        (DUE, OTHER, END, StepKind.NOTE, (GrantState.DUE, GrantState.ENDED)),
        # It begins.
        (DUE, None, START, StepKind.WRITE, GIVES),
        (DUE, TEXT, START, StepKind.APPLY, GIVES),
        (DUE, OTHER, START, StepKind.CONFLICT, (GrantState.DUE, GrantState.CONFLICT)),
        (GIVING, None, START, StepKind.WRITE, GIVES),
        (GIVING, TEXT, START, StepKind.APPLY, GIVES),
        (GIVING, OTHER, START, StepKind.CONFLICT, (GrantState.GIVING, GrantState.CONFLICT)),
        (replace(ACTIVE, kind=RequestKind.ENDPOINT), TEXT, END, StepKind.REMOVE, TAKES),
        # It goes on.
        (ACTIVE, TEXT, END - 1, NOTHING, None),
        (OWN_WORDS, "own words", START, NOTHING, None),
        (ACTIVE, None, START, StepKind.CONFLICT, (GrantState.ACTIVE, GrantState.CONFLICT)),
        (ACTIVE, OTHER, START, StepKind.CONFLICT, (GrantState.ACTIVE, GrantState.CONFLICT)),
        # It is extended: the old text or the new one may lie there.
        (LONGER, TEXT, START, StepKind.WRITE, GIVES),
        (LONGER, LONG_TEXT, START, StepKind.APPLY, GIVES),
        (LONGER, None, START, StepKind.CONFLICT, (GrantState.GIVING, GrantState.CONFLICT)),
        (LONGER, OTHER, START, StepKind.CONFLICT, (GrantState.GIVING, GrantState.CONFLICT)),
        # Its time is over.
        (ACTIVE, TEXT, END, StepKind.REMOVE, TAKES),
        (ACTIVE, None, END, StepKind.APPLY, TAKES),
        (ACTIVE, OTHER, END, StepKind.CONFLICT, (GrantState.ACTIVE, GrantState.CONFLICT)),
        (OWN_WORDS, "own words", END, StepKind.REMOVE, TAKES),
        (OWN_WORDS, OTHER, END, StepKind.CONFLICT, (GrantState.ACTIVE, GrantState.CONFLICT)),
        (GIVING, TEXT, END, StepKind.REMOVE, TAKES),
        (GIVING, None, END, StepKind.APPLY, TAKES),
        (LONGER, TEXT, START + 96 * HOUR, StepKind.REMOVE, TAKES),
        (LONGER, LONG_TEXT, START + 96 * HOUR, StepKind.REMOVE, TAKES),
        (TAKING_BACK, TEXT, END, StepKind.REMOVE, TAKES),
        (TAKING_BACK, None, END, StepKind.APPLY, TAKES),
        (TAKING_BACK, OTHER, END, StepKind.CONFLICT, (GrantState.TAKING_BACK, GrantState.CONFLICT)),
        # A clock that is set back brings nothing back.
        (TAKING_BACK, TEXT, START, StepKind.REMOVE, TAKES),
        (ENDED, None, START, NOTHING, None),
        (ENDED, TEXT, START, NOTHING, None),
        # In conflict, people decide, unless nothing is left to be decided.
        (CONFLICT, OTHER, START, NOTHING, None),
        (CONFLICT, None, START, NOTHING, None),
        (CONFLICT, TEXT, START, StepKind.APPLY, GIVES),
        (CONFLICT, OTHER, END, NOTHING, None),
        (CONFLICT, None, END, StepKind.APPLY, TAKES),
        (CONFLICT, TEXT, END, StepKind.REMOVE, TAKES),
        (STRAY, None, START, StepKind.WRITE, GIVES),
        (STRAY, OTHER, START, NOTHING, None),
        (replace(LONGER, state=GrantState.CONFLICT), TEXT, START, NOTHING, None),
        (replace(LONGER, state=GrantState.CONFLICT), LONG_TEXT, START, StepKind.APPLY, GIVES),
        # What people have decided to keep is applied as it is; changed once more, it is decided on once more.
        (KEPT, "own words", START, StepKind.APPLY, GIVES),
        (KEPT, OTHER, START, StepKind.CONFLICT, (GrantState.GIVING, GrantState.CONFLICT)),
        (KEPT, None, START, StepKind.CONFLICT, (GrantState.GIVING, GrantState.CONFLICT)),
        (KEPT, "own words", END, StepKind.REMOVE, TAKES),
        (LEFT, OTHER, START, StepKind.APPLY, TAKES),
        (LEFT, TEXT, END, StepKind.APPLY, TAKES),
        (LEFT, None, START, StepKind.APPLY, TAKES),
    ],
)
def test_a_step(
    each: TeamGrant, found: str | None, now: int, kind: StepKind | None, states: tuple[GrantState, GrantState] | None
) -> None:
    done = step(each, found, now)

    assert (None if done is None else done.kind) == kind
    if done is None:
        return
    assert (done.meanwhile.state, done.after.state) == states
    assert done.found == found
    assert (done.text != "") == (kind is StepKind.WRITE)
    if done.after.state is GrantState.ACTIVE:
        assert done.after.written == text_digest(done.text or found or "")
    assert done.after.written == "" or done.after.state is not GrantState.ENDED
    # What is noted rises, and is noted once: what was kept before a crash is not kept again.
    assert each.revision <= done.meanwhile.revision < done.after.revision
    assert step(done.meanwhile, found, now) == done
    assert (done.meanwhile == each) == (done.meanwhile.state is each.state)


def test_what_was_done_and_not_noted_is_seen_to_be_done() -> None:
    written = step(DUE, None, START)
    assert written is not None
    again = step(written.meanwhile, written.text, START)
    assert again is not None
    assert (again.kind, again.after) == (StepKind.APPLY, written.after)

    removed = step(ACTIVE, TEXT, END)
    assert removed is not None
    again = step(removed.meanwhile, None, END)
    assert again is not None
    assert (again.kind, again.after) == (StepKind.APPLY, removed.after)


@pytest.mark.parametrize(
    ("each", "found", "said"),
    [
        (DUE, OTHER, f"where its file was to be written somebody else's is: {EDITED}"),
        (GIVING, OTHER, f"where its file was to be written somebody else's is: {EDITED}"),
        (replace(GIVING, commit="c" * 40), OTHER, f"its file was changed by somebody else: {EDITED}"),
        (ACTIVE, None, "its file was removed by somebody else"),
        (ACTIVE, OTHER, f"its file was changed by somebody else: {EDITED}"),
    ],
)
def test_a_conflict_says_what_is_wrong(each: TeamGrant, found: str | None, said: str) -> None:
    done = step(each, found, START)

    assert done is not None
    assert done.after.trouble == (
        f"{said}; `allot grant keep {each.id}` lets it stand, "
        f"`allot grant restore {each.id}` brings back what was agreed"
    )
    assert done.after.terms == each.terms
    ours = named(done, "Ada in commit 1a2b3c4d5e6f").after
    assert "by Ada in commit 1a2b3c4d5e6f" in ours.trouble
    assert "by somebody else" not in ours.trouble


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ("name: x\ndevices: 8\n", 'line 2 is "devices: 8", agreed on was "devices: 4"'),
        ("name: x\ndevices: 4\nnote: mine\n", 'line 3 is "note: mine"'),
        ("name: x\n", 'line 2, "devices: 4", is missing'),
        ("name: x\r\ndevices: 4", "only spaces or ends of lines differ"),
    ],
)
def test_a_conflict_names_the_line_that_is_another(found: str, said: str) -> None:
    (done,) = steps([ACTIVE], {ACTIVE.id: found}, START, lambda _: "name: x\ndevices: 4\n")

    assert f"by somebody else: {said}; " in done.after.trouble

    lent = replace(ACTIVE, terms=replace(ACTIVE.terms, taken=(taken(1),)))
    (done,) = steps([lent], {lent.id: "team: cv\n"}, START, lambda _: "name: x\n")
    assert "by somebody else: line 1 is not as agreed on; " in done.after.trouble


@pytest.mark.parametrize("found", [OTHER, None])
def test_what_people_decided_to_restore_is_written_over_what_they_saw_and_nothing_else(found: str | None) -> None:
    decided = restored(CONFLICT, found, START)
    done = step(decided, found, START)
    assert done is not None
    assert (done.kind, done.text) == (StepKind.WRITE, TEXT)

    again = step(decided, "changed once more", START)
    assert again is not None
    assert again.kind is StepKind.CONFLICT

    over = step(restored(CONFLICT, OTHER, END), OTHER, END)
    assert over is not None
    assert over.kind is StepKind.REMOVE


def test_a_grant_that_nobody_came_to_give_costs_nothing() -> None:
    done = step(replace(DUE, terms=terms(4, price=99)), None, END)

    assert done is not None
    assert done.after.terms.price == 0


def test_a_grant_that_is_ended_while_it_is_given_is_taken_back() -> None:
    out = ended(GIVING, START + HOUR)

    for found, kind in ((None, StepKind.APPLY), (TEXT, StepKind.REMOVE), (OTHER, StepKind.CONFLICT)):
        done = step(out, found, START + HOUR)
        assert done is not None
        assert done.kind is kind


ENDPOINT = replace(DUE, kind=RequestKind.ENDPOINT, subject="chat", terms=terms(0), approved=(terms(0),))


def test_what_is_no_quota_has_no_file_and_the_same_states() -> None:
    seen = []
    each, now = ENDPOINT, START
    while (done := step(each, OTHER, now)) is not None:
        seen += [done.kind, done.meanwhile.state, done.after.state]
        each, now = done.after, END

    assert seen == [StepKind.APPLY, *GIVES, StepKind.APPLY, *TAKES]
    assert step(replace(ENDPOINT, state=GrantState.ACTIVE), None, END - 1) is None
    assert wanted([ENDPOINT], START) == {}


def test_what_should_be_there() -> None:
    later = replace(grant(2, since=START + DAY), id="r0000002")
    all_ = [ACTIVE, CONFLICT, later, ENDED, TAKING_BACK, ENDPOINT]

    assert [*wanted([each for each in all_ if each.id == ACTIVE.id and each.state is GrantState.ACTIVE], START)] == [
        DUE.id
    ]
    assert wanted([later], START) == {}
    assert wanted([ENDED, TAKING_BACK], START) == {}
    (declared,) = wanted([later, ENDED], START + DAY).values()
    assert (declared.name, declared.team, declared.reason) == ("r0000002", "nlp", "request r0000002 of ann")
    assert (declared.since, declared.until, declared.shares) == (START + DAY, START + 4 * DAY, later.terms.shares)
    assert wanted([ACTIVE], END) == {}
    assert [*wanted([CONFLICT], START)] == [DUE.id]


def test_devices_of_another_kind_are_never_written() -> None:
    done = step(DISGUISED, None, START)

    assert done is not None
    assert (done.kind, done.text, done.after.written) == (StepKind.APPLY, "", "")
    assert wanted([DISGUISED], START) == {}
