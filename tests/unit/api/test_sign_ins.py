"""Signing in: whose word counts, once, for this server, and how somebody is called who comes by it."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from dataclasses import replace

import pytest

from allotment.api.doors import TokenDoor
from allotment.api.hardening import Hardened
from allotment.api.jobs import job_api
from allotment.api.sign_in import OidcWords, sign_ins
from allotment.errors import ConflictError, ForbiddenError, NotSignedInError
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.access.permission import AFAR
from allotment.model.access.person import Person
from allotment.model.access.rights import NOBODY
from allotment.model.access.token import ApiToken
from allotment.operations.access.admitting import Doorkeeper
from allotment.operations.access.offers import ANSWERED_WITHIN, SignInOffers
from allotment.operations.access.registry import Registry
from allotment.operations.access.signing_in import SignInSession, shut_out
from tests.unit.api.test_doors import HOST, answered
from tests.unit.api.test_people import HERE, ISSUER, Hall, hall, said_of
from tests.unit.api.test_service import World, no_requests

__all__ = ["hall"]


def test_whose_word_is_used_twice_late_or_of_another_sign_in_is_not_believed(hall: Hall) -> None:
    offer, other = hall.sign_ins.offer(), hall.sign_ins.offer()
    said = said_of(offer, "ada", "nlp-members")
    with pytest.raises(NotSignedInError, match="not signed in"):
        hall.enter(other, said)
    hall.enter(offer, said)
    for nonce in (offer.nonce, "rubbish", ""):
        with pytest.raises(NotSignedInError, match="this sign-in is over"):
            hall.enter(replace(offer, nonce=nonce), said)
    late = hall.sign_ins.offer()
    hall.world.machine.clock.sleep(16 * 60)
    with pytest.raises(NotSignedInError, match="this sign-in is over"):
        hall.enter(late, said_of(late, "ada", "nlp-members"))
    assert [(each.who, each.outcome) for each in hall.acts() if each.verb == "sign-in"] == [
        ("somebody unknown", "denied"), ("oidc:ada@id.acme.example", "done"),
    ]  # fmt: skip


def test_what_was_meant_for_another_server_is_worth_nothing_here(hall: Hall) -> None:
    """Who runs a server of another name hands our offer on, and gets a token that says whom it was for."""
    for told, host in (("evil.example", HERE), ("evil.example", "evil.example"), (HERE, "evil.example")):
        offer = hall.sign_ins.offer()
        with pytest.raises(NotSignedInError):
            hall.enter(offer, said_of(offer, "ada", "nlp-members", host=told), host=host)
    offer = hall.sign_ins.offer()
    assert hall.enter(offer, said_of(offer, "ada", "nlp-members", host="LOCALHOST"), host="localhost").text


def test_another_device_brings_no_nonce_and_each_token_counts_once(hall: Hall) -> None:
    bare = json.dumps({"sub": "ada", "groups": ["nlp-members"], "nonce": None})
    with pytest.raises(NotSignedInError):
        hall.enter(hall.sign_ins.offer(), f"{bare}.signed")
    hall.enter(hall.sign_ins.offer(), f"{bare}.signed", elsewhere=True)
    for signature in ("signed", "signed in another way"):
        with pytest.raises(NotSignedInError, match="not signed in"):
            hall.enter(hall.sign_ins.offer(), f"{bare}.{signature}", elsewhere=True)
    offer, other = hall.sign_ins.offer(), hall.sign_ins.offer()
    with pytest.raises(NotSignedInError):
        hall.enter(other, said_of(offer, "eve", "nlp-members"), elsewhere=True)


def test_who_is_in_no_group_of_ours_is_nothing_here(hall: Hall) -> None:
    with pytest.raises(ForbiddenError, match="is nothing here"):
        hall.session("eve", "sales")
    assert hall.world.machine.store.people() == ()
    assert hall.acts()[-1].outcome == "denied"


def test_a_token_without_the_claim_of_groups_is_told_apart_from_one_of_no_groups(
    hall: Hall, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused() -> ForbiddenError:
        offer = hall.sign_ins.offer()
        said = json.loads(said_of(offer, "eve").rpartition(".")[0])
        del said["groups"]
        with pytest.raises(ForbiddenError) as caught:
            hall.enter(offer, f"{json.dumps(said)}.signed")
        return caught.value

    hall.sign_ins.warn(print)
    told = refused()
    assert 'no claim "groups"' in told.why
    assert "--oidc-scopes 'openid groups'" in told.fix
    assert "ask an owner" not in told.fix
    assert 'no claim "groups"' in hall.acts()[-1].why
    refused()
    assert capsys.readouterr().out.count("--oidc-scopes 'openid groups'") == 1, "whoever runs it is told once"
    with pytest.raises(ForbiddenError) as none:
        hall.session("zoe")
    assert "ask an owner" in none.value.fix
    assert hall.acts()[-1].why == "no group of his is anything here"


def test_somebody_is_who_the_provider_says_whatever_he_is_called(hall: Hall) -> None:
    store = hall.world.machine.store
    hall.session("1", "nlp-members", email="Ada@acme.example")
    hall.session("2", "cv-members", email="ada@acme.example")
    hall.session("1", "nlp-viewers", email="other@acme.example")
    assert [(each.subject, each.name, each.groups) for each in store.people()] == [
        ("1", "ada@acme.example", ("nlp-viewers",)),
        ("2", "oidc:2@id.acme.example", ("cv-members",)),
    ]
    assert all("@" in each.name for each in store.people()), "no user of this machine is called so"


def test_where_no_provider_is_told_of_nobody_signs_in() -> None:
    world = World()
    registry = Registry(world.machine.store, world.machine.clock, os.urandom, "acme", "1")
    app = job_api(world.desk, registry, no_requests, TokenDoor(Doorkeeper(world.machine.store, world.machine.clock)))
    status, _, body = answered(Hardened(app, ("127.0.0.1",), lambda: "r"), "GET", "/api/v1/sign-in", HOST)
    assert (status, json.loads(body)["error"]) == (404, "NotFoundError")


def test_however_many_begin_a_sign_in_nobody_s_own_is_forgotten(hall: Hall) -> None:
    first = hall.sign_ins.offer()
    for _ in range(12_000):
        hall.sign_ins.offer()
    assert hall.enter(first, said_of(first, "ada", "nlp-members")).text


def test_an_offer_is_this_server_s_own_and_counts_once_however_it_is_written(hall: Hall) -> None:
    offers, now = SignInOffers(os.urandom), hall.now
    nonce = offers.begin(now)
    assert offers.began(nonce, now) == offers.began(nonce, now + ANSWERED_WITHIN) == now
    for late in (now - 1, now + ANSWERED_WITHIN + 1):
        assert offers.began(nonce, late) is None
    for none in (
        "",
        "a",
        "é",
        nonce[:-2],
        nonce + "A",
        nonce + "\n",
        "A" * len(nonce),
        SignInOffers(os.urandom).begin(now),
    ):
        assert offers.began(none, now) is None, none
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(nonce[-1])
    twin = nonce[:-1] + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last ^ 1]
    assert offers.use(nonce, now)
    for each in (nonce, twin):
        assert not offers.use(each, now)
        assert offers.began(each, now) is None


def test_a_name_is_taken_for_good(hall: Hall) -> None:
    store = hall.world.machine.store
    session = ApiToken("s1", "session", AFAR, "", "x", 0, 1)
    store.signed_in(Person("p1", "https://id.acme.example/other", "1", "oidc:1@id.acme.example", "", (), 0, 0), session)
    with pytest.raises(ConflictError, match="somebody else is called"):
        hall.session("1", "nlp-members", email="")


@pytest.mark.parametrize(
    ("subject", "email", "name"),
    [
        ("1", "Ada@acme.example", "ada@acme.example"),
        ("2", "mar\u212a@acme.example", "oidc:2@id.acme.example"),
        ("3", "mårk@acme.example", "oidc:3@id.acme.example"),
        ("4", "oidc:lead@id.acme.example", "oidc:4@id.acme.example"),
        ("5", '"a b"@acme.example', "oidc:5@id.acme.example"),
        ("lead", "", "oidc:lead@id.acme.example"),
    ],
)
def test_a_user_name_is_an_ascii_address_that_was_checked_or_says_that_it_is_none(
    hall: Hall, subject: str, email: str, name: str
) -> None:
    hall.session(subject, "nlp-members", email=email)
    assert [each.name for each in hall.world.machine.store.people()] == [name]


def test_who_is_called_by_the_provider_s_own_name_for_him_is_nobody_that_a_route_names(hall: Hall) -> None:
    """Some providers let people choose it."""
    approvals = hall.world.platform.approvals
    named = ("lead@id.acme.example", "oidc:lead@id.acme.example", "lead@acme.example")
    route = replace(approvals.routes[0], users=named)
    hall.world.platform = replace(hall.world.platform, approvals=replace(approvals, routes=(route,)))
    with pytest.raises(ForbiddenError, match="is nothing here"):
        hall.session("lead")
    assert hall.session("1", email="lead@acme.example")
    # As people were called before.
    before = Person("p1", ISSUER, "lead", "lead@id.acme.example", "", (), 0, hall.now)
    assert before.address == ""
    assert replace(before, email="Lead@id.acme.example").address == before.name


def test_two_who_come_with_one_address_at_the_same_moment_are_both_let_in(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = hall.world.machine.store
    read, first = store.people, []

    def meanwhile() -> tuple[Person, ...]:
        found = read()
        if not first:
            first.append(1)
            hall.session("1", "nlp-members", email="ada@acme.example")
        return found

    monkeypatch.setattr(store, "people", meanwhile)
    assert hall.session("2", "nlp-members", email="ada@acme.example")
    assert [each.name for each in read()] == ["ada@acme.example", "oidc:2@id.acme.example"]


def test_a_sign_in_that_is_under_way_does_not_undo_a_shut_out(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    text, store = hall.session("ada", "nlp-members"), hall.world.machine.store
    admin = Caller("root", CallerKind.LOCAL, "x")
    read = store.person_of

    def meanwhile(issuer: str, subject: str) -> Person | None:
        found = read(issuer, subject)
        shut_out(store, "oidc:ada@id.acme.example", admin, 7, out=True)
        return found

    monkeypatch.setattr(store, "person_of", meanwhile)
    with pytest.raises(NotSignedInError, match="not signed in"):
        hall.session("ada", "cv-members")
    (person,) = store.people()
    assert (person.suspended, person.groups) == (7, ("nlp-members",))
    assert [each.revoked for each in store.tokens()] == [7]
    assert hall.asked("GET", "/api/v1/whoami", text)[0] == 401
    assert [each.outcome for each in hall.acts() if each.verb == "sign-in"][-1] == "denied"


def test_a_token_of_another_device_is_of_this_server_s_time_and_of_this_sign_in(hall: Hall) -> None:
    def enter(since: int) -> SignInSession:
        offer = hall.sign_ins.offer()
        said = {"sub": "ada", "groups": ["nlp-members"], "nonce": None, "iat": hall.now + since * 1000}
        return hall.enter(offer, f"{json.dumps(said)}.signed", elsewhere=True)

    for old in (-1, -30):
        with pytest.raises(NotSignedInError, match="older than this sign-in"):
            enter(old)
    assert enter(0)
    hall.world.machine.clock.sleep(3600)
    assert enter(-30), "clocks differ a little"
    with pytest.raises(NotSignedInError, match="older than this sign-in"):
        enter(-61)


def test_of_refused_sign_ins_some_are_kept_and_the_rest_counted(hall: Hall) -> None:
    def refused(address: str) -> None:
        offer = hall.sign_ins.offer()
        with pytest.raises(NotSignedInError):
            hall.sign_ins.enter(said_of(offer, "ada", host="evil.example"), offer.nonce, HERE, address)

    def kept() -> list[tuple[str, str]]:
        return [(each.whence.partition(",")[0], each.why) for each in hall.acts() if each.outcome == "denied"]

    for _ in range(119):
        refused("10.1.2.3")
    for number in range(100):
        refused(f"2001:db8::{number:x}")
    for number in range(50):
        refused(f"10.0.0.{number}")
    assert [each for each, _ in kept()] == ["10.1.2.3", "2001:db8::0", *(f"10.0.0.{each}" for each in range(6))]
    hall.world.machine.clock.sleep(60)
    hall.sign_ins.offer()
    sums = kept()[8:]
    assert [(place, why.partition(" more")[0]) for place, why in sums] == [
        ("10.1.2.3", "and 118"), ("2001:db8::0", "and 99"), ("others", "and 44"),
    ]  # fmt: skip
    for _ in range(20):
        with pytest.raises(ForbiddenError):
            hall.session("eve", "sales")
    hall.sign_ins.end()
    assert [why for _, why in kept()[11:]] == [
        "no group of his is anything here",
        "and 19 more in this minute, such as: no group of his is anything here",
    ]


@pytest.mark.parametrize(("names", "takes"), [(("gpu1.acme.example",), False), (("127.0.0.1", "localhost"), True)])
def test_loopback_names_count_where_the_server_is_called_so(hall: Hall, names: tuple[str, ...], takes: bool) -> None:
    """Whoever else can listen on somebody's loopback address is called so as well."""
    words = OidcWords(ISSUER, "allotment", "groups", "openid", "")
    world, opened = hall.world, ExitStack()
    with opened:
        coming = sign_ins(words, world.machine.store, lambda: NOBODY, world.machine.clock, opened, names=names)
        assert coming is not None
        for name in ("127.0.0.1", "localhost"):
            with pytest.raises(NotSignedInError) as told:
                coming.enter("rubbish", coming.offer().nonce, name, "10.1.2.3")
            assert ("meant for a server of another name" in told.value.why) != takes
