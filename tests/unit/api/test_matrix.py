"""Every operation of the document, with every role, of what is his, another team's, and absent.

What is to come of it is derived from what the operation declares that it needs: a new route is in it by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from allotment.api.routes import LET_IN, NEEDS, OPEN
from allotment.model.access.permission import AFAR, Permission
from allotment.model.access.rights import PLATFORM_ROLES, TEAM_ROLES, PersonRole
from tests.unit.adapters.store.jobs import grant as stored_grant
from tests.unit.adapters.store.jobs import request as stored_request
from tests.unit.api.test_doors import HOST, answered, bearer
from tests.unit.api.test_people import Hall, hall

__all__ = ["hall"]
HOUR = 3_600_000
GROUPS = {
    "viewer": ("nlp-viewers",),
    "member": ("nlp-members",),
    "owner": ("nlp-owners",),
    "auditor": ("reviewers",),
    "approver": ("leads",),
    "admin": ("platform-engineers",),
}
MAY: Mapping[str, frozenset[Permission]] = {
    **{role.value: given | {Permission.OWN_TOKENS} for role, given in {**TEAM_ROLES, **PLATFORM_ROLES}.items()},
    "token that only reads": frozenset({Permission.READ}),
    "token of a team": AFAR,
}
SEES_ALL = {"auditor", "approver", "admin"}
OUTSIDE = {"nobody", "shut out", "with a wrong token"}
OF_THE_PLATFORM = {"people", "clusters"}
"""Permissions that have no team."""
OWN, OTHER, ABSENT = "own", "of another team", "absent"


@dataclass
class Everybody:
    """A hall with somebody of each role, and with something of each kind in two teams.

    Attributes:
        tokens: what each role shows.
        subjects: of each kind, by whose it is.
    """

    hall: Hall
    tokens: Mapping[str, str]
    subjects: Mapping[str, Mapping[str, str]]
    document: Any

    def ask(self, verb: str, path: str, role: str, body: bytes = b"") -> tuple[int, bytes]:
        text = self.tokens[role]
        shown = [bearer(text)] if text else []
        status, _, said = answered(self.hall.app, verb.upper(), path, HOST, *shown, body=body)
        return status, said

    def operations(self) -> Iterator[tuple[str, str, Any]]:
        for path, operations in self.document["paths"].items():
            for verb, operation in operations.items():
                yield verb, path, operation

    def example(self, schema: Any) -> Any:
        """The plainest value of a schema."""
        if "$ref" in schema:
            return self.example(self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        if "anyOf" in schema:
            return self.example(
                next((each for each in schema["anyOf"] if each.get("type") == "null"), schema["anyOf"][0])
            )
        if schema.get("type") == "object":
            properties = schema.get("properties", {})
            return {each: self.example(properties[each]) for each in schema.get("required", ())}
        if schema.get("type") == "array":
            return [self.example(each) for each in schema.get("prefixItems", ())]
        plain = {"string": "x", "integer": 1, "number": 1.0, "boolean": False, "null": None}
        return schema.get("default", plain.get(schema.get("type", "")))

    def body(self, operation: Any) -> bytes:
        content = operation.get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        if schema is None:
            return b"x" if content else b""
        value = self.example(schema)
        if "move" in value:
            value["move"]["act"] = "deny" if operation[NEEDS] == "decide" else "withdraw"
        return json.dumps(value).encode()


def made(everybody_in: Hall) -> Everybody:
    """Somebody of each role."""
    hall = everybody_in
    platform = hall.world.platform
    routes = tuple(replace(each, approvers=("leads",)) for each in platform.approvals.routes)
    approvals = replace(platform.approvals, routes=routes)
    hall.world.platform = replace(platform, approvals=approvals)
    store = hall.world.machine.store
    tokens = {role: hall.session(role.replace(" ", "-"), *groups) for role, groups in GROUPS.items()}

    def given(role: str, name: str, team: str = "", *permissions: str) -> tuple[str, str]:
        wanted = {"name": name, "permissions": permissions or ("read",), "lasts": 999 * HOUR, "team": team}
        _, told = hall.asked("POST", "/api/v1/tokens", tokens[role], {"version": 1, "wanted": wanted})
        return told["given"]["token"]["id"], told["given"]["text"]

    tokens["token that only reads"] = given("member", "narrow")[1]
    tokens["token of a team"] = given("owner", "ci", "nlp", *(each.value for each in AFAR))[1]
    tokens |= {
        "nobody": "",
        "with a wrong token": "allot_aaaaaaaa_" + "A" * 43,
        "shut out": hall.session("eve", "nlp-owners"),
    }
    for name in ("mallory", "eve"):
        hall.session(name, "nlp-owners")
    tokens["cv's"] = hall.session("carl", "cv-owners")
    for id_, team in (("r1111111", "nlp"), ("r2222222", "cv")):
        store.keep_requests((stored_request(id_, team=team),), (replace(stored_grant(id_), team=team),))
    hall.asked("POST", "/api/v1/people/oidc:eve@id.acme.example/shut-out", tokens["admin"])
    subjects = {
        "jobs": {OWN: "j0", OTHER: "j1", ABSENT: "j9"},
        "requests": {OWN: "r1111111", OTHER: "r2222222", ABSENT: "r9999999"},
        "grants": {OWN: "r1111111", OTHER: "r2222222", ABSENT: "r9999999"},
        "tokens": {OWN: given("owner", "mine", "nlp")[0], OTHER: given("cv's", "theirs", "cv")[0], ABSENT: "zzzzzzzz"},
        "people": {
            OWN: "oidc:mallory@id.acme.example",
            OTHER: "oidc:mallory@id.acme.example",
            ABSENT: "oidc:nemo@id.acme.example",
        },
        "answers": {OWN: "j0", OTHER: "j1", ABSENT: "j9"},
        "clusters": {OWN: "training-eastus", OTHER: "training-eastus", ABSENT: "nowhere"},
    }  # fmt: skip
    document = json.loads(answered(hall.app, "GET", "/api/v1/openapi.json", HOST, bearer(tokens["admin"]))[2])
    return Everybody(hall, tokens, subjects, document)


@pytest.fixture
def everybody(hall: Hall) -> Everybody:
    hall.world.platform = replace(hall.world.platform, auditor_groups=("reviewers",))
    return made(hall)


def asked(everybody: Everybody, verb: str, path: str, operation: Any, role: str) -> dict[str, tuple[int, str]]:
    """What is answered of each subject, with its name taken out."""
    if "{reference}" not in path:
        status, said = everybody.ask(
            verb, path.replace("{name}", "conflict").replace("{code}", "ALT-1316"), role, everybody.body(operation)
        )
        return {OWN: (status, said.decode("utf-8", "replace"))}
    kind = path.removeprefix("/api/v1/").partition("/")[0]
    assert kind in everybody.subjects, f"the matrix has no subject for {path}: add it to `made`"
    found = {}
    for which in (OTHER, ABSENT, OWN):
        name = everybody.subjects[kind][which]
        status, said = everybody.ask(verb, path.replace("{reference}", name), role, everybody.body(operation))
        found[which] = status, said.decode("utf-8", "replace").replace(name, "NAME")
    return found


def check(verb: str, path: str, operation: Any, role: str, found: Mapping[str, tuple[int, str]]) -> None:
    """What is answered is what follows from what the operation needs."""
    needs, place = operation[NEEDS], (verb, path, role, found)
    statuses = {status for status, _ in found.values()}
    assert not {each for each in statuses if each >= 500}, place
    if needs == OPEN:
        assert 403 not in statuses, place  # whoever comes to sign in may be told that it is over
        return
    if role in OUTSIDE:
        assert statuses == {401}, place
        assert len(set(found.values())) == 1, place
        return
    if needs != LET_IN and Permission(needs) not in MAY[role]:
        assert statuses == {403}, place
        assert len(set(found.values())) == 1, place
        return
    assert 401 not in statuses, place
    if OTHER not in found:
        return
    if needs not in OF_THE_PLATFORM:
        assert found[ABSENT][0] in {404, 422}, place
    if role not in SEES_ALL:
        assert found[OTHER] == found[ABSENT], place
    # Who asks for what he has and may do sees that it is there, whatever is against doing it.
    team_wide = needs in {each.value for each in TEAM_ROLES[PersonRole.VIEWER]}
    if role in {"owner", "admin"} and team_wide and not path.endswith(("/log", "/lines")):  # it has not run
        assert found[OWN][0] == 200, place


@pytest.mark.parametrize("role", sorted({*MAY, *OUTSIDE}))
def test_each_operation_with_each_role_and_each_subject(everybody: Everybody, role: str) -> None:
    number = 0
    for verb, path, operation in everybody.operations():
        if path in {"/api/v1/session", "/api/v1/events"} and role not in OUTSIDE:
            continue  # it would sign out who asks; that has no end
        check(verb, path, operation, role, asked(everybody, verb, path, operation, role))
        number += 1
    assert number >= 35


def test_the_roles_of_the_matrix_are_all_there_are() -> None:
    assert set(MAY) >= {each.value for each in PersonRole}


def test_a_route_that_tells_of_others_would_be_seen(everybody: Everybody) -> None:
    operation = {NEEDS: "read"}
    told = {OWN: (200, "x"), OTHER: (403, "NAME"), ABSENT: (404, "NAME")}
    with pytest.raises(AssertionError):
        check("get", "/api/v1/jobs/{reference}", operation, "member", told)
    with pytest.raises(AssertionError):
        check("get", "/api/v1/jobs/{reference}", operation, "nobody", {OWN: (200, "")})
    with pytest.raises(AssertionError):
        check("get", "/api/v1/people", {NEEDS: "people"}, "member", {OWN: (200, "")})
