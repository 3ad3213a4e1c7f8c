"""A server whose certificate is of a private authority: told as that, asked once its authority is named."""

from __future__ import annotations

import datetime as dt
import http.server
import json
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from allotment.adapters.credentials_file import CredentialsFile
from allotment.adapters.sandbox.pki import make_pki
from allotment.adapters.server.client import RemoteServer
from allotment.adapters.server.ways import NO_TOKEN, NetworkWay, untrusted
from allotment.errors import InputError, NotFoundError, UnreachableError


class _Nothing(http.server.BaseHTTPRequestHandler):
    """Has nothing."""

    def do_GET(self) -> None:
        self.send_response(404)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    for name, content in make_pki(dt.datetime.now(dt.UTC)).items():
        if name in {"ca.crt", "kube-apiserver.crt", "kube-apiserver.key"}:
            (tmp_path / name).write_bytes(content)
    return tmp_path / "ca.crt"


@pytest.fixture
def address(authority: Path) -> Iterator[str]:
    folder = authority.parent
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "kube-apiserver.crt", folder / "kube-apiserver.key")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Nothing) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"https://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_certificate_that_is_not_trusted_is_told_as_that_and_at_once(address: str) -> None:
    began = time.monotonic()
    with pytest.raises(UnreachableError) as caught:
        RemoteServer(NetworkWay(address, NO_TOKEN)).offer()
    assert "the certificate of 127.0.0.1:" in caught.value.what
    assert f"allot login {address} --ca FILE" in caught.value.fix
    assert time.monotonic() - began < 4, "nobody waits for another certificate"


def test_with_its_authority_it_is_asked(address: str, authority: Path) -> None:
    with pytest.raises(NotFoundError):
        RemoteServer(NetworkWay(address, NO_TOKEN, str(authority))).offer()


def test_a_file_that_holds_no_certificates_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing\n")
    for name in ("empty.pem", "absent.pem"):
        with pytest.raises(InputError, match="holds no certificates"):
            NetworkWay("https://gpu1.acme.example:7433", NO_TOKEN, str(tmp_path / name))


@pytest.mark.parametrize(
    ("code", "fix"), [(62, "a name that stands in its certificate"), (10, "renew the certificate"), (20, "--ca FILE")]
)
def test_what_mends_it_goes_by_what_is_wrong_with_it(code: int, fix: str) -> None:
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = code, "why"
    assert fix in untrusted(error, "gpu1.acme.example", 7433).fix


def test_the_authority_is_kept_with_the_token_and_forgotten_with_it(tmp_path: Path) -> None:
    kept = CredentialsFile(tmp_path / "credentials.json")
    kept.keep("https://a", "first")
    kept.keep("https://b", "second", "/etc/acme.pem")
    assert [(kept.token(each), kept.authority(each)) for each in ("https://a", "https://b", "https://c")] == [
        ("first", ""),
        ("second", "/etc/acme.pem"),
        ("", ""),
    ]
    assert json.loads(kept.path.read_text())["https://a"] == "first", "as earlier versions read it"
    assert kept.forget("https://b")
    assert (kept.token("https://b"), kept.authority("https://b")) == ("", "")
