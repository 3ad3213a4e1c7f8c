"""Tokens and visitors, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allotment.model.moments import written
from allotment.ports.access_service import ToldPerson, ToldToken, Visitor


def token_document(token: ToldToken) -> Mapping[str, Any]:
    """A token, without its secret."""
    return {
        "id": token.id,
        "name": token.name,
        "permissions": token.permissions,
        "by": token.by,
        "team": token.team or None,
        "created": written(token.created),
        "expires": written(token.expires),
        "lastUsed": None if token.used is None else written(token.used),
        "revoked": None if token.revoked is None else written(token.revoked),
    }


def given_document(token: ToldToken, text: str) -> Mapping[str, Any]:
    """A new token, with what nobody can tell again."""
    return {"kind": "NewToken", **token_document(token), "token": text}


def person_document(person: ToldPerson) -> Mapping[str, Any]:
    """Somebody who has signed in."""
    return {
        "id": person.id,
        "name": person.name,
        "email": person.email or None,
        "issuer": person.issuer,
        "groups": person.groups,
        "roles": person.roles,
        "first": written(person.first),
        "lastSignIn": written(person.seen),
        "shutOut": None if person.suspended is None else written(person.suspended),
    }


def visitor_document(visitor: Visitor, address: str) -> Mapping[str, Any]:
    """Who one is for a server."""
    return {
        "kind": "Visitor",
        "name": visitor.name,
        "callerKind": visitor.kind,
        "roles": visitor.roles,
        "permissions": visitor.permissions,
        "server": address or None,
        "platform": visitor.platform,
        "version": visitor.version,
        "token": None if visitor.token is None else token_document(visitor.token),
    }
