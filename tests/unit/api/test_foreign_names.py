"""Every field of every call that names something, with every role, of what is his, another team's, and absent.

Fields are read off the OpenAPI document: of a path, a query and a body (`named_fields` says what each names). Whoever
may not see another team is answered of it what he is answered of what is absent, in the same status and words, and no
answer names anything of another team. Whoever may see it is answered as of his own.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, quote_plus, urlencode

import pytest

from allotment.api.routes import LET_IN, NEEDS, OPEN
from allotment.model.access.permission import AFAR, Permission
from allotment.model.access.rights import PLATFORM_ROLES, TEAM_ROLES, PersonRole
from allotment.observe.written import unpacked
from allotment.operations.run.desk import Desk
from tests.unit.api.borough import GROUPS, Borough, borough, peopled
from tests.unit.api.named_fields import (
    NamedFields,
    NamingField,
    TriedCall,
    UnclassifiedError,
    file_of,
    whole_path,
)
from tests.unit.api.streams import Following
from tests.unit.api.test_doors import HOST, answering, bearer

OWN, OTHER, ABSENT = "own", "of another team", "absent"
INSIDERS: Final[Mapping[str, frozenset[Permission]]] = {
    **{role.value: given | {Permission.OWN_TOKENS} for role, given in {**TEAM_ROLES, **PLATFORM_ROLES}.items()},
    "of both": TEAM_ROLES[PersonRole.MEMBER] | {Permission.OWN_TOKENS},
    "token that only reads": frozenset({Permission.READ}),
    "token of a team": AFAR,
}
OUTSIDE: Final = ("nobody", "shut out", "with a wrong token")
SEES_OTHER: Final = frozenset({"of both", "auditor", "approver", "admin"})
"""Roles that may see of the other team what they may see at all."""
OF_THE_PLATFORM: Final = frozenset({"people", "clusters", "declare", "audit"})
"""Permissions that have no team: whoever has one may see all that they are about."""
TOLD_APART: Final[Mapping[tuple[str, str], str]] = {
    ("team", "asked.team"): "no two teams have a name: whoever asks for one that is taken has to be told",
    ("namespace", "asked.subject"): "no two namespaces of a cluster have a name, whosever they are",
}
"""Kind of a request, and field, whose answer tells that a name is taken, and of whom not; with why that is so."""
USUALLY_MEANT: Final = frozenset(
    {"asked.team", "asked.subject", "asked.clusters[]", "move.terms.accelerator", "move.terms.clusters[]"}
)
MEANT_OTHERWISE: Final[Mapping[str, frozenset[str]]] = {
    "team": frozenset({"asked.team", "asked.new_team.clusters[]"}),
    "leave": frozenset({"asked.team"}),
}
"""Fields that are read in another way where something else is asked for, by the kind of a request."""
MADE_JUST_NOW: Final = (
    (re.compile(r"\b[jr][0-9a-z]{7,10}\b"), "ID"),
    (re.compile(r"allot_\w{8}_[\w-]{43}"), "TEXT"),
    (re.compile(r'"(id|age_seconds|ageSeconds|tookSeconds)": ?("[^"]*"|[\d.]+|null)'), r'"\1":X'),
)  # fmt: skip
"""What differs each time, and what stands in its place."""


@dataclass
class Matrix:
    """Everybody of a borough, and the fields of its document.

    Attributes:
        runner: one loop for all calls: each has threads of its own.
    """

    hall: Borough
    fields: NamedFields
    runner: asyncio.Runner

    @property
    def own(self) -> dict[str, str]:
        """Of each kind of subject one of nlp's."""
        return {kind: found[0] for kind, found in self.hall.subjects.items()}

    @property
    def others(self) -> re.Pattern[str]:
        """What is cv's: nobody of nlp is told of it."""
        kinds = ("job", "request", "grant", "token", "cluster", "project", "workload")
        named = [re.escape(self.hall.subjects[kind][1]) for kind in kinds]
        return re.compile(rf"vault|carl|acme-cv|secret-of-cv|Computer vision|cc-4522|\bcv\b|{'|'.join(named)}")

    def names(self, kind: str) -> dict[str, str]:
        """By whose it is, what may be put into a field."""
        subjects = self.hall.subjects
        if kind == "file":
            return {which: file_of(team) for which, team in self.names("team").items()}
        assert kind in subjects, f"there is no subject of kind {kind}: add it to `peopled`"
        return dict(zip((OWN, OTHER, ABSENT), subjects[kind], strict=True))

    def ask(self, call: TriedCall, role: str) -> tuple[int, str]:
        """What is answered to somebody: status and text."""
        path = whole_path(call.path, self.own)
        shown, query = self._shown(role, path), urlencode(call.query)
        if path == "/api/v1/events":
            return self.runner.run(self._followed(query, shown))
        body = (
            b"" if call.body is None else call.body if isinstance(call.body, bytes) else json.dumps(call.body).encode()
        )
        with self.hall.undone():
            asked = answering(self.hall.app, call.verb, path, HOST, *shown, body=body, query=query.encode())
            status, told, said = self.runner.run(asked)
        if told.get(b"content-type") == b"application/gzip":
            said = unpacked(said)
        return status, said.decode()

    def _shown(self, role: str, path: str) -> list[tuple[bytes, bytes]]:
        text = self.hall.tokens[role]
        if path == "/api/v1/session" and role in GROUPS:
            text = self.hall.come(role)  # it ends what it is asked with
        return [bearer(text)] if text else []

    async def _followed(self, query: str, shown: list[tuple[bytes, bytes]]) -> tuple[int, str]:
        """All that has happened, and no wait for more."""
        async with Following(self.hall.app, (HOST, *shown), f"after=0&{query}") as stream:
            before = b""
            while not stream.over and (stream.body != before or not before):
                before = stream.body
                await asyncio.sleep(0.02)
        return stream.status, stream.body.decode()

    def found(
        self, call: TriedCall, operation: Any, role: str, field: NamingField | None
    ) -> dict[str, tuple[int, str]]:
        """What is answered of each, without the name that was asked for."""
        if field is None:
            return {OWN: self.ask(call, role)}
        found = {}
        for which, name in self.names(field.kind).items():
            status, said = self.ask(self.fields.with_name(call, operation, field, name), role)
            found[which] = status, without(said, name)
        return found


@pytest.fixture
def matrix(tmp_path: Path) -> Iterator[Matrix]:
    with borough(tmp_path) as hall, asyncio.Runner() as runner:
        peopled(hall)
        _, document = hall.asked("GET", "/api/v1/openapi.json", hall.tokens["admin"])
        yield Matrix(hall, NamedFields(document), runner)


def without(text: str, name: str) -> str:
    """An answer without the name that was asked for, however it is written there."""
    inner = re.findall(r"^team: (\w+)$", name, re.MULTILINE) + re.findall(r"^quota:(\w+)/", name)
    for each in sorted({name, quote(name, safe=""), quote_plus(name), json.dumps(name)[1:-1], *inner}, key=len)[::-1]:
        text = re.sub(rf"(?<!\w){re.escape(each)}(?!\w)", "NAME", text)
    return text


def steady(text: str) -> str:
    """Without what differs each time."""
    for pattern, word in MADE_JUST_NOW:
        text = pattern.sub(word, text)
    return text


def alike(one: tuple[int, str], other: tuple[int, str]) -> bool:
    """Whether nobody can tell two answers apart."""
    return one == other or (one[0], steady(one[1])) == (other[0], steady(other[1]))


def as_own(call: TriedCall, field: NamingField) -> bool:
    """Whether whoever sees another team is answered of what is its as of his own: nothing else of the call is his."""
    if field.place == "path":
        return "view" not in call.query  # who is of several teams asks as one of them
    alone = "{" not in call.path and "change" not in call.query
    return field.name in {"wanted.team", "wish.team"} or (field.name == "view" and alone)


def wrong(
    role: str,
    needs: str,
    found: Mapping[str, tuple[int, str]],
    others: re.Pattern[str],
    *,
    alike_for_who_sees: bool = False,
) -> str:
    """Why what is answered is not as it has to be; empty where it is."""
    statuses = {status for status, _ in found.values()}
    if {each for each in statuses if each >= 500}:
        return "the server fails"
    same = len({steady(said) for _, said in found.values()}) == 1
    if needs != OPEN and role in OUTSIDE:
        return "" if statuses == {401} and same else "a stranger is told something"
    if needs not in {OPEN, LET_IN} and Permission(needs) not in INSIDERS.get(role, frozenset()):
        return "" if statuses == {403} and same else "who may not is told something"
    if role in SEES_OTHER or needs in OF_THE_PLATFORM:
        seen = not alike_for_who_sees or found[OTHER][0] == found[OWN][0]
        return "" if seen else "who may see it does not"
    if OTHER in found and not alike(found[OTHER], found[ABSENT]):
        return "what is another team's is told from what is absent"
    named = [(which, match) for which, (_, said) in found.items() if (match := others.search(said)) is not None]
    return "; ".join(f"{which}: {match.group()} is named" for which, match in named)


@dataclass(frozen=True)
class TriedField:
    """A field that is tried in a call; None for the call as it is."""

    operation: Any
    call: TriedCall
    field: NamingField | None

    @property
    def kind(self) -> str:
        """Of a request; empty for other calls."""
        asked = self.call.body.get("asked", {}) if isinstance(self.call.body, dict) else {}
        found: str = asked.get("kind", "")
        return found

    @property
    def told_apart(self) -> bool:
        """Whether it has to be told that a name is taken."""
        return self.field is not None and (self.kind, self.field.name) in TOLD_APART


def tried(fields: NamedFields, role: str, *, every: bool = False) -> Iterator[TriedField]:
    """What is asked in the name of somebody.

    Args:
        fields: of the document.
        role: of him.
        every: whether each kind of request is asked for with each of its fields; else that is done where it counts.
    """
    for verb, path, operation in fields.operations():
        naming = [each for each in fields.of(verb, path, operation) if each.tried]
        first, *others = fields.calls(verb, path, operation, view="nlp" if role == "of both" else "")
        yield from (TriedField(operation, first, each) for each in (None, *naming))
        if (
            every
            or (role == "member" and path == "/api/v1/request-previews")
            or (role == "owner" and path.endswith("/decision"))
        ):
            for call in others:
                kind = TriedField(operation, call, None).kind
                some = [each for each in naming if every or each.name in MEANT_OTHERWISE.get(kind, USUALLY_MEANT)]
                yield from (TriedField(operation, call, each) for each in (None, *some))


NOBODY = re.compile(r"(?!)")
"""What the document of the API names are the people of its examples, whoever has whatever server."""


def against(matrix: Matrix, role: str, *, every: bool = False, only: str = "") -> tuple[list[Any], int]:
    """What is not as it has to be, and how much was tried; of one kind of subject alone where it is named."""
    found: list[Any] = []
    number = 0
    for each in tried(matrix.fields, role, every=every):
        if only and (each.field is None or each.field.kind != only):
            continue
        answers = matrix.found(each.call, each.operation, role, each.field)
        seen = each.field is not None and as_own(each.call, each.field)
        others = NOBODY if each.call.path == "/api/v1/openapi.json" else matrix.others
        why = wrong(role, each.operation[NEEDS], answers, others, alike_for_who_sees=seen)
        if why and not each.told_apart:
            found.append((why, each.call.verb, each.call.path, each.kind, each.field, answers))
        number += len(answers)
    return found, number


@pytest.mark.parametrize("role", sorted({*INSIDERS, *OUTSIDE}))
def test_each_field_that_names_something_with_each_role(matrix: Matrix, role: str) -> None:
    found, number = against(matrix, role)
    assert not found
    assert number >= 500


@pytest.mark.nightly
@pytest.mark.parametrize("role", ["member", "owner"])
def test_the_same_of_each_kind_of_request(matrix: Matrix, role: str) -> None:
    assert against(matrix, role, every=True)[0] == []


@pytest.mark.parametrize(("kind", "name"), TOLD_APART)
def test_of_a_name_that_is_taken_nothing_is_told_but_that(matrix: Matrix, kind: str, name: str) -> None:
    (each,) = (
        each
        for each in tried(matrix.fields, "member", every=True)
        if each.call.path == "/api/v1/request-previews" and each.kind == kind and each.field and each.field.name == name
    )
    names = matrix.names("team")
    answers = {
        which: matrix.ask(matrix.fields.with_name(each.call, each.operation, each.field, names[which]), "member")
        for which in (OTHER, ABSENT)
    }
    assert [answers[which][0] for which in (OTHER, ABSENT)] == [409, 200]
    assert matrix.others.search(without(answers[OTHER][1], names[OTHER])) is None


def test_the_roles_of_the_matrix_are_all_there_are(matrix: Matrix) -> None:
    assert set(INSIDERS) >= {each.value for each in PersonRole}
    assert {*INSIDERS, *OUTSIDE} <= set(matrix.hall.tokens)


def test_a_field_of_which_nobody_says_what_it_names_is_noticed(matrix: Matrix) -> None:
    path = "/api/v1/request-previews"
    plain = matrix.fields.document["paths"][path]["post"]
    for more in (
        {"parameters": [{"name": "beside", "in": "query", "schema": {"type": "string"}}]},
        {"parameters": [{"name": "x-team", "in": "header", "schema": {"type": "string"}}]},
        {"requestBody": {"content": {"application/json": {"schema": {"properties": {"new": {"type": "string"}}}}}}},
    ):
        with pytest.raises(UnclassifiedError):
            list(matrix.fields.of("POST", path, {**plain, **more}))
    with pytest.raises(UnclassifiedError):
        list(
            matrix.fields.of("GET", "/api/v1/rooms/{reference}", {"parameters": [{"name": "reference", "in": "path"}]})
        )


def test_a_server_that_tells_of_others_is_noticed(matrix: Matrix, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may not know of a cluster is told that it is there: each call that takes one shows it."""
    monkeypatch.setattr(Desk, "is_known", lambda *_: True)
    found, _ = against(matrix, "member", only="cluster")
    told = {(path, field.name) for _, _, path, _, field, _ in found if field is not None}
    assert {
        ("/api/v1/jobs", "submission.backend"),
        ("/api/v1/submissions", "submissions[].backend"),
        ("/api/v1/foresee", "submission.backend"),
        ("/api/v1/snapshot", "backend"),
        ("/api/v1/answers/queues", "cluster"),
    } <= told


@pytest.mark.parametrize(
    ("role", "needs", "answers"),
    [
        ("member", "read", {OWN: (200, "x"), OTHER: (403, "NAME"), ABSENT: (404, "NAME")}),
        ("member", "read", {OWN: (200, "x"), OTHER: (404, "NAME of cv"), ABSENT: (404, "NAME")}),
        ("member", "read", {OWN: (200, "of secret-of-cv"), OTHER: (404, "NAME"), ABSENT: (404, "NAME")}),
        ("member", "people", {OWN: (200, "")}),
        ("member", "people", {OWN: (403, "a"), OTHER: (403, "b"), ABSENT: (403, "a")}),
        ("nobody", "read", {OWN: (200, "")}),
        ("admin", "read", {OWN: (500, "")}),
        ("admin", "read", {OWN: (200, ""), OTHER: (404, ""), ABSENT: (404, "")}),
    ],
)
def test_what_is_told_of_others_would_be_seen(
    matrix: Matrix, role: str, needs: str, answers: Mapping[str, tuple[int, str]]
) -> None:
    assert wrong(role, needs, answers, matrix.others, alike_for_who_sees=True)
