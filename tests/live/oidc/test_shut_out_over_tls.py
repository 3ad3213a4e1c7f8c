"""Over TLS, as from another machine: who is shut out, and what is revoked, is dead within five seconds.

By day the same is seen without TLS.
"""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from allotment.adapters.sandbox.pki import make_pki
from tests.live.oidc.test_sign_in import LONG, NOT_SIGNED_IN, PEOPLE, Desk, signed_in
from tests.live.server.conftest import Server
from tools.oidc_provider import RunningProvider

pytestmark = [pytest.mark.live, pytest.mark.nightly]
WITHIN = 5.0


@pytest.fixture
def server(tmp_path: Path, real: RunningProvider) -> Iterator[Server]:
    for login, groups in PEOPLE.items():
        real.enroll(login, *groups)
    made = make_pki(dt.datetime.now(dt.UTC))
    for name in ("ca.crt", "kube-apiserver.crt", "kube-apiserver.key"):
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_bytes(made[name])
    one = Server(tmp_path / "home")
    one.home.mkdir()
    tls = ("--tls-cert", str(tmp_path / "kube-apiserver.crt"), "--tls-key", str(tmp_path / "kube-apiserver.key"))
    oidc = ("--oidc-issuer", real.issuer, "--oidc-ca", str(real.authority))
    one.run("up", "--listen", "127.0.0.1:0", *tls, *oidc, "--oidc-scopes", "openid profile email groups")
    try:
        yield one
    finally:
        one.end()
        for login in PEOPLE:
            real.withdraw(login)


def test_streams_and_tokens_are_dead_within_five_seconds(
    server: Server, real: RunningProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))
    (server.home / "long.py").write_text(LONG)
    server.run("run", "long.py", "--team", "nlp", "--name", "of-nlp", "--detach")
    home = tmp_path / "ada"
    home.mkdir()
    ada = Desk(home, server.service.status().listens, "a token that is never shown")
    assert ada.address.startswith("https://")
    signed_in(ada, real, "ada")
    token = ada.run("token", "create", "ci", "--gives", "read").stdout.strip()
    by_token = {"ALLOTMENT_TOKEN": token, "ALLOTMENT_SERVER": ada.address}
    assert "of-nlp" in ada.run("ps", **by_token).stdout
    revoked = dead(ada, by_token, lambda: ada.run("token", "revoke", "ci"))
    ada.run("ps")
    another = ada.run("token", "create", "another", "--gives", "read").stdout.strip()
    shut_out = dead(ada, {}, lambda: server.run("people", "shut-out", "ada@acme.example"))
    ada.run("ps", code=NOT_SIGNED_IN, ALLOTMENT_TOKEN=another, ALLOTMENT_SERVER=ada.address)
    sys.stdout.write(f"\nstreams ended {revoked:.1f} s after the token, {shut_out:.1f} s after the person\n")


def dead(ada: Desk, more: dict[str, str], end: Callable[[], object]) -> float:
    """Seconds from the end of what is worth nothing from then on until a log that is followed by it ends."""
    clean = {name: each for name, each in os.environ.items() if not name.startswith(("ALLOTMENT_", "PYTEST", "XDG_"))}
    with subprocess.Popen(
        ada.words("logs", "-f", "of-nlp"), cwd=ada.home, env={**clean, "HOME": str(ada.home), **more},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as following:  # fmt: skip
        assert following.stdout is not None
        assert following.stdout.readline() == "alive\n"
        end()
        began = time.monotonic()
        _, said = following.communicate(timeout=60)
        took = time.monotonic() - began
    assert following.returncode == NOT_SIGNED_IN, said
    # New questions are refused at once, whatever a stream takes.
    ada.run("ps", code=NOT_SIGNED_IN, **more)
    assert took < WITHIN
    return took
