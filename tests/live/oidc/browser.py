"""Somebody with a browser at the real provider: cookies, redirects and forms, without the picture."""

from __future__ import annotations

import html
import re
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

import httpx2 as httpx

from allotment.ports.identity import DevicePrompt

_FORM: Final = re.compile(r"<form[^>]*>.*?</form>", re.DOTALL)
_ATTRIBUTE: Final = re.compile(r'(\w+)="([^"]*)"')
_STEPS: Final = 20


class Person:
    """One visit: nothing is remembered of an earlier one."""

    def __init__(self, authority: Path, login: str | None) -> None:
        """Of a browser that trusts the provider.

        Args:
            authority: file of certificates.
            login: under which he signs in; None where he declines.
        """
        trusted = ssl.create_default_context(cafile=str(authority))
        self._http = httpx.Client(verify=trusted, trust_env=False, timeout=30)
        self._login = login

    def browse(self, url: str, redirect: str) -> str:
        """Sign in, or decline; the query with which the browser is sent back."""
        with self._http:
            response = self._http.get(url)
            for _ in range(_STEPS):
                if response.is_redirect:
                    address = urljoin(str(response.url), response.headers["Location"])
                    if address.startswith(f"{redirect}?"):
                        return address.partition("?")[2]
                    response = self._http.get(address)
                else:
                    response = self._next(response)
        raise AssertionError("the provider never sent the browser back")

    def type_code(self, prompt: DevicePrompt) -> None:
        """On another device: type the code, look at it, sign in; or decline where it is to be confirmed."""
        with self._http:
            response = self._http.get(prompt.address)
            (form,) = forms(response.text)
            response = self._send(response, form, user_code=prompt.user_code)
            if self._login is None:
                confirm = next(each for each in forms(response.text) if "confirm" in each[1])
                fields = {name: value for name, value in confirm[1].items() if name != "confirm"}
                response = self._send(response, (confirm[0], fields), abort="yes")
                return
            for _ in range(_STEPS):
                if response.is_redirect:
                    response = self._http.get(urljoin(str(response.url), response.headers["Location"]))
                elif forms(response.text):
                    response = self._next(response)
                else:
                    assert response.is_success, response.text
                    return
        raise AssertionError("the provider never was content")

    def _next(self, response: httpx.Response) -> httpx.Response:
        """What somebody does on a page of the provider."""
        assert response.is_success, response.text
        if self._login is None:
            (abort,) = set(re.findall(r'href="([^"]*/abort)"', response.text))
            return self._http.get(urljoin(str(response.url), html.unescape(abort)))
        (form,) = forms(response.text)
        if "password" in form[1]:
            return self._send(response, form, login=self._login, password="x")
        return self._send(response, form)

    def _send(self, response: httpx.Response, form: tuple[str, dict[str, str]], **more: str) -> httpx.Response:
        return self._http.post(urljoin(str(response.url), form[0]), data={**form[1], **more})


def forms(page: str) -> list[tuple[str, dict[str, str]]]:
    """Where each form goes, and its fields."""
    found: list[tuple[str, dict[str, str]]] = []
    for text in _FORM.findall(page):
        marks = dict(_ATTRIBUTE.findall(text.partition(">")[0]))
        inputs = [dict(_ATTRIBUTE.findall(each)) for each in re.findall(r"<input[^>]*>", text)]
        fields = {each["name"]: html.unescape(each.get("value", "")) for each in inputs if "name" in each}
        found.append((html.unescape(marks.get("action", "")), fields))
    return found
