"""Whom notices go to, as a file says, the platform directory, and what is known of people."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from allotment.errors import InputError
from allotment.model.access.person import Person
from allotment.model.requests.notice import Audience, AudienceKind, Notice, NoticeKind, NoticeSeverity
from allotment.operations.decide.receivers import configured_notices, receivers_of, unknown_names
from allotment.ports.notices import MailServer, MailTls, ReceiverKind
from tests.unit.operations.decide.test_desk import ACME, load

NOW = 1_796_000_000_000
MAIL = {"host": "smtp.acme.example", "from": "allotment@acme.example", "user": "allotment", "password": "p"}
HOOK = {"kind": "webhook", "url": "https://x.example/", "secret": "as-long-as-a-password", "teams": ["nlp"]}
PEOPLE = tuple(
    Person(f"p{number}", "https://id.example", name, name, email, groups, 0, 0, suspended)
    for number, (name, email, groups, suspended) in enumerate(
        (
            ("ada", "ada@acme.example", ("acme-nlp",), None),
            ("boss", "boss@acme.example", ("acme-engineering-leads",), None),
            ("gone", "gone@acme.example", ("acme-engineering-leads",), 5),
            ("mute", "", ("acme-engineering-leads",), None),
            ("dep", "dep@acme.example", (), None),
            ("eng", "eng@acme.example", ("acme-platform-engineers",), None),
        )
    )
)


def notice(*to: Audience, team: str = "nlp") -> Notice:
    return Notice("k", NoticeKind.QUOTA, NoticeSeverity.INFO, team, to, "s", (), (), ())


TEAM, OTHERS = Audience(AudienceKind.TEAM, "nlp"), Audience(AudienceKind.TEAM, "cv")
ROUTE = Audience(AudienceKind.ROUTE, "engineering-leadership")
ADA, ENGINEERS = Audience(AudienceKind.PERSON, "ada"), Audience(AudienceKind.PLATFORM)
RECEIVERS = {
    "hook": HOOK,
    "chat": {"kind": "slack", "url": "https://hooks.example/s", "teams": ["*"], "platform": True},
    "leads": {"kind": "mail", "address": "leads@acme.example", "routes": ["engineering-leadership", "no-such"]},
    "adas": {"kind": "teams", "url": "https://teams.example/", "people": ["ada"]},
}


@pytest.mark.parametrize(
    ("to", "names"),
    [
        ((TEAM,), ["hook", "chat"]),
        ((OTHERS,), ["chat"]),
        ((ROUTE,), ["leads", "person boss"]),
        ((ADA,), ["adas", "person ada"]),
        ((ENGINEERS,), ["chat", "person eng"]),
        ((TEAM, ENGINEERS), ["hook", "chat", "person eng"]),
        ((Audience(AudienceKind.PERSON, "gone"), Audience(AudienceKind.ROUTE, "no-such")), ["leads"]),
    ],
    ids=repr,
)
def test_each_hears_what_is_for_him(to: tuple[Audience, ...], names: list[str]) -> None:
    configured = configured_notices({"receivers": RECEIVERS, "mail": MAIL})
    found = receivers_of(notice(*to), configured, load(_without_contacts()), PEOPLE, NOW)
    assert sorted(each.name for each in found) == sorted(names)


def test_contacts_and_deputies_hear_it_and_an_address_once() -> None:
    files = _without_contacts()
    files["teams/nlp.yaml"] += (
        "contacts:\n  - {kind: chat, address: '#nlp'}\n  - {kind: email, address: boss@acme.example}\n"
    )
    files["approvals.yaml"] += (
        "absences:\n  - {user: boss, delegate: dep, from: 2026-11-01T00:00:00Z, until: 2027-01-31T00:00:00Z}\n"
    )
    configured = configured_notices({"receivers": {"hook": HOOK}, "mail": MAIL})
    platform = load(files)
    found = receivers_of(notice(TEAM, Audience(AudienceKind.PERSON, "boss")), configured, platform, PEOPLE, NOW)
    assert [(each.name, each.address) for each in found][1:] == [("contact 2 of nlp", "boss@acme.example")]
    found = receivers_of(notice(ROUTE), configured, platform, PEOPLE, NOW)
    assert [(each.name, each.kind) for each in found] == [("person dep", ReceiverKind.MAIL)]


def test_without_a_mail_server_nobody_gets_mail() -> None:
    configured = configured_notices({"receivers": {"hook": HOOK}})
    assert [each.name for each in receivers_of(notice(TEAM, ADA, ROUTE), configured, load(ACME), PEOPLE, NOW)] == [
        "hook"
    ]


def test_what_the_file_says_is_what_is_used_and_secrets_stay_in() -> None:
    configured = configured_notices(
        {"receivers": RECEIVERS, "mail": {**MAIL, "tls": "implicit", "port": 465}, "innerHosts": ["a:1"]}
    )
    sender = "allotment@acme.example"
    assert configured.mail == MailServer("smtp.acme.example", 465, MailTls.IMPLICIT, sender, "allotment", "p")
    assert (configured.inner, configured.certificates) == (("a:1",), "")
    assert "as-long" not in repr(configured)
    assert "x.example" not in repr(configured)
    assert unknown_names(configured, load(ACME)) == (
        "receiver leads of notices names route no-such, which the platform has not",
    )


WRONG: dict[str, tuple[Any, str]] = {
    "no mapping": (["a"], "is a mapping"),
    "unknown field": ({"receiver": {}}, "unknown field"),
    "unknown field of one": ({"receivers": {"a": {**HOOK, "team": ["nlp"]}}}, "unknown field"),
    "kind": ({"receivers": {"a": {**HOOK, "kind": "sms"}}}, "wrong field"),
    "number": ({"receivers": {"a": {**HOOK, "secret": 1}}}, "wrong field"),
    "name": ({"receivers": {"a b": HOOK}}, "cannot be called so"),
    "no url": ({"receivers": {"a": {**HOOK, "url": ""}}}, "has a url"),
    "both": ({"receivers": {"a": {**HOOK, "address": "a@b.example"}}}, "has a url"),
    "mail with url": ({"receivers": {"a": {"kind": "mail", "url": "https://x"}}, "mail": MAIL}, "has an address"),
    "mail without a server": (
        {"receivers": {"a": {"kind": "mail", "address": "a@b.example", "teams": ["nlp"]}}},
        "is not sent",
    ),
    "no secret": ({"receivers": {"a": {**HOOK, "secret": ""}}}, "a secret belongs to a webhook"),
    "secret of slack": ({"receivers": {"a": {**HOOK, "kind": "slack"}}}, "a secret belongs to a webhook"),
    "short secret": ({"receivers": {"a": {**HOOK, "secret": "short"}}}, "too short"),
    "told nothing": ({"receivers": {"a": {**HOOK, "teams": []}}}, "would be told nothing"),
    "tls": ({"mail": {**MAIL, "tls": "none"}}, "wrong field"),
    "no sender": ({"mail": {"host": "x"}}, "wrong field"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_told_without_its_secrets(name: str) -> None:
    raw, says = WRONG[name]
    with pytest.raises(InputError) as caught:
        configured_notices(raw)
    assert says in f"{caught.value}"
    assert "as-long" not in f"{caught.value}"


def _without_contacts() -> dict[str, str]:
    files = dict(ACME)
    team = yaml.safe_load(files["teams/nlp.yaml"])
    team.pop("contacts", None)
    files["teams/nlp.yaml"] = yaml.safe_dump(team, sort_keys=False)
    return {
        path: text
        if "contacts" not in text
        else yaml.safe_dump({k: v for k, v in yaml.safe_load(text).items() if k != "contacts"})
        for path, text in files.items()
    }
