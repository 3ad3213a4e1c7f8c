"""Every operation shows what it takes and gives: an example that is as the document says, and that a server takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jsonschema
import pytest
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from allotment.api.problems import EVERY, PROBLEM
from tests.unit.api.whole_server import ADMIN, MEMBER, WholeServer, whole_server
from tools.openapi import document
from tools.portal import openapi_text

WITHOUT = {"GET /api/v1/openapi.json gives": "it is its own example"}
OTHERWISE = {
    # Its back ends are fakes, which run no image, and what is shown has written nothing there.
    **dict.fromkeys(("POST /api/v1/jobs", "POST /api/v1/foresee"), 422),
    **dict.fromkeys(("GET /api/v1/jobs/{reference}/log", "GET /api/v1/jobs/{reference}/lines"), 404),
    # What is shown of secrets opens nothing.
    **dict.fromkeys(("POST /api/v1/sign-in", "POST /api/v1/browser-session"), 401),
    "GET /api/v1/tokens/{reference}": 404,
    # There is no grant before the request is decided, nor a conflict after that.
    "GET /api/v1/grants/{reference}": 404,
    "POST /api/v1/grants/{reference}/settling": 409,
    # Its repository has a commit of its own.
    "POST /api/v1/quota-changes": 412,
}
"""What a server that has all that is shown answers all the same."""
JSON = "application/json"
PACKED = "application/gzip"


@cache
def told() -> dict[str, Any]:
    return document()


@dataclass(frozen=True)
class Shown:
    """A body of an operation."""

    where: str
    form: str
    said: dict[str, Any]


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, some in told()["paths"].items():
        for verb, each in some.items():
            yield f"{verb.upper()} {path}", each


def bodies() -> Iterator[Shown]:
    for name, each in operations():
        answer = next(found for status, found in each["responses"].items() if status.startswith("2"))
        for form, said in each.get("requestBody", {}).get("content", {}).items():
            yield Shown(f"{name} takes", form, said)
        for form, said in answer.get("content", {}).items():
            yield Shown(f"{name} gives", form, said)


def check(value: object, schema: dict[str, Any]) -> None:
    """See that a value is as a schema of the document says."""
    whole = Resource.from_contents(told(), default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("urn:document", whole)
    within = json.loads(json.dumps(schema).replace('"#/', '"urn:document#/'))
    jsonschema.Draft202012Validator(within, registry=registry).validate(value)


def test_every_body_has_an_example_that_is_as_its_schema_says() -> None:
    found = 0
    for shown in bodies():
        if shown.where in WITHOUT or shown.form == PACKED:
            assert "example" not in shown.said
            continue
        assert "example" in shown.said, shown
        if shown.form == JSON:
            check(shown.said["example"], shown.said["schema"])
        assert len(json.dumps(shown.said["example"])) > 2
        found += 1
    assert found > 80


def test_every_parameter_of_an_address_has_an_example_that_fits() -> None:
    found = 0
    for name, each in operations():
        for parameter in each.get("parameters", ()):
            if parameter["in"] != "header":
                assert "example" in parameter, (name, parameter["name"])
                check(parameter["example"], parameter["schema"])
                found += 1
    assert found > 100


def test_every_kind_of_problem_has_an_example_under_its_own_status() -> None:
    shown = {}
    for status, response in told()["components"]["responses"].items():
        form = response["content"][PROBLEM]
        for name, each in form["examples"].items():
            check(each["value"], form["schema"])
            assert each["value"]["status"] == int(status)
            assert each["value"]["type"].rpartition("/")[2] == name
            assert all(each["value"][word] for word in ("what", "fix", "error")), name
            shown[name] = each["summary"]
    assert shown == {each.name: each.title for each in EVERY}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[WholeServer]:
    with whole_server(tmp_path) as made:
        yield made


def filled(path: str, operation: dict[str, Any]) -> str:
    for each in operation.get("parameters", ()):
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", str(each["example"]))
    return path


def test_what_is_shown_can_be_sent(server: WholeServer) -> None:
    """To a server of the same platform; what it answers otherwise is for what is there, and never for the form."""
    ada, text = server.session("ada", MEMBER), server.session("grace", ADMIN)
    answers = {}
    for name, operation in operations():
        form = operation.get("requestBody", {}).get("content", {}).get(JSON)
        if form is not None:
            verb, _, path = name.partition(" ")
            who = ada if path.endswith("/answer") else text
            answers[name], said = server.asked(verb, filled(path, operation), who, form["example"])
            assert answers[name] == OTHERWISE.get(name, 200), (name, said)
    assert len(answers) > 15


def test_what_is_shown_of_addresses_can_be_asked(server: WholeServer) -> None:
    """All of an operation at once: nothing of it is a parameter, or a value, that is not known."""
    server.session("ada", MEMBER)
    text = server.session("grace", ADMIN)
    asked = 0
    for name, operation in operations():
        verb, _, path = name.partition(" ")
        if verb != "GET" or path == "/api/v1/events":
            continue
        query = []
        for each in operation.get("parameters", ()):
            if each["in"] == "query":
                shown = each["example"]
                some = shown if isinstance(shown, list) else [shown]
                query += [(each["name"], json.dumps(one) if isinstance(one, bool) else one) for one in some]
        status, said = server.asked(verb, filled(path, operation), text, query=urlencode(query))
        assert status == OTHERWISE.get(name, 200), (name, query, said)
        asked += 1
    assert asked > 40


def test_it_is_the_same_every_time_and_shows_nothing_to_those_who_make_types() -> None:
    again = document()
    assert again == told()
    assert '"example' not in openapi_text()
