"""A remote over HTTP, served by git's own program, that lets in whoever has the password: read, pushed to, refused."""

from __future__ import annotations

import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from allotment.adapters.git_repository.remote import RemoteBranch, RemoteRepository
from allotment.adapters.git_repository.remotes import remote_place
from allotment.errors import NotFoundError, NotSignedInError
from allotment.ports.repository import CommitMode
from tests.unit.adapters.git_repository.contract import ALLOTMENT, PATH, TEXT, change, message
from tests.unit.adapters.git_repository.scenes import RemoteScene, git

pytestmark = pytest.mark.live
PASSWORD = "Basic bWlhOnMzY3JldA=="


@contextmanager
def served(root: Path) -> Iterator[str]:
    """What lies in a folder, below an address."""

    class Serving(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != PASSWORD:
                self.send_response(401)
                self.send_header("WWW-Authenticate", "Basic realm=x")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            done = subprocess.run(
                ["git", "http-backend"], input=body, capture_output=True, check=True,
                env={
                    **os.environ, "GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
                    "QUERY_STRING": query, "REQUEST_METHOD": self.command, "REMOTE_USER": "mia",
                    "CONTENT_TYPE": self.headers.get("Content-Type") or "",
                    "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
                },
            )  # fmt: skip
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self.send_response(int(fields.pop("Status", "200 OK").split()[0]))
            for name, value in {**fields, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Serving)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def over(scene: RemoteScene, address: str, password: str = "s3cret") -> RemoteRepository:
    at = RemoteBranch(remote_place(address, password), "main", scene.platform)
    return RemoteRepository(at, scene.mode, ALLOTMENT, scene.root / "clone")


@pytest.mark.parametrize("mode", list(CommitMode))
def test_a_password_opens_and_pushes(direct: RemoteScene, mode: CommitMode) -> None:
    scene = replace(direct, mode=mode)
    git(scene.bare, "config", "http.receivepack", "true")
    with served(scene.root) as place:
        port = over(scene, f"http://mia@{place}/remote.git")
        asked = change(scene)
        commit = port.commit(asked, message())
        assert port.commit(asked, message()) == commit
        assert commit in scene.branches().values()
        assert scene.files(commit)[PATH] == TEXT


def test_what_is_refused(direct: RemoteScene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(direct.root))
    with served(direct.root) as place:
        for user, password in (("", ""), ("mia@", ""), ("mia@", "wrong")):
            with pytest.raises(NotSignedInError):
                over(direct, f"http://{user}{place}/remote.git", password).read()
        with pytest.raises(NotFoundError):
            over(direct, f"http://mia@{place}/nothing.git").read()
        git(direct.bare, "config", "http.receivepack", "false")
        with pytest.raises(NotSignedInError, match="does not let Allotment in"):
            over(direct, f"http://mia@{place}/remote.git").commit(change(direct), message())
