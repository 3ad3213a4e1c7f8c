"""How people sign in to a server, as it was started."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from allotment.api.browsers import CALLBACK
from allotment.api.telemetry.saying import say
from allotment.errors import AllotmentError, UsageError
from allotment.model.access.rights import PeopleOfPlatform
from allotment.operations.access.signing_in import SignIns
from allotment.ports.clock import Clock
from allotment.ports.identity import ProviderSettings
from allotment.ports.sign_in import SignInOffer
from allotment.ports.store import JobsStore
from allotment.wiring import running


@dataclass(frozen=True, slots=True)
class OidcWords:
    """What a server was started with.

    Attributes:
        issuer: address of the identity provider; empty for none.
        client: name under which it knows this client.
        groups: claim of its tokens that lists groups.
        scopes: that are asked for, with spaces between them.
        authority: file of certificates that the provider's is checked against; empty for those of the machine.
        groups_prefix: what the platform directory puts before the names of its groups.
    """

    issuer: str
    client: str
    groups: str
    scopes: str
    authority: str
    groups_prefix: str = ""


def sign_ins(
    words: OidcWords,
    store: JobsStore,
    people: Callable[[], PeopleOfPlatform],
    clock: Clock,
    opened: ExitStack,
    *,
    names: Collection[str] | None,
    origins: Collection[str] = (),
) -> SignIns | None:
    """Of people whom an identity provider knows; None where none is named.

    Args:
        words: what the server was started with.
        store: where people and tokens are.
        people: which groups are what.
        clock: the machine's own, as the provider has it.
        opened: closes what is opened here.
        names: by which the server may be called on the network; None where it does not listen there.
        origins: of its pages.

    Raises:
        UsageError: nobody could come, or the provider cannot be one.
        InputError: the file of certificates cannot be read.
    """
    if not words.issuer:
        return None
    if names is None:
        raise UsageError(
            "nobody can sign in at a server that does not listen",
            why="--oidc-issuer is for those who come over the network",
            fix="name an address as well: --listen",
        )
    settings = ProviderSettings(
        words.issuer,
        words.client,
        redirects=frozenset(f"{each}{CALLBACK}" for each in origins),
        scopes=tuple(words.scopes.split()),
        groups_claim=words.groups,
        authority=Path(words.authority) if words.authority else None,
        plain_on_loopback=True,
        groups_prefix=words.groups_prefix,
    )
    provider = opened.enter_context(running.identity_provider(settings, say))
    offered = SignInOffer(words.issuer, words.client, settings.scopes, "")
    coming = SignIns(store, provider, offered, people, clock, os.urandom, names)
    coming.warn(say)
    opened.callback(_end, coming)
    return coming


def _end(coming: SignIns) -> None:
    try:
        coming.end()
    except AllotmentError as error:
        say(f"the audit trail lacks refused sign-ins: {error.whole}")
