"""Whom notices go to: by a file of the server's user, by the contacts that teams have named, and by people's addresses.

# notices.yaml: `allot up --notices notices.yaml`; it holds secrets, so that nobody else may read it
receivers:
  nlp-chat: {kind: slack, url: https://hooks.slack.com/services/T0/B0/secret, teams: [nlp]}
  leads: {kind: mail, address: leads@acme.example, routes: [engineering-leadership]}
  pager: {kind: webhook, url: https://pager.acme.internal:8443/allotment, secret: as-long-as-a-password, platform: true}
mail: {host: smtp.acme.example, port: 587, tls: starttls, from: allotment@acme.example, user: allotment, password: p}
innerHosts: [pager.acme.internal:8443]    # may lie in the inner network
certificates: /etc/ssl/acme.pem           # trusted beside those of the machine
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from allotment.errors import InputError, quoted, spelled
from allotment.model.access.person import Person
from allotment.model.decoding import converted
from allotment.model.platform import Platform
from allotment.model.requests.notice import Audience, AudienceKind, Notice
from allotment.operations.decide.desk import owned
from allotment.ports.notices import MailServer, MailTls, Receiver, ReceiverKind
from allotment.requests.approvers import Somebody, is_named

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_FIX: Final = "see docs/notices.md for its fields"
_LEAST_SECRET: Final = 16
"""Characters: a shorter one is guessed."""


@dataclass(frozen=True, slots=True)
class NamedReceiver:
    """A receiver, and what it is told of.

    Attributes:
        teams: names; ``*`` for every team.
        routes: names of routes whose requests wait.
        people: user names, of whose requests something was decided.
        platform: whether it stands for the platform's engineers.
    """

    receiver: Receiver
    teams: frozenset[str]
    routes: frozenset[str]
    people: frozenset[str]
    platform: bool

    def hears(self, audience: Audience) -> bool:
        """Whether it is among them."""
        match audience.kind:
            case AudienceKind.TEAM:
                return not self.teams.isdisjoint({audience.name, "*"})
            case AudienceKind.ROUTE:
                return audience.name in self.routes
            case AudienceKind.PERSON:
                return audience.name in self.people
            case AudienceKind.PLATFORM:
                return self.platform


@dataclass(frozen=True, slots=True)
class ConfiguredNotices:
    """What the file says; see the module.

    Attributes:
        inner: hosts of webhooks that may lie in the inner network, each ``HOST:PORT``.
        mail: None where no mail is sent.
        certificates: path of a file; empty for none.
    """

    receivers: tuple[NamedReceiver, ...]
    mail: MailServer | None
    inner: tuple[str, ...]
    certificates: str


def configured_notices(raw: Any) -> ConfiguredNotices:
    """Of what was read from the file.

    Raises:
        InputError: a field is missing, unknown or of another form.
    """
    if not isinstance(raw, dict):
        raise InputError("a file of receivers is a mapping of fields", fix=_FIX)
    try:
        written = converted(raw, _NoticesFile)
    except msgspec.ValidationError as error:
        raise InputError("a file of receivers has a wrong field", why=str(error), fix=_FIX) from error
    mail = written.mail
    server = None if mail is None else MailServer(mail.host, mail.port, mail.tls, mail.sender, mail.user, mail.password)
    found = tuple(_receiver(name, each, server) for name, each in written.receivers.items())
    return ConfiguredNotices(found, server, written.inner, written.certificates)


def _receiver(name: str, written: _WrittenReceiver, mail: MailServer | None) -> NamedReceiver:
    what = f"receiver {quoted(name)}"
    if not _NAME.fullmatch(name):
        raise InputError(f"{what} cannot be called so", why="names are letters, digits, dots and dashes", fix=_FIX)
    by_mail = written.kind is ReceiverKind.MAIL
    if bool(written.address) is not by_mail or bool(written.url) is by_mail:
        raise InputError(f"{what} has {'an address' if by_mail else 'a url'}, and no other", fix=_FIX)
    if by_mail and mail is None:
        raise InputError(f"mail to {what} is not sent", why="the file names no mail server", fix="add field mail")
    if (written.kind is ReceiverKind.WEBHOOK) is not bool(written.secret):
        why = "a receiver of kind webhook tells our notices from anybody's by it, and others have none"
        raise InputError(f"{what}: a secret belongs to a webhook", why=why, fix=_FIX)
    if written.secret and len(written.secret) < _LEAST_SECRET:
        raise InputError(f"{what}: its secret is too short", fix=f"make it {_LEAST_SECRET} characters or more")
    if not (written.teams or written.routes or written.people or written.platform):
        raise InputError(f"{what} would be told nothing", fix="name teams, routes or people, or write platform: true")
    return NamedReceiver(
        Receiver(name, written.kind, written.address or written.url, written.secret),
        frozenset(written.teams),
        frozenset(written.routes),
        frozenset(written.people),
        written.platform,
    )


class _WrittenReceiver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: ReceiverKind
    address: str = ""
    url: str = ""
    secret: str = ""
    teams: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    platform: bool = False


class _WrittenMail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: str
    sender: str = msgspec.field(name="from")
    port: int = 587
    tls: MailTls = MailTls.STARTTLS
    user: str = ""
    password: str = ""


class _NoticesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    receivers: dict[str, _WrittenReceiver] = {}
    mail: _WrittenMail | None = None
    inner: tuple[str, ...] = msgspec.field(name="innerHosts", default=())
    certificates: str = ""


def receivers_of(
    notice: Notice, configured: ConfiguredNotices, platform: Platform, people: Iterable[Person], now: int
) -> tuple[Receiver, ...]:
    """Whom a notice goes to; nobody twice.

    Args:
        notice: to be told.
        configured: of the file.
        platform: as declared now, for contacts, routes and groups.
        people: who has signed in, with groups and address as their provider told them last.
        now: milliseconds since the epoch.
    """
    named = [each.receiver for each in configured.receivers if any(map(each.hears, notice.to))]
    if configured.mail is None:
        return tuple(named)
    known = {each.name: each for each in people if each.suspended is None and each.email}
    found = (one for audience in notice.to for one in _addresses(audience, notice.team, platform, known, now))
    reached = {each.address for each in named}
    by_mail = {address: name for name, address in reversed(tuple(found)) if address not in reached}
    return (*named, *(Receiver(name, ReceiverKind.MAIL, address) for address, name in by_mail.items()))


def unknown_names(configured: ConfiguredNotices, platform: Platform) -> tuple[str, ...]:
    """What receivers name that the platform directory does not, in sentences."""
    teams = {"*", *(each.name for each in platform.teams)}
    routes = {each.name for each in platform.approvals.routes}
    return tuple(
        f"receiver {each.receiver.name} of notices names {what} {spelled(name)}, which the platform has not"
        for each in configured.receivers
        for what, names, known in (("team", each.teams, teams), ("route", each.routes, routes))
        for name in sorted(names - known)
    )


def _addresses(
    audience: Audience, team: str, platform: Platform, known: Mapping[str, Person], now: int
) -> Iterator[tuple[str, str]]:
    """Names, which no receiver of the file can have, and addresses."""
    if audience.kind is AudienceKind.TEAM:
        found = platform.team(audience.name)
        for number, each in enumerate(() if found is None else found.contacts, start=1):
            if each.kind == "email":
                yield f"contact {number} of {audience.name}", each.address
        return
    for name in _people(audience, team, platform, known, now):
        yield f"person {name}", known[name].email


def _people(audience: Audience, team: str, platform: Platform, known: Mapping[str, Person], now: int) -> Iterator[str]:
    if audience.kind is AudienceKind.PERSON:
        yield from {audience.name} & known.keys()
    elif audience.kind is AudienceKind.PLATFORM:
        yield from (name for name, each in known.items() if not set(each.groups).isdisjoint(platform.admin_groups))
    else:
        yield from _deciding(audience.name, team, platform, known, now)


def _deciding(name: str, team: str, platform: Platform, known: Mapping[str, Person], now: int) -> Iterator[str]:
    """Of those that are known, whom a route names; of who is away, who stands in for him."""
    route = platform.approvals.route(name)
    if route is None:
        return
    away = {each.user: each.delegate for each in platform.approvals.absences if each.since <= now < each.until}
    for person in known.values():
        somebody = Somebody(person.name, frozenset(person.groups), owned(platform, person.groups))
        decides = away.get(person.name, person.name) if is_named(somebody, team, route) else ""
        if decides in known:
            yield decides
