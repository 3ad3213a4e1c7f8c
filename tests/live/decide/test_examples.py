"""Every example of the help about requests and people, as it stands, on a server without a cluster."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from allotment.cli.shell.examples.form import Example, ExampleNeeds
from allotment.cli.shell.examples.table import EXAMPLES
from tests.live.decide.test_grants import FLAVOR, git
from tests.live.kubernetes.driving import until
from tests.live.server.conftest import Server
from tests.live.training import CLUSTER, declared_tree

pytestmark = [pytest.mark.live, pytest.mark.nightly]
NAMED = re.compile(r"\b(r7k2f9qa|r3m8d1xz)\b")
"""Ids that examples have; each stands for something of its own."""
WORDS: dict[tuple[str, ...], list[Example]] = {
    words: [each for each in found if each.needs is ExampleNeeds.REQUESTS]
    for words, found in EXAMPLES.items()
    if any(each.needs is ExampleNeeds.REQUESTS for each in found)
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """For a directory in which whoever asks may decide himself, so that one user is enough."""
    folder = tmp_path / "platform"
    for path, text in declared_tree().files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text.replace("    answerWithin:", "    othersOnly: false\n    answerWithin:"))
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "as it was")
    one = Server(tmp_path / "home", further={"KUBECONFIG": "/nonexistent"})
    one.home.mkdir()
    one.up("--platform", str(folder))
    try:
        yield one
    finally:
        one.end()


def asked(server: Server, devices: int, *more: str) -> str:
    words = (
        "gpus",
        str(devices),
        "--accelerator",
        FLAVOR,
        "--on",
        CLUSTER,
        "--for",
        "72h",
        "--team",
        "nlp",
        "--why",
        "x",
    )
    found = json.loads(server.run("request", *words, *more, "-o", "json"))
    return str(found["id"])


def test_every_example_of_requests(server: Server, tmp_path: Path) -> None:
    days = itertools.count(10, 5)

    def later() -> tuple[str, str]:
        """Not yet, each at a time of its own, and no later than what may be given at once begins."""
        begins = dt.datetime.now(dt.UTC) + dt.timedelta(days=next(days))
        return "--from", begins.strftime("%Y-%m-%dT%H:%M:%SZ")

    def waiting() -> str:
        return asked(server, 8, *later())

    def offered() -> str:
        id_ = waiting()
        server.run("counter", id_, "--gpus", "5")
        return id_

    def due() -> str:
        return asked(server, 1, *later())

    def conflict() -> str:
        id_ = asked(server, 1)
        file = tmp_path / "platform" / "grants" / f"{id_}.yaml"
        until(file.exists, lambda: server.run("grant", "list"), 60)
        file.write_text(file.read_text().replace("cpu: ", "cpu: 1 # "))
        git(tmp_path / "platform", "commit", "-qam", "by hand")
        until(lambda: "conflict" in server.run("grant", "list"), lambda: server.run("grant", "list"), 60)
        return id_

    stands: dict[tuple[str, ...], Callable[[], str]] = {
        ("request", "accept"): offered,
        ("extend",): due,
        ("grant", "end"): due,
        ("grant", "restore"): conflict,
        ("grant", "keep"): conflict,
    }
    count = itertools.count()
    for words, examples in WORDS.items():
        for each in examples:
            made = stands.get(words, waiting)
            line = shlex.split(NAMED.sub(lambda _, made=made: made(), each.line))  # type: ignore[misc]
            server.run(*line[1:])
            next(count)
            # What is granted is taken back, so that there is room for the next one.
            for grant in json.loads(server.run("grant", "list", "-o", "json"))["items"]:
                if grant["state"] in ("due", "giving", "active"):
                    server.run("grant", "end", grant["id"])
    assert next(count) > 20
