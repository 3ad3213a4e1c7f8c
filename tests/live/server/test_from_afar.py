"""A server that is asked over the network: the commands of a user's day, as on its own machine."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from allotment.cli.shell.examples.form import ExampleNeeds
from allotment.cli.shell.examples.table import EXAMPLES
from tests.live.server.conftest import Server
from tests.live.server.test_running import TRAIN

pytestmark = pytest.mark.live


@dataclass(frozen=True)
class Laptop:
    """Another user's home, with nothing of the server's in it but its address and a token."""

    home: Path
    address: str
    token: str

    def run(self, *words: str, code: int = 0, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ALLOTMENT_", "PYTEST", "XDG_S", "XDG_CONFIG"))
        }
        environment = {**clean, "HOME": str(self.home), "NO_COLOR": "1", **more}
        done = subprocess.run(
            [sys.executable, "-m", "allotment", *words],
            cwd=self.home, env=environment, input=stdin, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert self.token not in done.stdout + done.stderr
        return done


@pytest.fixture
def laptop(server: Server, tmp_path: Path) -> Laptop:
    server.run("up", "--listen", "127.0.0.1:0")
    token = server.run("token", "create", "laptop").strip()
    home = tmp_path / "laptop"
    home.mkdir()
    return Laptop(home, server.service.status().listens, token)


def without_times(text: str) -> str:
    return re.sub(r"\d+(\.\d+)? (ms|s|min|h)\b|\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)


def test_a_day_from_elsewhere_is_a_day_at_the_machine(server: Server, laptop: Laptop) -> None:
    assert "not signed in to" in laptop.run("ps", code=4, ALLOTMENT_SERVER=laptop.address).stderr
    wrong = laptop.run("login", laptop.address, "--token-stdin", stdin="rubbish", code=4)
    assert "what is given as a token is none" in wrong.stderr
    broken = laptop.run("ps", code=4, ALLOTMENT_SERVER=laptop.address, ALLOTMENT_TOKEN=f"{laptop.token[:-9]}\r\nX: y")
    assert laptop.token[15:-9] not in broken.stderr
    assert not (laptop.home / ".config/allotment/credentials.json").exists()
    misplaced = laptop.run("login", laptop.address, laptop.token, code=2)
    assert f"{laptop.token[:15]}…" in misplaced.stderr
    said = laptop.run("login", laptop.address, "--token-stdin", stdin=f"{laptop.token}\n")
    assert "may: read, stop, submit" in said.stdout
    kept = laptop.home / ".config/allotment/credentials.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    (laptop.home / "train.py").write_text(TRAIN.format(steps=5))
    (laptop.home / "job.yaml").write_text(
        'kind: Job\nname: shown\nteam: nlp\nrun: {command: [sh, -c, "cat here.txt; exit 3"]}\ncode: .\n'
    )
    (laptop.home / "here.txt").write_text("it travelled\n")
    ran = laptop.run("run", "train.py", "--team", "nlp", "--gpus", "2", "--", "--epochs", "3")
    assert "trained 5 ['--epochs', '3']" in ran.stdout
    assert "of the server's machine" in ran.stderr
    assert "its files are on the server's machine" in laptop.run("describe", "train").stderr
    foreseen = json.loads(laptop.run("submit", "job.yaml", "--dry-run", "server", "-o", "json").stdout)
    assert [each["name"] for each in foreseen["items"]] == ["shown"]
    laptop.run("submit", "job.yaml")
    laptop.run("wait", "shown", "--timeout", "60", code=3)
    assert laptop.run("logs", "shown").stdout == "it travelled\n"
    for words in (("ps", "-a"), ("describe", "train"), ("report", "train"), ("describe", "shown", "-o", "json")):
        assert without_times(laptop.run(*words).stdout) == without_times(server.run(*words)), words
    again = laptop.run("retry", "shown")
    assert "shown" in again.stdout
    laptop.run("clone", "train", "--set", "name=again")
    laptop.run("wait", "again", "--timeout", "60")
    (laptop.home / "long.sh").write_text("#!/bin/sh\nsleep 60\n")
    laptop.run("run", "long.sh", "--team", "nlp", "-d")
    laptop.run("wait", "long", "--for", "running", "--timeout", "60")
    assert "it runs" in laptop.run("why", "long", "--on", "local").stdout
    laptop.run("stop", "long")
    acts = json.loads(server.run("audit", "search", "-o", "json", "--did", "job"))["items"]
    assert {each["callerKind"] for each in acts} == {"token"}
    assert {each["verb"] for each in acts} == {"job.submit", "job.retry", "job.stop"}
    laptop.run("logout")
    assert "the server does not run" in laptop.run("ps", code=9).stderr


def test_whose_token_is_revoked_reads_no_further(server: Server, laptop: Laptop) -> None:
    by_variables = {"ALLOTMENT_SERVER": laptop.address, "ALLOTMENT_TOKEN": laptop.token}
    (laptop.home / "long.sh").write_text("#!/bin/sh\nwhile :; do echo more; sleep 0.1; done\n")
    laptop.run("run", "long.sh", "--team", "nlp", "-d", **by_variables)
    follower = subprocess.Popen(
        [sys.executable, "-m", "allotment", "logs", "-f", "long"],
        cwd=laptop.home, env={**os.environ, **by_variables, "HOME": str(laptop.home)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert follower.stdout is not None
    assert follower.stdout.readline() == "more\n"
    server.run("token", "revoke", "laptop")
    begun = time.monotonic()
    _, said = follower.communicate(timeout=30)
    assert time.monotonic() - begun < 5
    assert (follower.returncode, "worth nothing any more" in said) == (4, True), said
    assert "it was revoked" in laptop.run("ps", code=4, **by_variables).stderr
    server.run("stop", "long")


def test_what_it_may_not_is_refused_with_an_exit_code_of_its_own(server: Server, laptop: Laptop) -> None:
    looks = server.run("token", "create", "looks", "--gives", "read").strip()
    by_variables = {"ALLOTMENT_SERVER": laptop.address, "ALLOTMENT_TOKEN": looks}
    assert "no jobs" in laptop.run("ps", **by_variables).stderr
    (laptop.home / "train.py").write_text("print(1)\n")
    refused = laptop.run("run", "train.py", "--team", "nlp", code=5, **by_variables)
    assert "the token does not give submit" in refused.stderr


def test_an_auditor_elsewhere_reckons_the_trail_himself(server: Server, laptop: Laptop) -> None:
    token = server.run("token", "create", "siem", "--gives", "audit").strip()
    by_variables = {"ALLOTMENT_SERVER": laptop.address, "ALLOTMENT_TOKEN": token}
    there = laptop.run("audit", "export", **by_variables).stdout
    here = server.run("audit", "export")
    assert "token.make" in there
    assert here.startswith(there)
    (laptop.home / "heads.txt").write_text(laptop.run("audit", "head", **by_variables).stdout)
    verified = laptop.run("audit", "verify", "--heads", "heads.txt", **by_variables)
    assert "each as it was written" in verified.stdout
    assert "through 1 of 1 head" in verified.stderr
    plain = {**by_variables, "ALLOTMENT_TOKEN": laptop.token}
    assert "the token does not give audit" in laptop.run("audit", "search", code=5, **plain).stderr


@pytest.mark.nightly
def test_examples_of_the_help(server: Server, laptop: Laptop) -> None:
    lines = [each.line for all_ in EXAMPLES.values() for each in all_ if each.needs is ExampleNeeds.ELSEWHERE]
    assert len(lines) >= 4
    for line in lines:
        command, _, _ = line.replace("http://127.0.0.1:7433", laptop.address).partition(" <")
        words = shlex.split(command)[1:]
        if words[0] == "login" and "--token-stdin" not in words:
            assert "Traceback" not in typed(laptop, words)
        else:
            laptop.run(*words, stdin=laptop.token)
    assert not json.loads((laptop.home / ".config/allotment/credentials.json").read_text())


def typed(laptop: Laptop, words: list[str]) -> str:
    """A command on a terminal, where the token is typed; what stands on the terminal then."""
    master, slave = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "allotment", *words],
        cwd=laptop.home, env={**os.environ, "HOME": str(laptop.home), "XDG_CONFIG_HOME": ""},
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    seen = b""
    while b"token for" not in seen:
        seen += os.read(master, 1 << 10)
    time.sleep(0.3)
    os.write(master, f"{laptop.token}\n".encode())
    try:
        while piece := os.read(master, 1 << 10):
            seen += piece
    except OSError:
        pass  # the terminal is gone with its last program
    assert done.wait(30) == 0, seen
    os.close(master)
    assert laptop.token.encode() not in seen
    return seen.decode()


@pytest.mark.nightly
def test_tls_is_spoken_with_a_sound_pair_and_with_no_other(server: Server, tmp_path: Path) -> None:
    for name in ("gpu1", "other"):
        openssl = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "1",
        ]
        subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        files = ["-keyout", str(server.home / f"{name}.key"), "-out", str(server.home / f"{name}.pem")]
        subprocess.run([*openssl, *subject, *files], check=True, capture_output=True)
        (server.home / f"{name}.key").chmod(0o600)
    (server.home / "open.key").write_bytes((server.home / "gpu1.key").read_bytes())
    (server.home / "open.key").chmod(0o644)
    up = ("up", "--listen", "127.0.0.1:0", "--tls-cert", "gpu1.pem", "--tls-key")
    for key in ("other.key", "nothing.key", "gpu1.pem", "open.key"):
        server.run(*up, key, code=1)
    server.run(*up, "gpu1.key")
    address = server.service.status().listens.replace("127.0.0.1", "localhost")
    assert address.startswith("https://localhost:")
    laptop = Laptop(tmp_path / "laptop", address, server.run("token", "create", "laptop").strip())
    laptop.home.mkdir()
    untrusted = laptop.run("login", address, "--token-stdin", stdin=laptop.token, code=9)
    assert "is not trusted" in untrusted.stderr
    trusted = {"SSL_CERT_FILE": str(server.home / "gpu1.pem")}
    assert "may: read" in laptop.run("login", address, "--token-stdin", stdin=laptop.token, **trusted).stdout
    assert "no jobs" in laptop.run("ps", **trusted).stderr
