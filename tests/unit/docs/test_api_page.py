"""docs/api.md lists every kind of problem that the server tells of, and what it shows is asked as it stands there."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from allotment.api.problems import EVERY
from tests.unit.api.streams import Following
from tests.unit.api.test_doors import HOST, answered, bearer
from tests.unit.api.test_people import Hall, hall
from tests.unit.api.test_service import submitted
from tests.unit.docs.pages import DOCS

__all__ = ["hall"]

PAGE = (DOCS / "api.md").read_text(encoding="utf-8")
CURLS = re.findall(r"^curl .*$", PAGE, re.MULTILINE)
_CALL = re.compile(r"`(?P<verb>[A-Z]+ )?(?P<path>/api/v1/[^`?]*)(?:\?(?P<query>[^`]*))?`")
ADMIN = "platform-engineers"


def test_every_problem_is_listed_as_the_server_tells_it() -> None:
    wanted = [f"| `/api/v1/problems/{each.name}` | {each.status} | {each.title} | {each.means} |" for each in EVERY]
    assert [line for line in PAGE.splitlines() if line.startswith("| `/api/v1/problems/")] == wanted


def as_a_shell_reads(line: str) -> list[str]:
    """What curl is given: one command in the foreground, or the shell says so."""
    script = f'curl() {{ printf "%s\\n" "$@"; }}\nset -e\n{line}\necho "$!"'
    given = {"ALLOTMENT_TOKEN": "T"}
    told = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, env=given)
    *words, behind = told.stdout.split("\n")[:-1]
    assert behind == "", "nothing runs behind it"
    return words


@pytest.mark.parametrize("line", CURLS)
def test_every_curl_gets_what_the_page_says_that_it_gets(hall: Hall, line: str) -> None:
    hall.world.run(15)  # what was there before has ended
    submitted(hall.world.desk, program="long", name="runs")
    hall.world.run(2)
    submitted(hall.world.desk, devices=4, name="waits")
    hall.world.run(2)
    words = as_a_shell_reads(line)
    assert "Authorization: Bearer T" in words
    address, text = urlsplit(words[-1]), hall.session("root", ADMIN)
    if address.path == "/api/v1/events":
        assert asyncio.run(_first_event(hall, text, address.query)) == "begin"
        return
    status, told = hall.asked("GET", address.path, text, query=address.query)
    assert (status, [each["name"] for each in told["page"]["rows"]]) == (200, ["runs"])


async def _first_event(hall: Hall, text: str, query: str) -> str:
    async with Following(hall.app, (HOST, bearer(text)), query) as followed:
        while not followed.frames:
            await asyncio.sleep(0.01)
        return followed.frames[0].event


def calls() -> Iterator[tuple[str, str, str]]:
    """Verb, path and query of all that the page names, its list of problems apart."""
    text = PAGE.replace("`PUT` and `DELETE /", "`PUT /api/v1/clusters/NAME/credential` and `DELETE /")
    for found in _CALL.finditer(text):
        if not found["path"].startswith("/api/v1/problems/"):
            yield (found["verb"] or "GET ").strip(), found["path"], found["query"] or ""


def document(hall: Hall) -> Any:
    return json.loads(answered(hall.app, "GET", "/api/v1/openapi.json", HOST, bearer(hall.session("x", ADMIN)))[2])


def test_every_call_that_the_page_names_is_one(hall: Hall) -> None:
    paths, text = document(hall)["paths"], hall.session("root", ADMIN)
    hall.world.run(2)
    named = sorted(set(calls()))
    assert len(named) > 10
    for verb, path, query in named:
        if path == "/api/v1/answers/NAME":
            continue  # see the table
        assert verb.lower() in paths[path.replace("NAME", "{reference}")], (verb, path)
        if verb == "GET" and path != "/api/v1/events":
            # This server follows no clusters, and says so.
            expected = 400 if path == "/api/v1/clusters" else 200
            where = path.replace("NAME", "j0").replace("{reference}", "j0")
            assert hall.asked(verb, where, text, query=query)[0] == expected, path


def test_the_table_of_answers_has_every_answer_with_its_parameters(hall: Hall) -> None:
    table = PAGE.partition("| `NAME` |")[2].partition("\n\n")[0]
    told: dict[str, set[str]] = {}
    for line in table.splitlines()[2:]:
        _, names, parameters, *_ = line.split("|")
        every, _, of_one = re.sub(r"\([^)]*\)", "", parameters).partition("; of one ")
        for name in re.findall(r"`([^`]+)`", names):
            extra = of_one if "/" in name else ""
            told[name.replace("JOB", "{reference}").replace("CODE", "{code}")] = set(
                re.findall(r"`([a-z]+)`", every + extra)
            )
    found = {
        path.removeprefix("/api/v1/answers/"): {
            each["name"] for each in operations["get"].get("parameters", ()) if each["in"] == "query"
        }
        for path, operations in document(hall)["paths"].items()
        if path.startswith("/api/v1/answers/")
    }
    shared = {"cluster", "view"}
    assert {name: parameters | shared for name, parameters in told.items()} == {
        name: parameters | shared for name, parameters in found.items()
    }


def test_a_list_gives_the_fields_that_the_page_asks_for(hall: Hall) -> None:
    (fields,) = re.findall(r"`fields=([^`]+)`", PAGE)
    status, told = hall.asked("GET", "/api/v1/jobs", hall.session("root", ADMIN), query=f"fields={fields}")
    assert (status, {tuple(each) for each in told["page"]["rows"]}) == (200, {tuple(fields.split(","))})


def test_a_condition_where_nothing_is_looked_at_for_it_is_refused(hall: Hall) -> None:
    text = hall.session("root", ADMIN)
    status, _, said = answered(hall.app, "GET", "/api/v1/jobs", HOST, bearer(text), (b"if-match", b'"1.abc"'))
    assert (status, json.loads(said)["what"]) == (400, "If-Match is not looked at here")
