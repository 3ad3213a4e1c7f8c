"""Routes of who gets in, and of what the server was declared by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from fastapi import Depends, Request, Response

from allotment.api.bodies import JSON, text_within, value_answer
from allotment.api.doors import Asked, Routes
from allotment.model.access.permission import Permission
from allotment.model.jobs.written import SENT, read_value

_MOST_ASKED: Final = 64 << 10
"""Bytes of what is said of a token that is to be made."""


@dataclass(frozen=True, slots=True)
class AskedToken:
    """A token that somebody asks for; see `AccessService.make_token`."""

    name: str
    permissions: tuple[str, ...]
    lasts: int


def add_access_routes(routes: Routes) -> None:
    """Who asks; what is declared; tokens, which are made and taken back."""

    @routes.add("GET", "/v1/whoami", Permission.READ)
    def whoami(asked: Asked) -> Response:
        return value_answer("visitor", asked.access.whoami())

    @routes.add("GET", "/v1/platform", Permission.READ)
    def declared(asked: Asked) -> Response:
        return Response(msgspec.json.encode(dict(asked.jobs.declared())), media_type=JSON)

    @routes.add("GET", "/v1/tokens", Permission.TOKENS)
    def tokens(asked: Asked) -> Response:
        return value_answer("tokens", asked.access.tokens())

    @routes.add("POST", "/v1/tokens", Permission.TOKENS)
    def make(asked: Asked, wanted: Annotated[AskedToken, Depends(_wanted)]) -> Response:
        return value_answer("given", asked.access.make_token(wanted.name, wanted.permissions, wanted.lasts))

    @routes.add("DELETE", "/v1/tokens/{reference}", Permission.TOKENS)
    def revoke(asked: Asked, reference: str) -> Response:
        return value_answer("token", asked.access.revoke_token(reference))


async def _wanted(request: Request) -> AskedToken:
    text = await text_within(request, "word about a token", _MOST_ASKED, "say less")
    return read_value("wanted", AskedToken, text, SENT)
