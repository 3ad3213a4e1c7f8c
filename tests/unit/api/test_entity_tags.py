"""Tags of answers: what is the same is not sent again, and what has changed meanwhile is not overwritten."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from allotment.api.entity_tags import IfMatch
from allotment.errors import OutdatedError
from allotment.model.jobs.run import JobState
from allotment.model.requests.grant import GrantState
from allotment.model.requests.request import RequestState
from tests.unit.adapters.store.jobs import grant as stored_grant
from tests.unit.adapters.store.jobs import request as stored_request
from tests.unit.api.test_doors import HOST, answered, bearer
from tests.unit.api.test_people import Hall, hall

__all__ = ["hall"]
REQUEST, GRANT = "r0000001", "r0000002"
MOVE = {"act": "deny", "reason": "", "terms": None, "revision": None}
SUBJECTS = {
    # What is read, what changes it with what body, and its state before and after.
    "request": (f"/requests/{REQUEST}", f"/requests/{REQUEST}/decision", ("move", MOVE)),
    "grant": (f"/grants/{GRANT}", f"/grants/{GRANT}/end", ("end", {"reason": "x"})),
    "job": ("/jobs/j0", "/jobs/j0/stop", None),
    "person": ("/people/oidc:ada@id.acme.example", "/people/oidc:ada@id.acme.example/shut-out", None),
}


@pytest.fixture
def admin(hall: Hall) -> str:
    """The session of an administrator, in a hall where everything is that can be changed."""
    store = hall.world.machine.store
    hall.session("ada", "nlp-members")
    store.keep_requests((stored_request(REQUEST, state=RequestState.WAITING),), ())
    store.keep_requests((), (replace(stored_grant(GRANT), state=GrantState.ACTIVE),))
    return hall.session("root", "platform-engineers")


def asked(
    hall: Hall, verb: str, path: str, text: str, body: tuple[str, Any] | None = None, **headers: str
) -> tuple[int, dict[bytes, bytes], Any]:
    more = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    sent = b"" if body is None else json.dumps({"version": 1, body[0]: body[1]}).encode()
    status, told, said = answered(hall.app, verb, f"/api/v1{path}", HOST, bearer(text), *more, body=sent)
    return status, told, json.loads(said) if said.startswith(b"{") else said


def of(verb: str, hall: Hall) -> Iterator[tuple[str, Any]]:
    """Operations of a verb as the document has them."""
    _, _, document = asked(hall, "GET", "/openapi.json", hall.session("root", "platform-engineers"))
    for path, operations in document["paths"].items():
        if verb in operations:
            yield path.removeprefix("/api/v1"), operations[verb]


NOT_THERE = {"/snapshot", "/sign-in", "/clusters", "/events", "/audit/export", "/answers/drift", "/answers/whatif"}
"""What this hall has nothing of, and what is told line by line."""
STRANGERS = {"/sign-in", "/browser-sign-in", "/browser-session"}
"""Calls of whoever comes to sign in."""
ONES_OWN = {"end", "tokens"}
"""What is needed on the server's own machine alone."""


def test_what_is_the_same_is_not_sent_again(hall: Hall, admin: str) -> None:
    paths = {
        each.replace("{name}", "conflict").replace("{code}", "ALT-1316")
        for each, _ in of("get", hall)
        if "{reference}" not in each
    }
    paths |= {read for read, _, _ in SUBJECTS.values()}
    for path in sorted(paths - NOT_THERE):
        status, told, _ = asked(hall, "GET", path, admin)
        assert status == 200, path
        tag = told[b"etag"].decode()
        for tags in (tag, "*", f'"other", {tag}', f"W/{tag}"):
            again, headers, body = asked(hall, "GET", path, admin, if_none_match=tags)
            assert (again, body, headers[b"etag"]) == (304, b"", told[b"etag"]), (path, tags)
        assert asked(hall, "GET", path, admin, if_none_match='"other"')[0] == 200, path
        assert asked(hall, "GET", path, admin, if_none_match="none")[0] == 400, path


def test_what_is_not_there_has_no_tag_and_is_told_as_ever(hall: Hall, admin: str) -> None:
    status, told, _ = asked(hall, "GET", "/jobs/nothing", admin, if_none_match="*")
    assert (status, b"etag" in told) == (404, False)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_change_is_made_only_to_what_is_as_it_was_read(hall: Hall, admin: str, subject: str) -> None:
    read, change, body = SUBJECTS[subject]
    tag = asked(hall, "GET", read, admin)[1][b"etag"].decode()
    before = len(hall.acts())
    for wrong in ('"77.x"', '"99999"', '"nothing"', '""', f"W/{tag}", '"a", "b"'):
        status, _, told = asked(hall, "POST", change, admin, body, if_match=wrong)
        assert (status, told["type"]) == (412, "/api/v1/problems/outdated"), (wrong, told)
    assert asked(hall, "POST", change, admin, body, if_match="7")[0] == 400
    assert len(hall.acts()) == before, "nothing was done"
    status, _, told = asked(hall, "POST", change, admin, body, if_match=f'"other", {tag}')
    assert status == 200, told
    assert len(hall.acts()) == before + 1
    again = asked(hall, "GET", read, admin)[1][b"etag"].decode()
    assert again != tag
    assert asked(hall, "POST", change, admin, body, if_match=tag)[0] == 412


@pytest.mark.parametrize("subject", SUBJECTS)
def test_any_will_do_where_it_says_so_and_nothing_is_told_of_what_is_not_his(
    hall: Hall, admin: str, subject: str
) -> None:
    _, change, body = SUBJECTS[subject]
    stranger = hall.session("eve", "cv-owners")
    plain = asked(hall, "POST", change, stranger, body)
    for tags in ('"1.x"', '"a", "b"', "*"):
        there = asked(hall, "POST", change, stranger, body, if_match=tags)
        assert (there[0], there[2]) == (plain[0], plain[2]), "as it is without a condition"
    assert asked(hall, "POST", change, admin, body, if_match="*")[0] == 200


def test_of_two_who_have_read_the_same_one_alone_changes_it(hall: Hall, admin: str) -> None:
    read, change, body = SUBJECTS["grant"]
    tag = asked(hall, "GET", read, admin)[1][b"etag"].decode()
    found: list[int] = []

    def end() -> None:
        found.append(asked(hall, "POST", change, admin, body, if_match=tag)[0])

    threads = [threading.Thread(target=end) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert sorted(found) == [200, 412, 412, 412]


def test_a_token_is_taken_back_as_it_was_read_and_being_used_is_no_change(hall: Hall) -> None:
    ada = hall.session("ada", "nlp-members")
    wanted = {"name": "ci", "permissions": ["read"], "lasts": 9_999_999, "team": ""}
    _, _, given = asked(hall, "POST", "/tokens", ada, ("wanted", wanted))
    path, text = f"/tokens/{given['given']['token']['id']}", given["given"]["text"]
    state = asked(hall, "GET", path, ada)[1][b"etag"].decode().strip('"').partition(".")[0]
    assert asked(hall, "GET", "/jobs", text)[0] == 200
    assert asked(hall, "DELETE", path, ada, if_match='"x"')[0] == 412
    assert asked(hall, "DELETE", path, ada, if_match=f'"{state}"')[0] == 200
    assert asked(hall, "DELETE", path, ada, if_match=f'"{state}"')[0] == 412


def test_a_job_that_is_over_is_retried_as_it_was_read(hall: Hall) -> None:
    desk = hall.world.desk
    desk.stop("j0")
    hall.world.run(30)
    job = desk.find("j0")
    assert job.state is JobState.STOPPED
    for each in (desk.retry, desk.stop):
        with pytest.raises(OutdatedError):
            each("j0", read=job.version + 1)
    assert desk.retry("j0", read=job.version).job.supersedes == "j0"


def test_each_operation_that_looks_at_a_condition_says_so_and_every_other_refuses_it(hall: Hall, admin: str) -> None:
    named = {
        (verb, path)
        for verb in ("post", "delete")
        for path, operation in of(verb, hall)
        if "If-Match" in {each["name"] for each in operation.get("parameters", ())}
    }
    assert {path.rpartition("/")[2] for _, path in named} == {
        "decision", "answer", "end", "settling", "stop", "retry", "shut-out", "let-in", "{reference}"
    }  # fmt: skip
    for verb in ("post", "delete"):
        for path, operation in of(verb, hall):
            if (verb, path) not in named and path not in STRANGERS and operation["x-allotment-needs"] not in ONES_OWN:
                status, _, told = asked(hall, verb.upper(), path, admin, if_match='"1"')
                assert (status, told["what"]) == (400, "If-Match is not looked at here"), path


def test_a_number_is_looked_up_only_where_several_would_do() -> None:
    def nobody() -> object:
        raise AssertionError("nobody has to look")

    assert IfMatch().number(nobody) is None
    assert IfMatch(("7",)).number(nobody) == 7
    assert IfMatch(("x",)).number(nobody) == IfMatch(("9" * 20,)).number(nobody) == -1
    assert IfMatch(("3", "4")).number(lambda: replace(stored_request(REQUEST), revision=4)) == 4
