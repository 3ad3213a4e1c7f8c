"""Terms that cannot be are refused with what is wrong; no more is no more, of what is given and what is taken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.errors import UsageError
from allotment.model.moments import LATEST
from allotment.model.requests.terms import RequestKind, Terms
from allotment.requests.sound_terms import check_terms, gives_no_more
from tests.unit.requests.cases import DAY, START, share, taken, terms, wish

TWICE = terms(shares=(share(1), share(2)))


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        (terms(0), "no devices are asked for"),
        (terms(shares=(share(0, cpu=8_000),)), "no devices are asked for"),
        (terms(shares=(share(0),)), "a share of a100-spot in training gives nothing, or less"),
        (terms(shares=(share(-1, cpu=5),)), "a share of a100-spot in training gives nothing, or less"),
        (TWICE, "a cluster and flavor stands there twice"),
        (terms(4, taking=(taken(1), taken(1))), "a cluster and flavor stands there twice"),
        (terms(4, taking=(taken(3), taken(2, "recsys"))), "more is taken in training than is given there"),
        (terms(4, taking=(taken(1, flavor="h100"),)), "more is taken in training than is given there"),
        (terms(4, hours=0), "it would end before it begins"),
        (terms(4, hours=-1), "it would end before it begins"),
        (replace(terms(4), until=START + 1), "it would end within the second in which it begins"),
        (terms(4, hours=24, since=START - DAY), "its time is over"),
        (terms(4, since=LATEST), "a time lies beyond all calendars"),
        (terms(4, since=-1), "a time lies beyond all calendars"),
        (terms(4, hours=30 * 24 + 1), "quota is given for at most 30 days"),
        (terms(4, hours=None), "quota is given for at most 30 days"),
        (terms(4, price=-1), "a price below nothing cannot be"),
    ],
)
def test_what_cannot_be_is_refused(asked: Terms, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_terms(wish(), asked, 30, START)

    assert caught.value.what == what
    assert caught.value.fix


@pytest.mark.parametrize(
    ("kind", "asked", "longest"),
    [
        (RequestKind.GPUS, terms(4, hours=30 * 24), 30),
        (RequestKind.GPUS, terms(4, hours=None), None),
        (RequestKind.GPUS, terms(4, taking=(taken(3), taken(1, "recsys"))), 30),
        (RequestKind.GPUS, terms(4, hours=25, since=START - DAY), 30),
        (RequestKind.ENDPOINT, terms(0, hours=None), 30),
        (RequestKind.VOLUME, terms(0, hours=99 * 24), 30),
    ],
    ids=["as long as may be", "for good", "all of it taken", "begun", "no quota, for good", "no quota, for long"],
)
def test_what_can_be_is_taken(kind: RequestKind, asked: Terms, longest: int | None) -> None:
    check_terms(wish(kind), asked, longest, START)


@pytest.mark.parametrize("kind", [each for each in RequestKind if each is not RequestKind.GPUS])
@pytest.mark.parametrize("asked", [terms(8), terms(shares=(share(0, cpu=8_000),))], ids=["devices", "CPU alone"])
def test_devices_are_given_as_devices_alone(kind: RequestKind, asked: Terms) -> None:
    """Else the route of another kind decides on them."""
    with pytest.raises(UsageError, match="gives no devices"):
        check_terms(wish(kind), asked, 30, START)


@pytest.mark.parametrize(
    ("one", "no_more"),
    [
        (terms(4, taking=(taken(2),)), True),
        (terms(3, taking=(taken(1),)), True),
        (terms(4), True),
        (terms(4, hours=71), True),
        (terms(4, hours=71, since=START + 1), True),
        (terms(5), False),
        (terms(4, hours=73), False),
        (terms(4, hours=None), False),
        (terms(4, since=START - 1), False),
        (terms(4, taking=(taken(3),)), False),
        (terms(4, taking=(taken(1, "recsys"),)), False),
        (terms(shares=(share(1, flavor="h100"),)), False),
    ],
)
def test_no_more_is_no_more(one: Terms, *, no_more: bool) -> None:
    whole = terms(4, taking=(taken(2),))

    assert gives_no_more(one, whole) is no_more
