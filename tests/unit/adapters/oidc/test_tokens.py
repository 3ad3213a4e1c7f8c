"""Tokens that are none, a row each: what is done to a good one, and why it is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.adapters.oidc.client import OidcProvider, connect_provider
from allotment.ports.identity import Flaw
from tests.unit.adapters.oidc.conftest import settings
from tests.unit.adapters.oidc.contract import refusal
from tests.unit.adapters.oidc.provider import (
    AUDIENCE,
    CLIENT,
    LIFE,
    NOW,
    FakeProvider,
    Key,
    ec_key,
    okp_key,
    published,
    rsa_key,
    running,
    segment,
    signed,
)

SECOND = NOW // 1000
Forge = Callable[[FakeProvider], str]


def test_a_good_one_is_somebody_s(there: FakeProvider, client: OidcProvider) -> None:
    found = client.verify(there.id_token(), NOW)
    assert (found.issuer, found.subject, found.expires) == (there.issuer, "ada", 1000 * (SECOND + LIFE))


@pytest.mark.parametrize(
    ("made", "algorithm", "name"),
    [
        (rsa_key, "RS256", "RS256"),
        (rsa_key, "PS256", "PS256"),
        (ec_key, "ES256", "ES256"),
        (okp_key, "Ed25519", "EdDSA"),
        (okp_key, "Ed25519", "Ed25519"),
    ],
)
def test_each_way_of_signing_that_is_taken(
    there: FakeProvider, client: OidcProvider, made: Callable[[str], Key], algorithm: str, name: str
) -> None:
    key = made("a")
    there.jwks = published(key, rsa_key("b"))
    assert client.verify(signed(there.id_claims(), key, {"alg": name}, algorithm), NOW).subject == "ada"
    there.jwks = published(key, alg=name)
    with connect_provider(settings(there)) as anew:
        assert anew.verify(signed(there.id_claims(), key, {"alg": name}, algorithm), NOW).subject == "ada"


def header(**members: Any) -> Forge:
    """A good token whose header says something else."""
    return lambda there: signed(there.id_claims(), there.key, members)


def claims(**members: Any) -> Forge:
    """A token of the provider's own that says something else."""
    return lambda there: there.id_token(**members)


def unsigned(there: FakeProvider) -> str:
    return f"{segment({'alg': 'none', 'kid': there.key.kid})}.{segment(there.id_claims())}."


def unsigned_with_the_signature_of_another(there: FakeProvider) -> str:
    good = there.id_token().split(".")
    return f"{segment({'alg': 'RS256', 'kid': there.key.kid})}.{segment(there.id_claims('eve'))}.{good[2]}"


def hmac_with(secret: Callable[[FakeProvider], bytes], algorithm: str = "HS256") -> Forge:
    """The classic: the public key, which everybody has, taken for a shared secret."""

    def forge(there: FakeProvider) -> str:
        text = f"{segment({'alg': algorithm, 'kid': there.key.kid})}.{segment(there.id_claims('eve'))}"
        digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[algorithm]
        return f"{text}.{segment(hmac.new(secret(there), text.encode(), digest).digest())}"

    return forge


def own_key(**members: Any) -> Forge:
    """Signed by the attacker, who says where his key is."""
    return lambda there: signed(there.id_claims("eve"), rsa_key("evil"), {"kid": there.key.kid, **members})


def raw_claims(change: Callable[[str], str]) -> Forge:
    """A token of the provider's own whose text is changed before it is signed."""

    return lambda there: signed(change(json.dumps(there.id_claims())).encode(), there.key)


def raw_header(text: str) -> Forge:
    def forge(there: FakeProvider) -> str:
        good = there.id_token().split(".")
        return f"{segment(text.replace('KID', str(there.key.kid)).encode())}.{good[1]}.{good[2]}"

    return forge


def padded(there: FakeProvider) -> str:
    found = there.id_token().split(".")
    return f"{found[0]}.{found[1]}.{found[2]}="


def not_canonical(there: FakeProvider) -> str:
    """Other text for the same signature: two of 342 characters have bits to spare."""
    token = there.id_token()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]


def nested(there: FakeProvider) -> str:
    return signed(there.id_token(), there.key, {"cty": "JWT"})


def encrypted(there: FakeProvider) -> str:
    return ".".join([segment({"alg": "RSA-OAEP", "enc": "A256GCM", "kid": there.key.kid}), "AA", "AA", "AA", "AA"])


def as_json(there: FakeProvider) -> str:
    good = there.id_token().split(".")
    return json.dumps({"protected": good[0], "payload": good[1], "signature": good[2]})


def public_pem(there: FakeProvider) -> bytes:
    return bytes(there.key.as_pem(private=False))  # type: ignore[union-attr]


REFUSED: dict[str, tuple[Forge, Flaw]] = {
    # What is no token.
    "nothing": (lambda _: "", Flaw.FORM),
    "one part": (lambda _: "eyJ", Flaw.FORM),
    "two parts": (lambda there: there.id_token().rpartition(".")[0], Flaw.FORM),
    "four parts": (lambda there: f"{there.id_token()}.x", Flaw.FORM),
    "in JSON": (as_json, Flaw.FORM),
    "encrypted": (encrypted, Flaw.FORM),
    "a space before it": (lambda there: f" {there.id_token()}", Flaw.FORM),
    "a line end in it": (lambda there: there.id_token().replace(".", ".\n", 1), Flaw.FORM),
    "padded": (padded, Flaw.FORM),
    "not canonical": (not_canonical, Flaw.FORM),
    "Unicode digits": (lambda there: f"{there.id_token()}\u0661", Flaw.FORM),
    "half a character": (lambda there: f"{there.id_token()}\ud800", Flaw.FORM),
    "oversized": (lambda there: there.id_token(more="x" * 64_000), Flaw.FORM),
    "a header that is a list": (raw_header("[]"), Flaw.FORM),
    "a header that is no JSON": (raw_header("{"), Flaw.FORM),
    "a header nested deeply": (raw_header("[" * 20_000), Flaw.FORM),
    "two algorithms": (raw_header('{"alg":"RS256","alg":"none","kid":"KID"}'), Flaw.FORM),
    "two kids": (raw_header('{"alg":"RS256","kid":"other","kid":"KID"}'), Flaw.FORM),
    # How it is signed.
    "none": (unsigned, Flaw.ALGORITHM),
    "None": (header(alg="None"), Flaw.ALGORITHM),
    "nOnE": (header(alg="nOnE"), Flaw.ALGORITHM),
    "no algorithm": (header(alg=None), Flaw.ALGORITHM),
    "a list of algorithms": (header(alg=["RS256"]), Flaw.ALGORITHM),
    "RS1": (header(alg="RS1"), Flaw.ALGORITHM),
    "rs256": (header(alg="rs256"), Flaw.ALGORITHM),
    "ES256K": (header(alg="ES256K"), Flaw.ALGORITHM),
    "HS256 with the public key in PEM": (hmac_with(public_pem), Flaw.ALGORITHM),
    "HS512 with the public key in PEM": (hmac_with(public_pem, "HS512"), Flaw.ALGORITHM),
    "HS256 with its modulus": (
        hmac_with(lambda there: base64.urlsafe_b64decode(str(there.key.as_dict()["n"]) + "==")),
        Flaw.ALGORITHM,
    ),
    "HS256 with the client's name": (hmac_with(lambda _: CLIENT.encode()), Flaw.ALGORITHM),
    "HS256 with nothing": (hmac_with(lambda _: b""), Flaw.ALGORITHM),
    # Which key.
    "another kind of key under its name": (header(alg="ES256"), Flaw.KEY),
    "a key that nobody has": (header(kid="nobody"), Flaw.KEY),
    "a path as a key": (header(kid="../../../../dev/null"), Flaw.KEY),
    "an address as a key": (header(kid="https://evil.example/jwks"), Flaw.KEY),
    "SQL as a key": (header(kid="' OR 1=1 --"), Flaw.KEY),
    "a number as a key": (header(kid=1), Flaw.KEY),
    "a long name of a key": (header(kid="k" * 10_000), Flaw.KEY),
    # Which signature.
    "signed by another": (own_key(), Flaw.SIGNATURE),
    "jku": (own_key(jku="http://127.0.0.1:1/evil"), Flaw.SIGNATURE),
    "x5u": (own_key(x5u="http://127.0.0.1:1/evil"), Flaw.SIGNATURE),
    "jwk": (own_key(jwk=rsa_key("evil").as_dict(private=False)), Flaw.SIGNATURE),
    "x5c": (own_key(x5c=["MIIB"]), Flaw.SIGNATURE),
    "PS256 said of RS256": (header(alg="PS256"), Flaw.SIGNATURE),
    "the signature of another token": (unsigned_with_the_signature_of_another, Flaw.SIGNATURE),
    "no signature": (lambda there: f"{there.id_token().rpartition('.')[0]}.", Flaw.SIGNATURE),
    # What a header makes of it.
    "crit": (header(crit=["exp"]), Flaw.FORM),
    "crit, empty": (header(crit=[]), Flaw.FORM),
    "b64": (header(b64=False), Flaw.FORM),
    "nested": (nested, Flaw.FORM),
    "a signed token as its claims": (lambda there: signed(there.id_token(), there.key), Flaw.FORM),
    "zipped": (header(zip="DEF"), Flaw.FORM),
    "of signing out, by its header": (header(typ="logout+jwt"), Flaw.PURPOSE),
    "a request object": (header(typ="oauth-authz-req+jwt"), Flaw.PURPOSE),
    "a list as its kind": (header(typ=["JWT"]), Flaw.PURPOSE),
    # What it says.
    "claims that are a list": (lambda there: signed([], there.key), Flaw.FORM),
    "two subjects": (raw_claims(lambda text: text.replace('"sub"', '"sub": "root", "sub"')), Flaw.FORM),
    "two of something below": (raw_claims(lambda text: text[:-1] + ', "x": {"a": 1, "a": 2}}'), Flaw.FORM),
    "NaN": (raw_claims(lambda text: text[:-1] + ', "x": NaN}'), Flaw.FORM),
    "a number of many digits": (raw_claims(lambda text: text[:-1] + f', "x": {"9" * 5_000}}}'), Flaw.FORM),
    "claims nested deeply": (raw_claims(lambda text: text[:-1] + f', "x": {"[" * 20_000}}}'), Flaw.FORM),
    "claims in Latin-1": (lambda there: signed('{"sub": "é"}'.encode("latin-1"), there.key), Flaw.FORM),
    "of signing out": (
        claims(events={"http://schemas.openid.net/event/backchannel-logout": {}}, sid="1"),
        Flaw.PURPOSE,
    ),
    "another issuer": (claims(iss="https://evil.example"), Flaw.ISSUER),
    "no issuer": (claims(iss=None), Flaw.ISSUER),
    "the issuer with a slash": (lambda there: there.id_token(iss=f"{there.issuer}/"), Flaw.ISSUER),
    "the issuer in capitals": (lambda there: there.id_token(iss=there.issuer.upper()), Flaw.ISSUER),
    "a list of issuers": (lambda there: there.id_token(iss=[there.issuer]), Flaw.ISSUER),
    "for another": (claims(aud="somebody-else"), Flaw.AUDIENCE),
    "for nobody": (claims(aud=None), Flaw.AUDIENCE),
    "for an empty list": (claims(aud=[]), Flaw.AUDIENCE),
    "for a list of lists": (claims(aud=[[CLIENT]]), Flaw.AUDIENCE),
    "for a map": (claims(aud={CLIENT: 1}), Flaw.AUDIENCE),
    "for a longer name": (claims(aud=f"{CLIENT}-dev"), Flaw.AUDIENCE),
    "for a part of a name": (claims(aud=CLIENT[:-1]), Flaw.AUDIENCE),
    "for us and others, given to nobody": (claims(aud=[CLIENT, "somebody-else"]), Flaw.AUDIENCE),
    "for us and others, given to them": (claims(aud=[CLIENT, "somebody-else"], azp="somebody-else"), Flaw.AUDIENCE),
    "for us, given to others": (claims(azp="somebody-else"), Flaw.AUDIENCE),
    "for us, given to a list": (claims(azp=[CLIENT]), Flaw.AUDIENCE),
    "over": (claims(exp=SECOND - 60), Flaw.TIME),
    "without an end": (claims(exp=None), Flaw.TIME),
    "with a text as its end": (claims(exp=str(SECOND + LIFE)), Flaw.TIME),
    "with true as its end": (claims(exp=True), Flaw.TIME),
    "with an end without bounds": (raw_claims(lambda text: text.replace(f"{SECOND + LIFE}", "1e999")), Flaw.TIME),
    "with an end far off": (claims(exp=10**15), Flaw.TIME),
    "with an end before time": (claims(exp=-1), Flaw.TIME),
    "made in the future": (claims(iat=SECOND + 61), Flaw.TIME),
    "made at no time": (claims(iat=None), Flaw.TIME),
    "made at true": (claims(iat=True), Flaw.TIME),
    "not yet": (claims(nbf=SECOND + 61), Flaw.TIME),
    "not at a time": (claims(nbf="later"), Flaw.TIME),
    "nobody's": (claims(sub=None), Flaw.SUBJECT),
    "an empty name's": (claims(sub=""), Flaw.SUBJECT),
    "a space's": (claims(sub=" "), Flaw.SUBJECT),
    "a number's": (claims(sub=0), Flaw.SUBJECT),
    "of a long name": (claims(sub="a" * 256), Flaw.SUBJECT),
    "of a name with a line end": (claims(sub="ada\n"), Flaw.SUBJECT),
    "of a name with NUL": (claims(sub="ada\0"), Flaw.SUBJECT),
    "of a name that looks like another": (claims(sub="\u0430da"), Flaw.SUBJECT),
    "of half a character": (claims(sub="\ud800"), Flaw.SUBJECT),
    "groups that are a text": (claims(groups="platform-admins"), Flaw.GROUPS),
    "groups that are a map": (claims(groups={"platform-admins": True}), Flaw.GROUPS),
    "groups within groups": (claims(groups=["a", ["platform-admins"]]), Flaw.GROUPS),
    "groups that are maps": (claims(groups=[{"name": "a"}]), Flaw.GROUPS),
    "groups with a number": (claims(groups=["a", 1]), Flaw.GROUPS),
    "an empty group": (claims(groups=[""]), Flaw.GROUPS),
    "a group of two lines": (claims(groups=["a\nb"]), Flaw.GROUPS),
    "a group of half a character": (claims(groups=["\ud800"]), Flaw.GROUPS),
    "a long group": (claims(groups=["g" * 257]), Flaw.GROUPS),
    "more groups than fit (Entra ID)": (
        claims(groups=None, _claim_names={"groups": "src1"}, _claim_sources={"src1": {"endpoint": "https://x"}}),
        Flaw.GROUPS,
    ),
    "more groups than fit, otherwise told": (claims(groups=None, hasgroups=True), Flaw.GROUPS),
    "an access token for others": (
        lambda there: signed(there.id_claims(aud="x"), there.key, {"typ": "at+jwt"}),
        Flaw.AUDIENCE,
    ),
    "an access token for the client": (header(typ="at+jwt"), Flaw.AUDIENCE),
}  # fmt: skip


@pytest.mark.parametrize(("forge", "flaw"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused(there: FakeProvider, client: OidcProvider, forge: Forge, flaw: Flaw) -> None:
    token = forge(there)
    assert refusal(lambda: client.verify(token, NOW)) is flaw
    # Whatever a token names, nobody but the provider is asked, and it for its own two documents alone.
    assert {each.path for each in there.asked} <= {"/.well-known/openid-configuration", "/jwks"}
    assert client.verify(there.id_token(), NOW).subject == "ada"


TAKEN: dict[str, Forge] = {
    "for us alone, in a list": claims(aud=[CLIENT]),
    "for us twice": claims(aud=[CLIENT, CLIENT]),
    "for us and others, given to us": claims(aud=[CLIENT, "somebody-else"], azp=CLIENT),
    "over for less than a minute": claims(exp=SECOND - 59),
    "of a clock that goes ahead": claims(iat=SECOND + 59, nbf=SECOND + 59),
    "a time with a fraction": claims(iat=SECOND - 0.5, exp=SECOND + 0.5),
    "a long subject": claims(sub="a" * 255),
    "a nonce that nobody asks for": claims(nonce="x"),
    "at_hash without an access token": claims(at_hash="x"),
    "typ JWT": header(typ="JWT"),
    "typ jwt": header(typ="jwt"),
    "where its key is, which nobody looks at": header(jku="https://evil.example", x5u="https://evil.example"),
    "a member that nobody knows": header(nonce="of a vendor"),
}  # fmt: skip


@pytest.mark.parametrize("forge", TAKEN.values(), ids=TAKEN)
def test_it_is_taken(there: FakeProvider, client: OidcProvider, forge: Forge) -> None:
    assert client.verify(forge(there), NOW).issuer == there.issuer
    assert all(each.path in {"/.well-known/openid-configuration", "/jwks"} for each in there.asked)


@pytest.mark.parametrize(
    ("said", "nonce", "flaw"),
    [
        ("n1", "n2", Flaw.NONCE), (None, "n1", Flaw.NONCE), ("", "n1", Flaw.NONCE), (["n1"], "n1", Flaw.NONCE),
        ("n1 ", "n1", Flaw.NONCE), ("\ud800", "n1", Flaw.NONCE), ("n1", "", Flaw.NONCE),
    ],
)  # fmt: skip
def test_a_token_of_another_sign_in_is_none_of_this(
    there: FakeProvider, client: OidcProvider, said: Any, nonce: str, flaw: Flaw
) -> None:
    assert refusal(lambda: client.verify(there.id_token(nonce=said), NOW, nonce)) is flaw


def test_a_token_of_this_sign_in(there: FakeProvider, client: OidcProvider) -> None:
    assert client.verify(there.id_token(nonce="n1"), NOW, "n1").subject == "ada"


def test_a_token_of_another_device_may_lack_the_nonce_and_not_have_another(
    there: FakeProvider, client: OidcProvider
) -> None:
    """Else a token of a sign-in with a browser, which was seen somewhere, would pass for one of another device."""
    for said in (None, "n1"):
        assert client.verify(there.id_token(nonce=said), NOW, "n1", may_lack_nonce=True).subject == "ada"
    for wrong in ("n2", "", 0, ["n1"]):
        token = there.id_token(nonce=wrong)
        assert refusal(partial(client.verify, token, NOW, "n1", may_lack_nonce=True)) is Flaw.NONCE
    assert refusal(lambda: client.verify(there.id_token(), NOW, "n1")) is Flaw.NONCE


def access_token(there: FakeProvider, **more: Any) -> str:
    return signed(there.id_claims(aud=AUDIENCE, groups=None, **more), there.key, {"typ": "at+jwt"})


def test_an_access_token_for_our_interface_is_taken_where_that_is_agreed(
    there: FakeProvider, client: OidcProvider
) -> None:
    assert client.verify(access_token(there), NOW).groups == ()
    assert refusal(lambda: client.verify(access_token(there, nonce="n"), NOW, "n")) is Flaw.PURPOSE


def test_an_access_token_is_not_taken_where_none_is_agreed(there: FakeProvider) -> None:
    with connect_provider(replace(settings(there), audience="")) as plain:
        assert refusal(lambda: plain.verify(access_token(there), NOW)) is Flaw.PURPOSE


@pytest.mark.parametrize(
    ("said", "name", "email"),
    [
        ({}, "ada", "ada@acme.example"),
        ({"preferred_username": None}, "ada@acme.example", "ada@acme.example"),
        ({"preferred_username": None, "email_verified": None}, "Ada", ""),
        ({"email_verified": False}, "ada", ""),
        ({"email_verified": "true"}, "ada", ""),
        ({"preferred_username": 7, "name": ["Ada"], "email_verified": False}, "ada", ""),
        ({"preferred_username": "  \n "}, "ada@acme.example", "ada@acme.example"),
        ({"preferred_username": "a\nb\x1b[31m"}, r"a b\x1b[31m", "ada@acme.example"),
        ({"preferred_username": "\u202eroot"}, r"\u202eroot", "ada@acme.example"),
        ({"preferred_username": "\ud800", "email": "\ud800@x", "name": "Ada"}, "Ada", ""),
        ({"preferred_username": "x" * 300}, "x" * 200, "ada@acme.example"),
        ({"email": "a b@x"}, "ada", ""),
        ({"email": "nobody"}, "ada", ""),
        ({"email": {"a": 1}}, "ada", ""),
    ],
    ids=range(14),
)
def test_what_people_read_of_him(
    there: FakeProvider, client: OidcProvider, said: dict[str, Any], name: str, email: str
) -> None:
    found = client.verify(there.id_token(**said), NOW)
    assert (found.name, found.email, found.subject) == (name, email, "ada")


def test_groups_are_named_once_and_in_order(there: FakeProvider, client: OidcProvider) -> None:
    assert client.verify(there.id_token(groups=["b", "a", "b", "Z ü"]), NOW).groups == ("Z ü", "a", "b")
    assert client.verify(there.id_token(groups=[]), NOW).lacking == ""
    none = client.verify(there.id_token(groups=None), NOW)
    assert (none.groups, none.lacking) == ((), "groups")
    assert client.verify(there.id_token(groups=None, _claim_names={"address": "src1"}), NOW).groups == ()


def test_groups_come_from_the_claim_that_was_named(there: FakeProvider) -> None:
    with connect_provider(replace(settings(there), groups_claim="roles")) as named:
        assert named.verify(there.id_token(roles=["x"], groups={"no": "matter"}), NOW).groups == ("x",)


def test_groups_are_called_as_api_servers_call_them_where_a_prefix_was_named(there: FakeProvider) -> None:
    with connect_provider(replace(settings(there), groups_prefix="oidc:")) as named:
        groups = named.verify(there.id_token(groups=["nlp", "oidc:nlp"]), NOW).groups
    assert groups == ("oidc:nlp", "oidc:oidc:nlp"), "it is put before each: nobody calls himself by a name that has it"


WORDS = st.text('abXY01-_.=\n\ud800é{}[]",:', max_size=40)


@pytest.fixture(scope="module")
def one() -> Iterator[tuple[FakeProvider, OidcProvider]]:
    """For all examples of a property."""
    with running(FakeProvider()) as there, connect_provider(settings(there)) as client:
        yield there, client


@given(st.data())
def test_a_good_one_in_which_anything_was_replaced_is_refused(
    one: tuple[FakeProvider, OidcProvider], data: st.DataObject
) -> None:
    there, client = one
    pieces = there.id_token().split(".")
    place = data.draw(st.integers(0, 2))
    kept = pieces[place]
    start = data.draw(st.integers(0, len(kept) - 1))
    new = data.draw(st.text("abXY01-_", min_size=1, max_size=4).filter(lambda text: not kept[start:].startswith(text)))
    pieces[place] = kept[:start] + new + kept[start + len(new) :]
    refusal(lambda: client.verify(".".join(pieces), NOW))


@given(WORDS | st.lists(WORDS, min_size=3, max_size=3).map(".".join))
def test_what_is_no_token_is_refused(one: tuple[FakeProvider, OidcProvider], text: str) -> None:
    refusal(lambda: one[1].verify(text, NOW))
