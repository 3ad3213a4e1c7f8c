"""Credential plugins: real child processes, no network."""

from __future__ import annotations

import datetime as dt
import json
import ssl
import sys
from pathlib import Path

import httpx2 as httpx
import pytest
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import Cluster, Context, User, UserExec

from allotment.adapters.kube.credentials import PluginAuth, auth_of
from allotment.errors import NotSignedInError

CANARY = "c4n4ryc4n4ryc4n4ryc4n4ryc4n4ry"


def plugin(tmp_path: Path, body: str, version: str = "client.authentication.k8s.io/v1") -> UserExec:
    script = tmp_path / "login.py"
    script.write_text(body)
    return UserExec(apiVersion=version, command=sys.executable, args=[str(script)])


def printing(tmp_path: Path, *, expires: dt.datetime | None = None) -> UserExec:
    """A plugin that counts its runs and prints token-N."""
    status = {"token": "token-NUMBER"}
    if expires is not None:
        status["expirationTimestamp"] = expires.strftime("%Y-%m-%dT%H:%M:%SZ")
    return plugin(
        tmp_path,
        "import json, os, pathlib\n"
        f"count = pathlib.Path({str(tmp_path / 'count')!r})\n"
        "number = int(count.read_text()) + 1 if count.exists() else 1\n"
        "count.write_text(str(number))\n"
        "assert json.loads(os.environ['KUBERNETES_EXEC_INFO'])['kind'] == 'ExecCredential'\n"
        f"print({json.dumps({'status': status})!r}.replace('NUMBER', str(number)))\n",
    )


def client(auth: httpx.Auth, *, refuse: frozenset[str] = frozenset()) -> httpx.Client:
    def answer(request: httpx.Request) -> httpx.Response:
        token = request.headers.get("Authorization", "")
        return httpx.Response(401 if token in refuse else 200, json={"token": token})

    return httpx.Client(auth=auth, transport=httpx.MockTransport(answer), base_url="https://kube")


def auth_for(user: UserExec) -> PluginAuth:
    return PluginAuth(user, Cluster(server="https://kube"), ssl.create_default_context())


def test_the_plugin_runs_once_for_many_requests(tmp_path: Path) -> None:
    with client(auth_for(printing(tmp_path))) as http:
        assert [http.get("/").json()["token"] for _ in range(3)] == ["Bearer token-1"] * 3


def test_a_refused_token_is_fetched_anew_once(tmp_path: Path) -> None:
    with client(auth_for(printing(tmp_path)), refuse=frozenset({"Bearer token-1"})) as http:
        assert http.get("/").json()["token"] == "Bearer token-2"


def test_an_expired_token_is_fetched_anew(tmp_path: Path) -> None:
    with client(auth_for(printing(tmp_path, expires=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)))) as http:
        assert [http.get("/").json()["token"] for _ in range(2)] == ["Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (f"import sys; sys.exit('please sign in {CANARY}')", "ended with code 1"),
        (f"print('{CANARY}')", "printed no credential"),
        (f'print(\'{{"status": {{"secret": "{CANARY}"}}}}\')', "printed no credential"),
    ],
)
def test_failures_say_what_to_do_and_show_no_secret(tmp_path: Path, body: str, words: str) -> None:
    with client(auth_for(plugin(tmp_path, body))) as http, pytest.raises(NotSignedInError, match=words) as caught:
        http.get("/")
    assert CANARY not in str(caught.value)
    assert caught.value.fix


def test_a_plugin_that_is_not_installed() -> None:
    user = UserExec(apiVersion="client.authentication.k8s.io/v1", command="no-such-plugin", installHint="get it")
    with client(auth_for(user)) as http, pytest.raises(NotSignedInError, match="not installed") as caught:
        http.get("/")
    assert caught.value.fix == "get it"


def test_old_plugins_and_providers_are_refused_with_the_way_out() -> None:
    with pytest.raises(NotSignedInError, match="v1alpha1"):
        auth_for(UserExec(apiVersion="client.authentication.k8s.io/v1alpha1", command="x"))
    config = SingleConfig(
        "dev", Context(cluster="dev"), Cluster(server="https://dev"), User(auth_provider={"name": "azure"})
    )
    with pytest.raises(NotSignedInError, match="auth-provider"):
        auth_of(config, ssl.create_default_context())


def asked_as(user: User) -> None:
    found = auth_of_user(user)
    assert found is not None
    with client(found) as http:
        http.get("/")


def auth_of_user(user: User, server: str = "https://dev") -> httpx.Auth | None:
    config = SingleConfig("dev", Context(cluster="dev"), Cluster(server=server), user)
    return auth_of(config, ssl.create_default_context())


@pytest.mark.parametrize("text", [f"{CANARY}", f"{CANARY}\n", f"  {CANARY} \n\n"])
def test_white_space_around_a_token_is_not_of_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "token").write_text(text)
    for user in (User(token=text), User(token_file=str(tmp_path / "token"))):
        found = auth_of_user(user)
        assert found is not None
        with client(found) as http:
            assert http.get("/").json()["token"] == f"Bearer {CANARY}"


@pytest.mark.parametrize(
    "text", [f"{CANARY}\n{CANARY}", f"a {CANARY}", f"\x1b{CANARY}", f"\u00e9{CANARY}", CANARY * 50_000]
)
def test_what_is_no_token_is_neither_sent_nor_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "token").write_text(text)
    printed = {"status": {"token": text}}
    (tmp_path / "printed").write_text(json.dumps(printed))
    run = plugin(tmp_path, f"print(open({str(tmp_path / 'printed')!r}).read())")
    for user in (User(token=text), User(token_file=str(tmp_path / "token")), User(exec=run)):
        with pytest.raises(NotSignedInError) as caught:
            asked_as(user)
        assert CANARY not in f"{caught.value.what}{caught.value.why}{caught.value.fix}"


def test_a_token_file_that_is_rotated_is_read_again_and_one_that_is_gone_is_told(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    found = auth_of_user(User(token_file=str(file)))
    assert found is not None
    with client(found, refuse=frozenset({"Bearer old"})) as http:
        file.write_text("old")
        assert http.get("/").status_code == 401
        file.write_text("new")
        assert http.get("/").json()["token"] == "Bearer new"
    with pytest.raises(NotSignedInError, match="cannot be read"):
        asked_as(User(token_file="/none"))


@pytest.mark.parametrize("server", ["http://dev", "http://127.0.0.1:8001"])
def test_nothing_is_sent_in_clear_and_no_plugin_runs_for_it(tmp_path: Path, server: str) -> None:
    """As kubectl, which reads no user for a server without TLS."""
    for user in (User(token=CANARY), User(username="a", password=CANARY), User(exec=printing(tmp_path))):
        assert auth_of_user(user, server) is None
    assert not (tmp_path / "count").exists()


@pytest.mark.parametrize(
    "status",
    [
        {"token": "x", "expirationTimestamp": "soon"},
        {"token": "x", "expirationTimestamp": 5},
        {"token": "x", "expirationTimestamp": "2027-01-31T12:00:00"},
        {"token": ["x"]},
        {"clientCertificateData": 5},
        {"clientCertificateData": "no PEM", "clientKeyData": "no PEM"},
    ],
)
def test_a_plugin_that_prints_nonsense_is_told_as_such(tmp_path: Path, status: dict[str, object]) -> None:
    run = plugin(tmp_path, f"print({json.dumps({'status': status})!r})")
    with client(auth_for(run)) as http, pytest.raises(NotSignedInError, match="credential plugin"):
        http.get("/")


def test_an_expiry_at_the_beginning_of_time_is_long_past(tmp_path: Path) -> None:
    status = {"token": "x", "expirationTimestamp": "0001-01-01T00:00:00+14:00"}
    run = plugin(tmp_path, f"print({json.dumps({'status': status})!r})")
    with client(auth_for(run)) as http:
        assert [http.get("/").status_code for _ in range(2)] == [200, 200]


def test_what_a_plugin_writes_drives_no_terminal(tmp_path: Path) -> None:
    run = plugin(tmp_path, "import sys; sys.stderr.buffer.write(b'\\x1b[2J \\xff sign in'); sys.exit(1)")
    with client(auth_for(run)) as http, pytest.raises(NotSignedInError) as caught:
        http.get("/")
    assert "sign in" in caught.value.why
    assert "\x1b" not in caught.value.why
