"""The audit trail over the network: auditors and administrators read all of it, and it verifies as the trail itself."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from allotment.operations.account.trail import gone_along
from allotment.reports.documents.audit import audit_entry
from tests.unit.api.test_people import Hall, hall

__all__ = ["hall"]


@pytest.fixture
def auditor(hall: Hall) -> str:
    hall.world.platform = replace(hall.world.platform, auditor_groups=("reviewers",))
    return hall.session("grace", "reviewers")


def test_an_auditor_searches_page_by_page(hall: Hall, auditor: str) -> None:
    for each in range(7):
        hall.session(f"p{each}", "nlp-members")
    seen: list[int] = []
    before = ""
    while True:
        status, said = hall.asked("GET", "/api/v1/audit", auditor, query=f"verb=sign-in&limit=3{before}")
        assert status == 200
        seen += [each["number"] for each in said["page"]["rows"]]
        if said["page"]["before"] is None:
            break
        before = f"&before={said['page']['before']}"
    signed_in = [each for each in hall.world.machine.store.whole_audit() if each.act.verb == "sign-in"]  # type: ignore[union-attr]
    assert seen == [each.number for each in reversed(signed_in)]
    _, said = hall.asked("GET", "/api/v1/audit", auditor, query="who=oidc:p3@id.acme.example")
    assert {each["who"] for each in said["page"]["rows"]} == {"oidc:p3@id.acme.example"}


def test_what_is_exported_verifies_up_to_the_head(hall: Hall, auditor: str) -> None:
    _, said = hall.asked("GET", "/api/v1/audit/export", auditor)
    _, head = hall.asked("GET", "/api/v1/audit/head", auditor)
    verdict = gone_along(map(audit_entry, said.decode().splitlines()))
    assert verdict.sound
    assert (verdict.head.number, verdict.head.digest) == (head["head"]["number"], head["head"]["digest"])
    changed = said.decode().replace("grace", "mallory", 1).splitlines()
    assert not gone_along(map(audit_entry, changed)).sound


def test_who_is_no_auditor_reads_none_of_it(hall: Hall, auditor: str) -> None:
    assert hall.asked("GET", "/api/v1/jobs", auditor)[0] == 403, "of jobs an auditor sees nothing"
    for group in ("nlp-owners", "nlp-members"):
        for path in ("", "/head", "/export"):
            assert hall.asked("GET", f"/api/v1/audit{path}", hall.session("ada", group))[0] == 403
    admin = hall.session("root", "platform-engineers")
    assert json.dumps(hall.asked("GET", "/api/v1/audit", admin)[1])
