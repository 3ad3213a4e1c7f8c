"""People of a real identity provider at a server: what they are, what they see, and how they are shut out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest

from allotment.cli.shell.examples.form import ExampleNeeds
from allotment.cli.shell.examples.table import EXAMPLES
from allotment.ports.identity import DevicePrompt
from tests.live.oidc.keycloak_pages import visitor
from tests.live.server.conftest import Server
from tests.live.server.test_from_afar import Laptop
from tools.oidc_provider import RunningProvider

pytestmark = pytest.mark.live

NOT_SIGNED_IN, FORBIDDEN, NOT_FOUND = 4, 5, 3
PEOPLE = {"ada": ("acme-nlp",), "eve": ("acme-platform-engineers",), "zoe": ("sales",)}
LONG = "import time\nwhile True:\n    print('alive', flush=True)\n    time.sleep(0.2)\n"


@pytest.fixture
def server(tmp_path: Path, real: RunningProvider) -> Iterator[Server]:
    for login, groups in PEOPLE.items():
        real.enroll(login, *groups)
    one = Server(tmp_path / "home")
    one.home.mkdir()
    oidc = ("--oidc-issuer", real.issuer, "--oidc-ca", str(real.authority))
    one.run("up", "--listen", "127.0.0.1:0", *oidc, "--oidc-scopes", "openid profile email groups")
    try:
        yield one
    finally:
        one.end()
        for login in PEOPLE:  # the provider is everybody's
            real.withdraw(login)


class Desk(Laptop):
    """Somebody's home, from which he signs in."""

    def words(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "allotment", *words]


def desk(server: Server, folder: Path) -> Desk:
    folder.mkdir()
    return Desk(folder, server.service.status().listens, "a token that is never shown")


def signed_in(one: Desk, real: RunningProvider, login: str, *more: str, code: int = 0) -> str:
    """Sign in by a browser, or with --device on another device; what the command said."""
    ca = ("--oidc-ca", str(real.authority))
    environment = {"HOME": str(one.home), "NO_COLOR": "1", "PATH": "/usr/bin:/bin"}
    if "SSL_CERT_FILE" in os.environ:
        environment["SSL_CERT_FILE"] = os.environ["SSL_CERT_FILE"]
    with subprocess.Popen(
        one.words("login", one.address, *ca, "--no-input", *more),
        cwd=one.home, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        said = process.stderr.readline()
        # Whatever goes wrong at the provider, nobody waits for a browser that never comes.
        ending = threading.Timer(60, process.kill)
        ending.start()
        person = visitor(real, login)
        if "--device" in more:
            place, word = re.findall(r"open (\S+) and type (\S+)", said)[0]
            person.type_code(DevicePrompt(place.partition("?")[0], word, "", "", "", 1, 1))
        else:
            (address,) = re.findall(r"https://\S+", said)
            (redirect,) = parse_qs(urlsplit(address).query)["redirect_uri"]
            query = person.browse(address, redirect)
            assert httpx.get(f"{redirect}?{query}", trust_env=False).status_code == 200
        out, rest = process.communicate(timeout=60)
        ending.cancel()
    assert process.returncode == code, f"{said}{out}{rest}"
    return said + out + rest


@pytest.mark.nightly
def test_a_member_has_what_is_his_team_s_and_nothing_else(
    server: Server, real: RunningProvider, tmp_path: Path
) -> None:
    (server.home / "long.py").write_text(LONG)
    for team in ("nlp", "cv"):
        server.run("run", "long.py", "--team", team, "--name", f"of-{team}", "--detach")
    ada = desk(server, tmp_path / "ada")
    assert "member of nlp" in signed_in(ada, real, "ada")
    seen = json.loads(ada.run("ps", "-o", "json").stdout)["items"]
    assert [each["name"] for each in seen] == ["of-nlp"]
    absent = ada.run("describe", "nothing", code=NOT_FOUND).stderr
    assert ada.run("describe", "of-cv", code=NOT_FOUND).stderr.replace("of-cv", "nothing") == absent
    ada.run("stop", "of-cv", code=NOT_FOUND)
    (ada.home / "own.py").write_text("print(1)\n")
    refused = ada.run("run", "own.py", "--team", "nlp", code=FORBIDDEN).stderr
    assert "as the user whose server it is" in refused
    assert "of-cv" not in ada.run("queues", "--on", "local").stdout
    token = ada.run("token", "create", "ci", "--gives", "read").stdout.strip()
    by_token = ada.run("ps", "-o", "name", ALLOTMENT_TOKEN=token, ALLOTMENT_SERVER=ada.address).stdout
    assert by_token == ada.run("ps", "-o", "name").stdout
    ada.run("stop", "of-nlp")
    ada.run("logout")
    ada.run("ps", ALLOTMENT_SERVER=ada.address, code=NOT_SIGNED_IN)
    acts = [json.loads(each) for each in server.run("audit", "export").splitlines()]
    assert [(each["who"], each["callerKind"]) for each in acts if each["verb"] == "job.stop"] == [
        ("ada@acme.example", "person")
    ]


def test_who_is_shut_out_is_cut_off_within_seconds(server: Server, real: RunningProvider, tmp_path: Path) -> None:
    (server.home / "long.py").write_text(LONG)
    server.run("run", "long.py", "--team", "nlp", "--name", "of-nlp", "--detach")
    ada, eve, zoe = (desk(server, tmp_path / each) for each in PEOPLE)
    signed_in(ada, real, "ada")
    assert "admin" in signed_in(eve, real, "eve", "--device")
    assert "is nothing here" in signed_in(zoe, real, "zoe", code=FORBIDDEN)
    done: list[float] = []

    def follow() -> None:
        ada.run("logs", "-f", "of-nlp", code=NOT_SIGNED_IN)
        done.append(time.monotonic())

    following = threading.Thread(target=follow)
    following.start()
    time.sleep(2)
    assert following.is_alive()
    eve.run("people", "shut-out", "ada@acme.example")
    began = time.monotonic()
    following.join(30)
    assert done
    assert done[0] - began < 5
    assert ada.run("ps", code=NOT_SIGNED_IN)
    assert "has shut you out" in signed_in(ada, real, "ada", code=NOT_SIGNED_IN)
    for found in EXAMPLES.values():
        for example in found:
            if example.needs is ExampleNeeds.PEOPLE:
                server.run(*example.line.split()[1:])
    assert ada.run("ps", code=NOT_SIGNED_IN), "who is let in again signs in anew"
    signed_in(ada, real, "ada")
    ada.run("ps")
    assert ada.run("people", "list", code=FORBIDDEN)


@pytest.mark.nightly
def test_who_changes_groups_is_another_from_his_next_sign_in_on(
    server: Server, real: RunningProvider, tmp_path: Path
) -> None:
    ada = desk(server, tmp_path / "ada")
    assert "member of nlp" in signed_in(ada, real, "ada")
    real.enroll("ada", "acme-cv", "acme-platform-engineers")
    # A session is what its sign-in made it.
    assert "admin" not in ada.run("whoami").stdout
    said = signed_in(ada, real, "ada", "--device")
    assert "admin" in said
    assert "nlp" not in said
    real.enroll("ada", "sales")
    assert "is nothing here" in signed_in(ada, real, "ada", code=FORBIDDEN)
