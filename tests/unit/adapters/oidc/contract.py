"""What every provider does by which people sign in: the same cases run on the fake (unit) and on a real one (live).

A suite that inherits `ProviderContract` gives the fixture `bench`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

import pytest

from allotment.errors import UsageError
from allotment.ports.identity import (
    DevicePrompt,
    Flaw,
    IdentityProvider,
    IdentityRefusedError,
    SignedIn,
    SignInAttempt,
    new_attempt,
    secret_word,
)
from tests.unit.adapters.oidc.provider import GROUPS

HOUR: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Bench:
    """A provider, and people at it.

    Attributes:
        provider: as the client that is meant sees it.
        stranger: the same provider, as another client of it sees it.
        redirect: where browsers come back to.
        now: the present.
        browse: somebody opens an address and signs in under that name, or declines (None); the query that comes back.
        on_device: somebody types the code of a prompt, and signs in or declines.
        dismiss: somebody is no person of the provider any more.
    """

    provider: IdentityProvider
    stranger: IdentityProvider
    redirect: str
    now: Callable[[], int]
    browse: Callable[[str, str | None], str]
    on_device: Callable[[DevicePrompt, str | None], None]
    dismiss: Callable[[str], None]

    def attempt(self) -> SignInAttempt:
        return new_attempt(self.redirect, secrets.token_bytes)

    def code(self, attempt: SignInAttempt, login: str = "ada", provider: IdentityProvider | None = None) -> str:
        asked = provider or self.provider
        query = self.browse(asked.authorization_url(attempt, self.now()), login)
        return asked.code_of(query, attempt, self.now())

    def signed_in(self, login: str = "ada") -> SignedIn:
        attempt = self.attempt()
        return self.provider.redeem(self.code(attempt, login), attempt, self.now())


def refusal(ask: Callable[[], object]) -> Flaw:
    with pytest.raises(IdentityRefusedError) as caught:
        ask()
    return caught.value.flaw


class ProviderContract:
    def test_somebody_signs_in_and_his_groups_come_with_him(self, bench: Bench) -> None:
        found = bench.signed_in().identity
        assert found.key == (bench.provider.issuer, "ada")
        assert (found.name, found.email, found.groups) == ("ada", "ada@acme.example", GROUPS)
        assert bench.now() < found.expires <= bench.now() + 2 * HOUR

    def test_his_token_says_who_he_is_until_its_time_is_over(self, bench: Bench) -> None:
        signed_in = bench.signed_in()
        assert bench.provider.verify(signed_in.token, bench.now()) == signed_in.identity
        late = signed_in.identity.expires + 60_001
        assert refusal(lambda: bench.provider.verify(signed_in.token, late)) is Flaw.TIME

    def test_a_token_that_was_touched_is_nobody_s(self, bench: Bench) -> None:
        header, payload, signature = bench.signed_in().token.split(".")
        other = bench.signed_in("eve").token.split(".")
        for touched in (f"{header}.{other[1]}.{signature}", f"{header}.{payload}.{other[2]}"):
            assert refusal(lambda token=touched: bench.provider.verify(token, bench.now())) is Flaw.SIGNATURE

    def test_a_token_for_another_client_is_none_for_us(self, bench: Bench) -> None:
        attempt = bench.attempt()
        theirs = bench.stranger.redeem(bench.code(attempt, provider=bench.stranger), attempt, bench.now())
        assert bench.stranger.verify(theirs.token, bench.now()).subject == "ada"
        assert refusal(lambda: bench.provider.verify(theirs.token, bench.now())) is Flaw.AUDIENCE

    def test_whoever_has_a_code_without_its_verifier_has_nothing(self, bench: Bench) -> None:
        attempt = bench.attempt()
        code = bench.code(attempt)
        thief = replace(attempt, verifier=secret_word(secrets.token_bytes))
        assert refusal(lambda: bench.provider.redeem(code, thief, bench.now())) is Flaw.DENIED

    def test_a_code_is_worth_something_once(self, bench: Bench) -> None:
        attempt = bench.attempt()
        code = bench.code(attempt)
        bench.provider.redeem(code, attempt, bench.now())
        assert refusal(lambda: bench.provider.redeem(code, attempt, bench.now())) is Flaw.DENIED

    def test_a_code_of_another_sign_in_is_noticed(self, bench: Bench) -> None:
        """As where somebody slips his own code to another, who then works in his name."""
        attempt = bench.attempt()
        code = bench.code(attempt)
        other = replace(attempt, nonce=bench.attempt().nonce)
        assert refusal(lambda: bench.provider.redeem(code, other, bench.now())) is Flaw.NONCE

    def test_what_a_browser_brings_belongs_to_the_sign_in_or_counts_nothing(self, bench: Bench) -> None:
        attempt = bench.attempt()
        query = bench.browse(bench.provider.authorization_url(attempt, bench.now()), "ada")
        assert refusal(lambda: bench.provider.code_of(query, bench.attempt(), bench.now())) is Flaw.STATE
        assert bench.provider.code_of(query, attempt, bench.now())

    def test_he_may_decline(self, bench: Bench) -> None:
        attempt = bench.attempt()
        query = bench.browse(bench.provider.authorization_url(attempt, bench.now()), None)
        assert refusal(lambda: bench.provider.code_of(query, attempt, bench.now())) is Flaw.DENIED

    def test_nobody_is_sent_back_to_where_it_was_not_agreed(self, bench: Bench) -> None:
        elsewhere = replace(bench.attempt(), redirect="https://evil.example/callback")
        for ask in (
            lambda: bench.provider.authorization_url(elsewhere, bench.now()),
            lambda: bench.provider.redeem("code", elsewhere, bench.now()),
        ):
            with pytest.raises(UsageError):
                ask()

    def test_it_is_asked_again_whether_he_still_is_one(self, bench: Bench) -> None:
        signed_in = bench.signed_in()
        again = bench.provider.refresh(signed_in.refresh_token, signed_in.identity, bench.now())
        assert again.identity.key == signed_in.identity.key
        assert again.identity.groups == GROUPS
        assert again.refresh_token

    def test_whoever_was_dismissed_is_nobody_at_the_next_question(self, bench: Bench) -> None:
        signed_in = bench.signed_in("bob")
        bench.dismiss("bob")
        ask = lambda: bench.provider.refresh(signed_in.refresh_token, signed_in.identity, bench.now())  # noqa: E731
        assert refusal(ask) is Flaw.DENIED

    def test_what_was_never_given_is_worth_nothing(self, bench: Bench) -> None:
        identity = bench.signed_in().identity
        assert refusal(lambda: bench.provider.refresh("made-up", identity, bench.now())) is Flaw.DENIED
        assert refusal(lambda: bench.provider.redeem("made-up", bench.attempt(), bench.now())) is Flaw.DENIED

    def test_somebody_else_s_refresh_is_not_his(self, bench: Bench) -> None:
        ada, eve = bench.signed_in(), bench.signed_in("eve")
        ask = lambda: bench.provider.refresh(eve.refresh_token, ada.identity, bench.now())  # noqa: E731
        assert refusal(ask) is Flaw.SUBJECT

    def test_he_signs_in_on_another_device(self, bench: Bench) -> None:
        prompt = bench.provider.device_start(secret_word(secrets.token_bytes), bench.now())
        assert prompt.address.startswith(bench.provider.issuer)
        assert prompt.expires > bench.now()
        waits = bench.provider.device_poll(prompt, bench.now())
        assert isinstance(waits, DevicePrompt)
        bench.on_device(waits, "ada")
        found = bench.provider.device_poll(waits, bench.now())
        assert isinstance(found, SignedIn)
        assert (found.identity.subject, found.identity.groups) == ("ada", GROUPS)
        assert refusal(lambda: bench.provider.device_poll(waits, bench.now())) is Flaw.DENIED

    def test_he_may_decline_there_as_well(self, bench: Bench) -> None:
        prompt = bench.provider.device_start(secret_word(secrets.token_bytes), bench.now())
        bench.on_device(prompt, None)
        assert refusal(lambda: bench.provider.device_poll(prompt, bench.now())) is Flaw.DENIED

    def test_a_prompt_is_over_in_time(self, bench: Bench) -> None:
        prompt = bench.provider.device_start(secret_word(secrets.token_bytes), bench.now())
        assert refusal(lambda: bench.provider.device_poll(prompt, prompt.expires)) is Flaw.DENIED

    def test_an_answer_that_names_another_provider_is_none(self, bench: Bench) -> None:
        attempt = bench.attempt()
        query = urlencode({"code": "x", "state": attempt.state, "iss": "https://evil.example"})
        assert refusal(lambda: bench.provider.code_of(query, attempt, bench.now())) is Flaw.ISSUER
