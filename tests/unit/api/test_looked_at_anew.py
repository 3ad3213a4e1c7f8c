"""Who was let in, and is somebody else by the time that his body has come, does nothing any more."""

from __future__ import annotations

import json

import pytest
from fastapi import Request
from fastapi.routing import APIRoute

from allotment.api.doors import TokenDoor
from allotment.api.routes import NEEDS, OPEN
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.jobs.written import write_value
from allotment.operations.access.admitting import LetIn
from allotment.operations.access.signing_in import shut_out
from allotment.operations.access.tokens import revoke_token
from allotment.ports.job_service import JobSubmission
from tests.unit.api.test_doors import HOST, answered, bearer
from tests.unit.api.test_people import HOUR, Hall, hall
from tests.unit.operations.run.machine import job

__all__ = ["hall"]

ROOT = Caller("root", CallerKind.LOCAL, "unix socket")
ADMIN = "platform-engineers"
WISH = {"team": "nlp", "cluster": "dev-eastus", "flavor": "t4", "nominal": 1}
ASKED = {"kind": "endpoint", "team": "nlp", "workload": "training", "justification": "x", "subject": "chat"}


def value(kind: str, what: object) -> bytes:
    return json.dumps({"version": 1, kind: what}).encode()


SUBMISSION = write_value("submission", JobSubmission(job(), "local")).encode()
CHANGING: dict[tuple[str, str], bytes] = {
    ("POST", "/api/v1/end"): b"",
    ("POST", "/api/v1/browser-codes"): b"",
    ("POST", "/api/v1/code"): b"packed",
    ("POST", "/api/v1/jobs"): SUBMISSION,
    ("POST", "/api/v1/submissions"): write_value("submissions", [JobSubmission(job(), "local")]).encode(),
    ("POST", "/api/v1/foresee"): SUBMISSION,
    ("POST", "/api/v1/job-files"): value("file", {"text": "kind: Job\n"}),
    ("POST", "/api/v1/jobs/{reference}/stop"): b"",
    ("POST", "/api/v1/jobs/{reference}/retry"): b"",
    ("POST", "/api/v1/tokens"): value("wanted", {"name": "x", "permissions": ["read"], "lasts": HOUR * 1000}),
    ("DELETE", "/api/v1/tokens/{reference}"): b"",
    ("DELETE", "/api/v1/session"): b"",
    ("POST", "/api/v1/people/{reference}/shut-out"): b"",
    ("POST", "/api/v1/people/{reference}/let-in"): b"",
    ("POST", "/api/v1/requests"): value("asked", ASKED),
    ("POST", "/api/v1/request-previews"): value("asked", ASKED),
    ("POST", "/api/v1/requests/{reference}/decision"): value("move", {"act": "deny", "reason": "x"}),
    ("POST", "/api/v1/requests/{reference}/answer"): value("move", {"act": "withdraw"}),
    ("POST", "/api/v1/grants/{reference}/end"): value("end", {"reason": "x"}),
    ("PUT", "/api/v1/clusters/{reference}/credential"): value("kubeconfig", {"kind": "Config"}),
    ("DELETE", "/api/v1/clusters/{reference}/credential"): b"",
    ("POST", "/api/v1/cluster-key"): b"",
    ("POST", "/api/v1/grants/{reference}/settling"): value("settling", {"restore": True}),
    ("POST", "/api/v1/quota-previews"): value("wish", WISH),
    ("POST", "/api/v1/quota-changes"): value("asked", {"wish": WISH, "expected": "c1"}),
}
"""Every call that is no mere look, with a body that it takes; whoever adds one writes it down here."""
OF_EVERYBODY = ("/api/v1/tokens", "/api/v1/tokens/{reference}", "/api/v1/session")
"""Whoever has signed in may."""
OF_THE_OWNER_ALONE = {("POST", "/api/v1/end"), ("POST", "/api/v1/browser-codes")}


def test_every_call_that_is_no_mere_look_stands_in_the_table(hall: Hall) -> None:
    found = {
        (verb, each.path)
        for each in hall.routes
        if isinstance(each, APIRoute) and (each.openapi_extra or {})[NEEDS] != OPEN
        for verb in each.methods
        if verb != "GET"
    }
    assert found == set(CHANGING)


@pytest.mark.parametrize(("verb", "path"), [each for each in CHANGING if each not in OF_THE_OWNER_ALONE])
@pytest.mark.parametrize("how", ["shut out", "revoked", "out of his group"])
def test_nothing_is_done_for_whoever_may_no_more_once_he_was_let_in(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, verb: str, path: str, how: str
) -> None:
    text, store = hall.session("ada", ADMIN), hall.world.machine.store
    hall.session("bob", "nlp-members")
    (session,) = [each for each in store.tokens() if each.by == "oidc:ada@id.acme.example"]

    def meanwhile(_door: TokenDoor, _request: Request, _admitted: LetIn) -> None:
        if how == "shut out":
            shut_out(store, "oidc:ada@id.acme.example", ROOT, 9, out=True)
        elif how == "revoked":
            revoke_token(store, session.id, ROOT, 9)
        else:
            hall.session("ada", "nlp-viewers")

    monkeypatch.setattr(TokenDoor, "known", meanwhile)
    named = "oidc:bob@id.acme.example" if "/people/" in path else "j0" if "/jobs/" in path else session.id
    where, body = path.replace("{reference}", named), CHANGING[verb, path]
    status, _, said = answered(hall.app, verb, where, HOST, bearer(text), body=body)
    if how == "out of his group" and path in OF_EVERYBODY:
        assert status in (200, 204)
        return
    told = json.loads(said)
    expected = (401, "the token is worth nothing any more") if how != "out of his group" else (403, told["what"])
    assert (status, told["what"]) == expected
    assert all(each.suspended is None or how == "shut out" for each in store.people() if "ada" in each.name)
    assert [each.suspended for each in store.people() if "bob" in each.name] == [None]
    assert {each.name for each in store.tokens()} == {"session"}
    assert [each.id for each in store.unfinished()] == ["j0", "j1"]
    assert hall.world.shelf.kept == {}
    assert [each.verb for each in hall.acts() if each.who == session.by and each.outcome == "done"] == ["sign-in"] * (
        3 if how == "out of his group" else 2
    )


def test_what_is_done_is_done_with_the_rights_of_now(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may do such a thing still, and of other teams than before, does it of those alone."""
    text = hall.session("ada", ADMIN)
    monkeypatch.setattr(TokenDoor, "known", lambda *_: hall.session("ada", "nlp-members"))
    assert answered(hall.app, "POST", "/api/v1/jobs/j1/stop", HOST, bearer(text))[0] == 404
    hall.session("ada", ADMIN)
    monkeypatch.setattr(TokenDoor, "known", lambda *_: None)
    assert answered(hall.app, "POST", "/api/v1/jobs/j1/stop", HOST, bearer(text))[0] == 200
