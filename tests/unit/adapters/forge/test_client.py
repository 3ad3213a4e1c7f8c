"""Clients of forges keep the contract against servers that speak as forges do, and bear with what else may answer."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx
import pytest

from allotment.adapters.forge import rest
from allotment.adapters.forge.client import ForgeBranch, ForgeClient
from allotment.adapters.forge.gitea import connect_gitea
from allotment.adapters.forge.github import connect_github
from allotment.adapters.forge.token_file import token_in
from allotment.errors import (
    AllotmentError,
    ForbiddenError,
    InputError,
    NotFoundError,
    NotSignedInError,
    UnreachableError,
    UsageError,
)
from allotment.ports.forge import ForgeRefusedError, PullRequestState, PullRequestText
from tests.unit.adapters.forge.contract import BRANCH, FIRST, SECOND, TEXT, ForgeContract
from tests.unit.adapters.forge.servers import FORK, ForgeServer, GiteaServer, GithubServer, Pull

AT = ForgeBranch("team/platform", "main")
Connect = Callable[..., ForgeClient]
CONNECTS = pytest.mark.parametrize(
    ("connect", "server"), [(connect_gitea, GiteaServer), (connect_github, GithubServer)], ids=["gitea", "github"]
)


@dataclass(frozen=True)
class ServerScene:
    server: ForgeServer
    connect: Connect

    @property
    def port(self) -> ForgeClient:
        return self.connect("https://forge.example", AT, lambda: "s3cret", httpx.MockTransport(self.server))

    def push(self, branch: str) -> None:
        self.server.branches.add(branch)

    def decide(self, number: int, state: PullRequestState) -> None:
        self.server.decide(number, state)

    def count(self) -> int:
        return len(self.server.pulls)


class TestGitea(ForgeContract):
    @pytest.fixture
    def forge(self) -> ServerScene:
        return ServerScene(GiteaServer(), connect_gitea)


class TestGiteaOfSmallPages(ForgeContract):
    @pytest.fixture
    def forge(self) -> ServerScene:
        return ServerScene(GiteaServer(most=1), connect_gitea)


class TestGithub(ForgeContract):
    @pytest.fixture
    def forge(self) -> ServerScene:
        return ServerScene(GithubServer(), connect_github)


def scene_of(connect: Connect, server: type[ForgeServer]) -> ServerScene:
    scene = ServerScene(server(), connect)
    scene.push(BRANCH)
    return scene


@CONNECTS
def test_what_is_asked(connect: Connect, server: type[ForgeServer]) -> None:
    scene = scene_of(connect, server)
    scene.port.open_pull_request(BRANCH, FIRST, TEXT)
    (pull,) = scene.server.pulls
    assert (pull.title, pull.head, pull.base) == ("Grant 8 A100 to nlp", BRANCH, "main")
    assert pull.body == f"For 72 h.\n\nAllotment-Commit: of nobody\n\nAllotment-Commit: {FIRST}\n"
    assert {request.url.host for request in scene.server.requests} == {"forge.example"}


@CONNECTS
def test_one_whose_answer_is_lost_is_found(connect: Connect, server: type[ForgeServer]) -> None:
    scene = scene_of(connect, server)
    port = scene.port
    ask = scene.server.answer

    def losing(request: httpx.Request) -> httpx.Response:
        answer = ask(request)
        scene.server.silent = int(request.method == "POST")
        return answer

    scene.server.answer = losing
    with pytest.raises(UnreachableError):
        port.open_pull_request(BRANCH, FIRST, TEXT)
    assert scene.port.open_pull_request(BRANCH, FIRST, TEXT).number == 1
    assert scene.count() == 1


@CONNECTS
def test_one_that_was_opened_between_our_look_and_ours_is_returned(connect: Connect, server: type[ForgeServer]) -> None:
    scene = scene_of(connect, server)
    create = scene.server.created

    def late(asked: dict[str, str]) -> httpx.Response:
        create(asked)
        return create(asked)

    scene.server.created = late
    assert scene.port.open_pull_request(BRANCH, FIRST, TEXT).number == 1


@CONNECTS
def test_a_branch_of_that_name_in_a_fork_is_not_ours(connect: Connect, server: type[ForgeServer]) -> None:
    scene = scene_of(connect, server)
    scene.server.pulls.append(Pull(1, "mine", f"Allotment-Commit: {FIRST}", BRANCH, "main", FORK))
    assert scene.port.open_pull_request(BRANCH, FIRST, TEXT).number == 2


@CONNECTS
def test_one_to_another_branch_is_not_ours(connect: Connect, server: type[ForgeServer]) -> None:
    scene = scene_of(connect, server)
    scene.server.pulls.append(Pull(1, "mine", "", BRANCH, "trunk"))
    assert scene.port.open_pull_request(BRANCH, FIRST, TEXT).number == 2


def test_an_open_one_of_long_ago_is_found_in_a_gitea() -> None:
    scene = scene_of(connect_gitea, GiteaServer)
    opened = scene.port.open_pull_request(BRANCH, FIRST, TEXT)
    scene.server.pulls.extend(Pull(number, "x", "", f"b{number}", "main") for number in range(2, 260))
    assert scene.port.open_pull_request(BRANCH, SECOND, TEXT) == opened
    assert len(scene.server.pulls) == 259


def test_long_texts_are_cut() -> None:
    scene = scene_of(connect_gitea, GiteaServer)
    scene.port.open_pull_request(BRANCH, FIRST, PullRequestText("x" * 500, "y" * 100_000))
    assert len(scene.server.pulls[0].title) == 200
    assert scene.server.pulls[0].body.endswith(f"y\n\nAllotment-Commit: {FIRST}\n")
    assert len(scene.server.pulls[0].body) < 60_100


def test_github_itself_is_asked_at_its_api() -> None:
    hosts = set()

    def answering(request: httpx.Request) -> httpx.Response:
        hosts.add((request.url.host, request.url.path, request.headers["X-GitHub-Api-Version"]))
        return httpx.Response(404, json={"message": "Not Found"})

    port = connect_github("https://github.com", AT, lambda: "x", httpx.MockTransport(answering))
    with pytest.raises(NotFoundError):
        port.state(3)
    assert hosts == {("api.github.com", "/repos/team/platform/pulls/3", "2022-11-28")}
    assert port.place() == "https://github.com/team/platform"


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (httpx.Response(301, headers={"Location": "https://evil.example/"}), AllotmentError, "no redirect is followed"),
        (httpx.Response(401, json={"message": "no \x1b[31m"}), NotSignedInError, "does not accept the token"),
        (httpx.Response(403, json={"message": "rate limit"}), ForbiddenError, "rate limit"),
        (httpx.Response(404, json={}), NotFoundError, "HTTP 404"),
        (httpx.Response(422, json={"errors": [{"message": "a"}, "b", 3]}), ForgeRefusedError, "a; b"),
        (httpx.Response(423, json={"message": "archived"}), ForgeRefusedError, "archived"),
        (httpx.Response(429, json={"message": "later"}), UnreachableError, "later"),
        (httpx.Response(503, text="<html>"), UnreachableError, "HTTP 503"),
        (httpx.Response(200, text="<html>sign in</html>"), UnreachableError, "as a forge"),
        (httpx.Response(200, json={"number": "x"}), UnreachableError, "as a forge"),
        (httpx.Response(200, text="[" * 100_000), UnreachableError, "as a forge"),
        (httpx.ConnectError("refused"), UnreachableError, "refused"),
        (httpx.ReadTimeout("slow"), UnreachableError, "slow"),
    ],
    ids=range(13),
)
@pytest.mark.parametrize(("connect", "asking"), [(connect_gitea, "state"), (connect_github, "open")])
def test_what_is_no_answer_is_an_error(
    connect: Connect, asking: str, answer: httpx.Response | Exception,
    error: type[AllotmentError], says: str,
) -> None:  # fmt: skip
    hosts = set()

    def answering(request: httpx.Request) -> httpx.Response:
        hosts.add(request.url.host)
        if isinstance(answer, Exception):
            raise answer
        return answer

    port = connect("https://forge.example", AT, lambda: "s3cret", httpx.MockTransport(answering))
    with pytest.raises(error) as caught:
        port.state(1) if asking == "state" else port.open_pull_request(BRANCH, FIRST, TEXT)
    assert type(caught.value) is error
    assert says in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert hosts == {"forge.example"}


@pytest.mark.parametrize("url", ["javascript:alert(1)", "", 'https://x/"onclick=', "data:text/html,x"])
def test_a_page_that_is_none_is_not_told(url: str) -> None:
    scene = scene_of(connect_gitea, GiteaServer)
    shown = scene.server.shown
    scene.server.shown = lambda pull: {**shown(pull), "html_url": url}
    with pytest.raises(UnreachableError, match="as a forge"):
        scene.port.open_pull_request(BRANCH, FIRST, TEXT)


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_is_bounded_in_size(monkeypatch: pytest.MonkeyPatch, packed: bool) -> None:
    monkeypatch.setattr(rest, "MOST_BYTES", 10_000)
    content = b"[" + b" " * 20_000 + b"]"
    headers = {"Content-Encoding": "gzip"} if packed else {}
    answer = httpx.Response(200, content=gzip.compress(content) if packed else content, headers=headers)
    port = connect_gitea("https://forge.example", AT, lambda: "x", httpx.MockTransport(lambda _: answer))
    with pytest.raises(UnreachableError, match="as a forge"):
        port.state(1)


def test_an_answer_is_bounded_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "MOST_SECONDS", -1.0)
    with pytest.raises(UnreachableError, match="takes longer"):
        scene_of(connect_gitea, GiteaServer).port.state(1)


@CONNECTS
@pytest.mark.parametrize(
    "address", ["", "forge.example", "ftp://forge.example", "http://forge.example", "https://", "https://u:s3cret@forge.example",
                "https://forge.example?s3cret", "https://[::1"],
)  # fmt: skip
def test_what_is_no_address(connect: Connect, server: type[ForgeServer], address: str) -> None:
    with pytest.raises(UsageError) as caught:
        connect(address, AT, lambda: "x")
    assert "s3cret" not in str(caught.value)


@CONNECTS
@pytest.mark.parametrize(
    "name", ["", "team", "team/platform/x", "../x", "team/..", "team/a b", "team/a?b", "/team", "team/"]
)
def test_what_is_no_repository(connect: Connect, server: type[ForgeServer], name: str) -> None:
    with pytest.raises(UsageError):
        connect("https://forge.example", ForgeBranch(name, "main"), lambda: "x")


def test_a_token_is_read_anew_from_its_file(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_text("one\n", encoding="ascii")
    real.chmod(0o400)
    file = tmp_path / "token"
    file.symlink_to(real)
    token = token_in(file)
    assert token() == "one"
    real.chmod(0o600)
    real.write_text("two", encoding="ascii")
    assert token() == "two"


@pytest.mark.parametrize(
    ("content", "mode", "error"),
    [
        (b"s3cret", 0o644, ForbiddenError), (b"s3cret", 0o620, ForbiddenError), (b"", 0o600, InputError),
        (b"s3cret\ns3cret", 0o600, InputError), (b"s3cret \xff", 0o600, InputError), (b"s" * 5000, 0o600, InputError),
        (None, 0o600, InputError),
    ],
)  # fmt: skip
def test_what_is_no_token_s_file(tmp_path: Path, content: bytes | None, mode: int, error: type[AllotmentError]) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
        file.chmod(mode)
    with pytest.raises(error) as caught:
        token_in(file)()
    assert "s3cret" not in str(caught.value)


def test_a_folder_is_no_token_s_file(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        token_in(tmp_path)()
