"""`allot audit` of a server elsewhere: with an auditor's rights, and the chain is reckoned here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from allotment.adapters.server.trail import TrailThere
from allotment.api import streaming
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.audit.act import AuditSubject, AuditVerb, act_of
from allotment.model.audit.chain import AuditEntry, ChainHead, chained
from allotment.ports.audit import AuditFilter
from allotment.ports.store import StoreError
from allotment.reports.documents.audit import exported
from tests.unit.api.premises import AUDITOR, NETWORK, WAYS, Premises, opened
from tests.unit.cli.conftest import Run, home, run
from tests.unit.operations.decide.test_desk import MEMBER

__all__ = ["home", "run"]  # fixtures

MANY = 1203
"""Entries: more than a page has, and more than are sent at once."""


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    """A server with a long trail, which nobody here adds to but by coming in."""
    with opened(tmp_path_factory.mktemp("server")) as found:
        eve = Caller("eve", CallerKind.LOCAL, "unix socket")
        details = (("devices", "1 a100"), ("said", "tab\t, and \u2028 a line"))
        found.office.store.audit(
            [
                act_of(eve, AuditVerb.JOB_STOPPED, 1_000 + each, AuditSubject(f"job/j{each}", "train", "nlp"),
                       why="it hung", details=details)
                for each in range(MANY)
            ]
        )  # fmt: skip
        yield found


@pytest.fixture
def auditor(premises: Premises, monkeypatch: pytest.MonkeyPatch) -> Premises:
    """An auditor's machine, on which `allot login` has left an address and a token."""
    monkeypatch.setenv("ALLOTMENT_SERVER", premises.address)
    monkeypatch.setenv("ALLOTMENT_TOKEN", premises.session("grace", *AUDITOR))
    return premises


@pytest.mark.parametrize("way", WAYS)
def test_a_trail_is_read_the_same_here_and_there(premises: Premises, way: str) -> None:
    store = premises.office.store
    trail = premises.own(way).trail
    assert [*trail.whole_audit()] == [*store.whole_audit()]
    assert trail.audit_head() == store.audit_head()
    for wanted in (
        AuditFilter(),
        AuditFilter(verb="job", team="nlp", since=1_010, until=1_900),
        AuditFilter(who="eve", about="train", outcome="done"),
        AuditFilter(about="job/j7"),
        AuditFilter(who="nobody & co"),
    ):
        page = trail.audited(wanted, limit=7)
        assert page == store.audited(wanted, limit=7)
        if page.before is not None:
            assert trail.audited(wanted, before=page.before) == store.audited(wanted, before=page.before)
    assert len(trail.audited(AuditFilter(), limit=5_000).entries) == 1_000


def test_an_auditor_searches_page_by_page(run: Run, auditor: Premises) -> None:
    some = run("audit", "search", "--did", "job", "--who", "eve")
    assert len(some.ok().splitlines()) == 51
    assert "there are older ones: --before " in some.err
    every = run("audit", "search", "--did", "job", "--limit", "9999", "-o", "json")
    assert [each["subject"] for each in every.json()["items"]] == [f"job/j{each}" for each in reversed(range(MANY))]
    assert "older" not in every.err
    one = run("audit", "search", "--about", "job/j7", "-o", "json").json()["items"]
    assert [(each["name"], each["why"], each["team"]) for each in one] == [("train", "it hung", "nlp")]


def test_what_is_exported_is_what_the_server_has_and_verifies_as_the_trail_does(
    run: Run, auditor: Premises, home: Path
) -> None:
    lines = run("audit", "export").ok()
    assert len(lines.splitlines()) == auditor.office.store.audit_head().number
    (home / "audit.jsonl").write_text(lines, encoding="utf-8")
    head = run("audit", "head").ok()
    (home / "heads.txt").write_text(f"Monday: {head}", encoding="utf-8")
    verdicts = [run("audit", "verify", *each, "--heads", "heads.txt", "-o", "json") for each in ((), ("audit.jsonl",))]
    assert {each.code for each in verdicts} == {0}
    there, here = (each.json() for each in verdicts)
    assert (there["sound"], there["headsMet"], there["place"]) == (True, 1, auditor.address)
    assert {**there, "place": ""} == {**here, "place": ""}
    assert len(run("audit", "export", "--as", "cef").ok().splitlines()) == len(lines.splitlines())


def test_what_cannot_be_shown_is_said(run: Run, auditor: Premises) -> None:
    told = run("audit", "verify")
    assert "each as it was written" in told.ok()
    assert "one whose newest entries the server keeps back" in told.err
    assert "the server's log" not in told.err.lower(), "an auditor has none"


def test_a_trail_made_anew_does_not_lead_through_a_head_that_was_kept(run: Run, auditor: Premises, home: Path) -> None:
    head = auditor.office.store.audit_head()
    (home / "heads.txt").write_text(f"{ChainHead(head.number, '0' * 64)}\n{ChainHead(head.number + 9, '1' * 64)}\n")
    told = run("audit", "verify", "--heads", "heads.txt")
    assert told.code == 1
    assert f"entry {head.number} is not the one that a head was written down of" in told.out
    assert "the newest entries were cut off" in told.out


def lines_of(premises: Premises, run: Run) -> list[str]:
    """All that there is, once the auditor has come, too: that is kept."""
    run("audit", "head").ok()
    return list(premises.own(NETWORK).trail._service.audit_lines())  # type: ignore[attr-defined]


def test_the_chain_is_reckoned_here_and_not_believed(
    run: Run, auditor: Premises, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = lines_of(auditor, run)
    tampered = {
        "was changed": [each.replace('"job/j7"', '"job/j8"') for each in lines],
        "entries are missing before entry 6: 5 to 5": [*lines[:4], *lines[5:]],
        "does not follow the entry before it": [*lines[:4], another(lines[4]), *lines[5:]],
        "cannot be read": [*lines[:4], lines[4][:-9], *lines[5:]],
    }
    for said, sent in tampered.items():
        monkeypatch.setattr(TrailThere, "audit_lines", lambda _self, sent=sent: iter(sent))
        told = run("audit", "verify")
        assert (told.code, said in told.out) == (1, True), told


def another(line: str) -> str:
    """An entry in the place of one, with a digest that is right for it, after another one than was there."""
    found = json.loads(line)
    act = act_of(Caller("eve", CallerKind.LOCAL, "unix socket"), AuditVerb.JOB_STOPPED, 9)
    (entry,) = chained(ChainHead(found["number"] - 1, "0" * 64), [act])
    return json.dumps(exported(entry))


def test_a_trail_that_ends_before_the_server_s_own_head_is_no_answer(
    run: Run, auditor: Premises, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    """It is neither told as sound nor as tampered with, and what has come is none to be kept."""
    lines = lines_of(auditor, run)
    monkeypatch.setattr(TrailThere, "audit_lines", lambda _self: iter(lines[:10]))
    for words in (("verify",), ("export",)):
        told = run("audit", *words)
        assert (told.code, "came as far as entry 10, and the server says that it goes to entry" in told.err) == (
            9,
            True,
        )


def test_a_connection_that_is_cut_is_no_end(run: Run, auditor: Premises, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store fails in the middle: what was sent ends as if the server had gone."""
    store, whole = auditor.office.store, auditor.office.store.whole_audit

    def broken() -> Iterator[AuditEntry]:
        yield from list(whole())[:600]
        raise StoreError("the disk is gone")

    monkeypatch.setattr(store, "whole_audit", broken)
    for words in (("verify",), ("export",)):
        told = run("audit", *words)
        assert (told.code, "the audit trail was cut off" in told.err) == (9, True), told.err


def test_whose_rights_are_taken_meanwhile_is_told_that_and_not_that_entries_are_missing(
    run: Run, premises: Premises, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = premises.session("gone", *AUDITOR)
    store, whole = premises.office.store, premises.office.store.whole_audit
    root = premises.own(NETWORK).access

    def slow() -> Iterator[AuditEntry]:
        for number, each in enumerate(list(whole())):
            if number == 400:
                root.shut_out("oidc:gone@id.acme.example", out=True)
            yield each

    monkeypatch.setattr(streaming, "_STILL_LET_IN", 0.0)
    monkeypatch.setattr(store, "whole_audit", slow)
    monkeypatch.setenv("ALLOTMENT_TOKEN", shown)
    told = run("audit", "verify", "--server", premises.address)
    assert (told.code, "sound" in told.out) == (4, False), told


def test_who_is_no_auditor_or_has_no_token_is_told_so(
    run: Run, premises: Premises, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in (("search",), ("verify",), ("export",), ("head",)):
        nobody = run("audit", *words, "--server", premises.address)
        assert (nobody.code, "not signed in to" in nobody.err) == (4, True)
    monkeypatch.setenv("ALLOTMENT_TOKEN", premises.session("ada", *MEMBER))
    for words in (("search",), ("verify",), ("export",), ("head",)):
        told = run("audit", *words, "--server", premises.address)
        assert (told.code, "audit" in told.err) == (5, True), told.err


def test_a_store_that_is_named_is_read_whichever_server_is_asked(run: Run, auditor: Premises) -> None:
    assert "start the server, which makes one" in run("audit", "head", "--store", "x.db").err
    assert "start the server, which makes one" in run("audit", "head", env={"ALLOTMENT_STORE": "x.db"}).err
    assert "start the server, which makes one" in run("audit", "head", "--server", "").err
    both = run("audit", "head", "--store", "x.db", "--server", auditor.address)
    assert (both.code, "name two trails" in both.err) == (2, True)
    there = run("audit", "head", "--server", auditor.address, env={"ALLOTMENT_STORE": "x.db"})
    assert there.ok().startswith("audit head "), "a flag counts before a setting"
