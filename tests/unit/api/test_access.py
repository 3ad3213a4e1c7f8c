"""Who gets in, asked in the process, through the socket and over the network: one suite for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from allotment.adapters.server.client import RemoteServer
from allotment.adapters.server.ways import NO_TOKEN, NetworkWay
from allotment.errors import AllotmentError, NotSignedInError, OutdatedError
from allotment.model.access.permission import AFAR, EVERYTHING
from allotment.ports.access_service import state_of
from allotment.ports.request_service import LISTED
from tests.unit.api.premises import (
    ADMIN,
    AUDITOR,
    HERE,
    IN_PROCESS,
    NETWORK,
    ODD_NAME,
    OF_PEOPLE,
    OWNER,
    SLASHED_NAME,
    SOCKET,
    WAYS,
    Asking,
    Premises,
    opened,
    refused_by,
)
from tests.unit.api.test_people import said_of
from tests.unit.operations.decide.test_desk import LEAD, MEMBER

OWNERS = ("acme-nlp-leads",)
DAY = 86_400_000


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    with opened(tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.fixture(params=OF_PEOPLE)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("groups", [MEMBER, LEAD, AUDITOR, ADMIN, (*MEMBER, "acme-cv")], ids=lambda each: each[-1])
def test_who_somebody_is_is_told_the_same(premises: Premises, groups: tuple[str, ...]) -> None:
    text = premises.session(f"who-{groups[-1]}", *groups)
    inside, afar = (premises.holder(way, text).access.whoami() for way in OF_PEOPLE)
    assert inside.token is not None
    assert afar.token is not None
    # That it was used is kept meanwhile.
    assert replace(inside, token=replace(inside.token, used=afar.token.used)) == afar
    assert inside.roles
    assert set(inside.permissions) == set(afar.permissions)


def test_the_server_s_own_user_may_everything(premises: Premises) -> None:
    inside, afar = (premises.own(way).access.whoami() for way in (IN_PROCESS, SOCKET))
    assert inside == afar
    assert (afar.name, afar.token, set(afar.permissions)) == (OWNER, None, {each.value for each in EVERYTHING})


def test_a_token_from_its_making_to_its_end(premises: Premises, way: str) -> None:
    ada = premises.person(way, f"ada-{OF_PEOPLE.index(way)}", *MEMBER).access
    given = ada.make_token("ci & more", ("read", "stop"), DAY)
    assert (given.token.permissions, given.token.person, given.token.revoked) == (("read", "stop"), True, None)
    assert ada.tokens() == (given.token,), "a session is none"
    assert ada.token(given.token.id) == ada.token("ci & more") == given.token
    assert premises.holder(way, given.text).access.whoami().permissions == ("read", "stop")
    used = ada.token(given.token.id)
    assert used.used is not None
    assert state_of(used) == state_of(given.token), "being used is no change"
    with pytest.raises(OutdatedError, match="has changed since you read it"):
        ada.revoke_token(given.token.id, read="0" * 12)
    gone = ada.revoke_token("ci & more", read=state_of(used))
    assert gone.revoked is not None
    assert ada.token(given.token.id) == gone
    with pytest.raises(NotSignedInError):
        premises.holder(way, given.text)


@pytest.mark.parametrize("way", WAYS)
def test_a_token_that_the_server_s_own_user_makes_opens_in_his_name(premises: Premises, way: str) -> None:
    own = premises.own(way)
    given = own.access.make_token(f"of {way}", tuple(each.value for each in AFAR), DAY)
    assert given.token.by == own.name
    assert {each.id for each in own.access.tokens()} >= {given.token.id}
    assert own.access.revoke_token(given.token.id).revoked is not None


def test_every_token_and_everybody_is_listed_however_many_there_are(tmp_path: Path) -> None:
    with opened(tmp_path) as premises:
        own = premises.own(IN_PROCESS).access
        for number in range(LISTED + 20):
            own.make_token(f"t{number}", ("read",), DAY)
            premises.session(f"p{number:03d}", *MEMBER)
        through = premises.own(SOCKET).access
        assert len(through.tokens()) == LISTED + 20
        assert through.tokens() == own.tokens()
        assert len(through.people()) == LISTED + 20
        assert through.people() == own.people()


def test_somebody_is_shut_out_and_let_in_again_as_he_was_seen(premises: Premises, way: str) -> None:
    root = premises.person(way, f"root-{OF_PEOPLE.index(way)}", *ADMIN).access
    text = premises.session(f"carl-{OF_PEOPLE.index(way)}", *MEMBER)
    name = premises.holder(way, text).name
    seen = root.person(name)
    assert root.person(seen.id) == seen
    assert seen in root.people()
    with pytest.raises(OutdatedError):
        root.shut_out(name, out=True, read="0" * 12)
    out = root.shut_out(name, out=True, read=state_of(seen))
    assert out.suspended is not None
    with pytest.raises(NotSignedInError):
        premises.holder(way, text)
    with pytest.raises(OutdatedError):
        root.shut_out(name, out=False, read=state_of(seen))
    assert root.shut_out(seen.id, out=False, read=state_of(out)).suspended is None


def test_whoever_signs_out_holds_nothing(premises: Premises, way: str) -> None:
    text = premises.session(f"leaves-{OF_PEOPLE.index(way)}", *MEMBER)
    premises.holder(way, text).access.end_session()
    with pytest.raises(NotSignedInError):
        premises.holder(way, text)


def test_a_sign_in_and_what_is_refused_there(premises: Premises) -> None:
    server = RemoteServer(NetworkWay(premises.address, NO_TOKEN))
    offer = server.offer()
    assert replace(offer, nonce="") == replace(premises.sign_ins.offer(), nonce="")
    given = server.enter(said_of(offer, "new", *MEMBER), offer.nonce, HERE)
    assert premises.holder(NETWORK, given.text).access.whoami().kind == "person"
    for said, nonce in (
        (said_of(offer, "late", *MEMBER), offer.nonce),
        (said_of(server.offer(), "other", *MEMBER), server.offer().nonce),
        (said_of(offer, "nobody", *MEMBER), "rubbish"),
    ):
        with pytest.raises(AllotmentError) as here:
            premises.sign_ins.enter(said, nonce, HERE, HERE)
        with pytest.raises(NotSignedInError) as there:
            server.enter(said, nonce, HERE)
        assert (here.value.what, here.value.why, here.value.fix, here.value.exit_code) == (
            there.value.what, there.value.why, there.value.fix, there.value.exit_code,
        )  # fmt: skip


# What is refused is the same error, word for word, whichever way it was asked.


@pytest.fixture(scope="module")
def callers(premises: Premises) -> Mapping[str, Mapping[str, Asking]]:
    """By who they are and by which way; ada has two tokens of one name, and the server's own user has one."""
    groups = {"ada": MEMBER, "olga": OWNERS, "root": ADMIN}
    found = {name: {way: premises.person(way, name, *of) for way in OF_PEOPLE} for name, of in groups.items()}
    found["own"] = {way: premises.own(way) for way in (IN_PROCESS, SOCKET)}
    for _ in range(2):
        found["ada"][IN_PROCESS].access.make_token("twin", ("read",), DAY)
    found["own"][IN_PROCESS].access.make_token("hidden", ("read",), DAY)
    return found


def make(name: str, gives: tuple[str, ...], lasts: int = DAY, team: str = "") -> Callable[[Asking], object]:
    return lambda asking: asking.access.make_token(name, gives, lasts, team)


REFUSED: Final[Mapping[str, tuple[str, str, Callable[[Asking], object]]]] = {
    "no such token": ("ada", "NotFoundError", lambda of: of.access.token("nosuch")),
    "a name that is none": ("ada", "NotFoundError", lambda of: of.access.token(ODD_NAME)),
    "a token of somebody else": ("ada", "NotFoundError", lambda of: of.access.token("hidden")),
    "one of two of a name": ("ada", "UsageError", lambda of: of.access.token("twin")),
    "taking back one of two": ("ada", "UsageError", lambda of: of.access.revoke_token("twin")),
    "taking back what is not there": ("ada", "NotFoundError", lambda of: of.access.revoke_token("nosuch")),
    "taking back as it was not read": ("own", "OutdatedError", lambda of: of.access.revoke_token("hidden", read="x")),
    "a token that gives nothing": ("ada", "UsageError", make("x", ())),
    "a token that gives what none does": ("ada", "UsageError", make("x", ("end",))),
    "a token without a name": ("ada", "UsageError", make(" ", ("read",))),
    "a token with a name nobody can print": ("ada", "UsageError", make("a\nb", ("read",))),
    "a token that lasts for no time": ("ada", "UsageError", make("x", ("read",), 0)),
    "a token that lasts too long": ("ada", "UsageError", make("x", ("read",), 9_999 * DAY)),
    "a token of a team that is not there": ("ada", "NotFoundError", make("x", ("read",), team="nosuch")),
    "a token of another team": ("ada", "NotFoundError", make("x", ("read",), team="cv")),
    "a token of one's team as no owner": ("ada", "ForbiddenError", make("x", ("read",), team="nlp")),
    "a token of a team that gives audit": ("root", "UsageError", make("x", ("audit",), team="nlp")),
    "a token that gives audit": ("ada", "ForbiddenError", make("x", ("audit",))),
    "nobody of that name": ("root", "NotFoundError", lambda of: of.access.person("nosuch")),
    "a person's name that is none": ("root", "NotFoundError", lambda of: of.access.person(ODD_NAME)),
    "shutting out nobody": ("root", "NotFoundError", lambda of: of.access.shut_out("nosuch", out=True)),
    "shutting out oneself": ("root", "ConflictError", lambda of: of.access.shut_out(of.name, out=True)),
    "letting in as he was not seen": (
        "own", "OutdatedError", lambda of: of.access.shut_out(of.access.people()[0].id, out=False, read="x"),
    ),
    "a browser where none comes in": ("own", "NotFoundError", lambda of: of.access.browser_code()),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_the_same_error_both_ways(callers: Mapping[str, Mapping[str, Asking]], case: str) -> None:
    who, kind, call = REFUSED[case]
    inside, afar = (refused_by(call, asking) for asking in callers[who].values())
    assert inside == afar
    assert inside.kind == kind


@pytest.mark.parametrize(
    "call",
    [
        lambda of: of.access.token(SLASHED_NAME),
        lambda of: of.access.person(SLASHED_NAME),
        lambda of: of.requests.request(SLASHED_NAME),
        lambda of: of.requests.grant(SLASHED_NAME),
        lambda of: of.clusters.disconnect_cluster(SLASHED_NAME),
    ],
)
def test_a_name_with_a_slash_is_nobody_s_and_no_address_is_told(
    callers: Mapping[str, Mapping[str, Asking]], call: Callable[[Asking], object]
) -> None:
    """It ends a part of an address, and leads to another one or to none."""
    inside, afar = (refused_by(call, asking) for asking in callers["root"].values())
    assert (inside.kind, inside.exit_code) == (afar.kind, afar.exit_code) == ("NotFoundError", 3)
    assert afar.what == "the server knows nothing of that name"
    assert "/api/" not in f"{afar.why} {afar.fix}"
