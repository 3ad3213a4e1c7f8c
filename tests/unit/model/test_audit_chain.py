"""Whatever is done to a trail afterwards is found, and a trail that nobody touched is sound."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.model.audit.act import AuditedAct
from allotment.model.audit.chain import (
    BEFORE_ALL,
    AuditEntry,
    ChainBreak,
    ChainCheck,
    ChainHead,
    DamagedEntry,
    chained,
    digest_of,
    heads_in,
)

TEXT = st.text(max_size=12)
ACTS = st.builds(
    AuditedAct,
    at=st.integers(0, 1 << 50),
    details=st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple),
    **{each.name: TEXT for each in fields(AuditedAct) if each.name not in ("at", "details")},
)
TRAILS = st.lists(ACTS, min_size=1, max_size=8).map(lambda acts: list(chained(BEFORE_ALL, acts)))


def breaks(trail: Sequence[AuditEntry | DamagedEntry], heads: Sequence[ChainHead] = ()) -> list[ChainBreak]:
    check = ChainCheck(heads)
    found = [each for entry in trail for each in check.look(entry)]
    return [*found, *check.end()]


def act(number: int = 1, **more: object) -> AuditedAct:
    usual = AuditedAct(1_800_000_000_000 + number, "ada", "local", "unix socket", "job.stop", "done", f"job/j{number}")
    return replace(usual, **more)  # type: ignore[arg-type]


def made(number: int = 6) -> list[AuditEntry]:
    return list(chained(BEFORE_ALL, map(act, range(number))))


@given(TRAILS)
def test_what_nobody_touched_is_sound_and_leads_through_each_of_its_heads(trail: list[AuditEntry]) -> None:
    assert breaks(trail, [each.head for each in trail]) == []
    assert [each.number for each in trail] == list(range(1, len(trail) + 1))


@given(TRAILS, st.data())
def test_a_change_of_any_field_of_any_entry_is_found(trail: list[AuditEntry], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(trail) - 1))
    entry = trail[place]
    name = data.draw(st.sampled_from([each.name for each in fields(AuditedAct)] + ["number", "previous", "digest"]))
    if name in ("at", "number"):
        value: object = data.draw(st.integers(0, 1 << 50))
    elif name == "details":
        value = data.draw(st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple))
    else:
        value = data.draw(TEXT)
    if name in ("number", "previous", "digest"):
        other = replace(entry, **{name: value})
    else:
        other = replace(entry, act=replace(entry.act, **{name: value}))
    changed = [*trail[:place], other, *trail[place + 1 :]]
    assert bool(breaks(changed)) == (other != entry)


@given(ACTS, ACTS)
def test_two_acts_have_one_digest_only_where_they_are_the_same(one: AuditedAct, other: AuditedAct) -> None:
    assert (digest_of("", 1, one) == digest_of("", 1, other)) == (one == other)


def test_no_text_passes_for_another_division_of_the_same_letters() -> None:
    assert digest_of("", 1, act(who="ab", kind="c")) != digest_of("", 1, act(who="a", kind="bc"))
    assert digest_of("", 11, act()) != digest_of("1", 1, act())
    assert digest_of("", 1, act(why="", details=(("a", ""),))) != digest_of("", 1, act(why="a", details=(("", ""),)))


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (lambda trail: trail[:2] + trail[3:], "entries are missing before entry 4: 3 to 3"),
        (lambda trail: trail[1:], "entries are missing before entry 2: 1 to 1"),
        (lambda trail: [*trail[:2], trail[3], trail[2], *trail[4:]], "entry 3 comes after entry 4"),
        (lambda trail: [*trail[:3], trail[2], *trail[3:]], "entry 3 comes after entry 3"),
        (lambda trail: [*trail[:2], DamagedEntry(3, "its details are none"), *trail[3:]], "entry 3 cannot be read"),
        (
            lambda trail: [*trail[:2], *chained(trail[1].head, [act(9)]), *trail[3:]],
            "entry 4 does not follow the entry before it",
        ),
    ],
)
def test_it_says_what_was_done(tamper: Callable[[list[AuditEntry]], list[AuditEntry]], said: str) -> None:
    assert any(each.said.startswith(said) for each in breaks(tamper(made())))


def test_what_was_cut_off_or_made_anew_as_a_whole_shows_by_heads_alone() -> None:
    trail = made()
    heads = [trail[1].head, trail[4].head]
    assert breaks(trail[:4]) == []
    assert [each.said for each in breaks(trail[:4], heads)] == [
        "the chain ends at entry 4, and a head of entry 5 was written down: the newest entries were cut off"
    ]
    anew = list(chained(BEFORE_ALL, [act(number, who="eve") for number in range(6)]))
    assert breaks(anew) == []
    assert [each.number for each in breaks(anew, heads)] == [2, 5]
    assert [each.said for each in breaks([], heads)] == [
        "the chain ends at entry 0, and a head of entry 5 was written down: the newest entries were cut off"
    ]


def test_a_thousand_tampered_copies_are_all_found() -> None:
    rng = random.Random(13)
    trail = made(40)
    heads = [trail[each].head for each in (9, 19, 29, 39)]
    kinds: set[str] = set()
    for _ in range(1000):
        kind, copy = tampered(trail, rng)
        kinds.add(kind)
        assert breaks(copy, heads), kind
    assert kinds == {"changed", "removed", "swapped", "inserted", "cut", "made anew from there"}


def tampered(trail: list[AuditEntry], rng: random.Random) -> tuple[str, list[AuditEntry]]:
    copy = list(trail)
    place = rng.randrange(len(copy) - 1)
    entry = copy[place]
    other = replace(entry.act, **{rng.choice(("who", "verb", "team", "subject", "why", "outcome")): "eve"})
    match rng.randrange(6):
        case 0:
            copy[place] = replace(entry, act=other)
            return "changed", copy
        case 1:
            del copy[place]
            return "removed", copy
        case 2:
            copy[place], copy[place + 1] = copy[place + 1], entry
            return "swapped", copy
        case 3:
            copy.insert(place, entry)
            return "inserted", copy
        case 4:
            return "cut", copy[: place + 1]
        case _:
            before = copy[place - 1].head if place else BEFORE_ALL
            return "made anew from there", [
                *copy[:place], *chained(before, [other, *(each.act for each in copy[place + 1 :])])
            ]  # fmt: skip


def test_heads_are_found_in_any_text() -> None:
    head = made()[-1].head
    text = f"Nov 28 up[7]: {head}\n{head}, said the log; audit head 7 sha256:zz, audit head 0 sha256:{head.digest}\n"
    assert list(heads_in(text)) == [head, head]
    assert list(heads_in(f"{head}f")) == []
    assert str(BEFORE_ALL) not in text
