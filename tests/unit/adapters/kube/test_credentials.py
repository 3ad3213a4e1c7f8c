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
    config = SingleConfig("dev", Context(cluster="dev"), Cluster(), User(auth_provider={"name": "azure"}))
    with pytest.raises(NotSignedInError, match="auth-provider"):
        auth_of(config, ssl.create_default_context())
