"""Somebody with a browser at a real Keycloak: it asks for a password and for consent, and has buttons of its own."""

from __future__ import annotations

from typing import Final
from urllib.parse import urljoin

import httpx2 as httpx

from allotment.ports.identity import DevicePrompt
from tests.live.oidc.browser import Person, forms
from tools.keycloak import PASSWORD, RunningKeycloak
from tools.oidc_provider import RunningProvider

DECLINES: Final = "dan"
"""Who has never consented: whoever has is not asked again."""
_STEPS: Final = 20


class KeycloakVisitor(Person):
    """One visit."""

    def type_code(self, prompt: DevicePrompt) -> None:
        """On another device: open the address in which the code is typed already, sign in, and consent or decline."""
        with self._http:
            response = self._http.get(prompt.address, params={"user_code": prompt.user_code})
            for _ in range(_STEPS):
                if response.is_redirect:
                    response = self._http.get(urljoin(str(response.url), response.headers["Location"]))
                elif forms(response.text):
                    response = self._next(response)
                else:
                    return
        raise AssertionError("Keycloak never was content")

    def _next(self, response: httpx.Response) -> httpx.Response:
        assert response.is_success, response.text
        (form,) = forms(response.text)
        if "password" in form[1]:
            return self._send(response, form, username=self._login or DECLINES, password=PASSWORD)
        assert "/consent" in form[0], response.text
        return self._send(response, form, **({"cancel": "No"} if self._login is None else {"accept": "Yes"}))


def visitor(real: RunningProvider, login: str | None) -> Person:
    """Somebody with a browser at a provider.

    Args:
        real: the provider.
        login: under which he signs in; None where he declines.
    """
    kind = KeycloakVisitor if isinstance(real, RunningKeycloak) else Person
    return kind(real.authority, login)
