"""Which server and who: files merged as kubectl merges them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import yaml
from lightkube.config.kubeconfig import KubeConfig
from lightkube.config.models import Cluster, Context, User

from allotment.adapters.kube import kubeconfig
from allotment.adapters.kube.client import connect, http_client
from allotment.errors import InputError, NotFoundError
from allotment.model import decoding

CANARY = "c4n4ry-token-0123456789abcdef"


def document(name: str, server: str, *, current: str = "", user: dict[str, Any] | None = None, **cluster: str) -> str:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server, **cluster}}],
        "users": [{"name": name, "user": user or {"token": CANARY}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    return yaml.safe_dump(config | ({"current-context": current} if current else {}))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return tmp_path


def test_a_given_file_and_its_current_context(home: Path) -> None:
    file = home / "config"
    file.write_text(document("dev", "https://dev", current="dev"))
    chosen = kubeconfig.load(file, None)
    assert (chosen.context_name, chosen.cluster.server) == ("dev", "https://dev")


def test_what_lightkube_reads_into_is_learnt_before_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads as msgspec does, and a server has a thread for each cluster: two that began at once ended it."""
    monkeypatch.setattr(decoding, "_LEARNT", set())
    read = KubeConfig.from_dict

    def from_dict(*given: Any, **named: Any) -> KubeConfig:
        assert {Cluster, Context, User} <= decoding._LEARNT
        return read(*given, **named)

    monkeypatch.setattr(KubeConfig, "from_dict", from_dict)
    found = kubeconfig.of_document(yaml.safe_load(document("dev", "https://dev", current="dev")))
    assert found.cluster.server == "https://dev"


def test_a_given_context(home: Path) -> None:
    one, two = home / "one", home / "two"
    one.write_text(document("dev", "https://dev", current="dev"))
    two.write_text(document("prod", "https://prod", current="prod"))
    assert kubeconfig.load(two, "prod").cluster.server == "https://prod"


def test_several_files_are_merged_and_the_first_wins(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = home / "one", home / "two"
    one.write_text(document("dev", "https://first"))
    two.write_text(document("dev", "https://second", current="dev"))
    monkeypatch.setenv("KUBECONFIG", f"{one}:{home / 'missing'}:{two}")
    assert kubeconfig.load(None, None).cluster.server == "https://first"


def test_the_default_file(home: Path) -> None:
    (home / ".kube").mkdir()
    (home / ".kube" / "config").write_text(document("dev", "https://dev", current="dev"))
    assert kubeconfig.load(None, None).cluster.server == "https://dev"


def test_relative_paths_count_from_their_own_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        (home / name).mkdir()
    (home / "one" / "c").write_text(document("a", "https://a", current="b", **{"certificate-authority": "ca.crt"}))
    user = {"client-certificate": "me.crt", "client-key": "me.key", "exec": {"apiVersion": "v1", "command": "./login"}}
    (home / "two" / "c").write_text(document("b", "https://b", user=user, **{"certificate-authority": "ca.crt"}))
    monkeypatch.setenv("KUBECONFIG", f"{home}/one/c:{home}/two/c")
    chosen = kubeconfig.load(None, None)
    assert chosen.cluster.certificate_auth == str(home / "two" / "ca.crt")
    assert chosen.user is not None
    assert chosen.user.client_key == str(home / "two" / "me.key")
    assert chosen.user.exec is not None
    assert chosen.user.exec.command == str(home / "two" / "login")


def test_provide_cluster_info_is_read(home: Path) -> None:
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "login", "provideClusterInfo": True}
    file = home / "config"
    file.write_text(document("dev", "https://dev", current="dev", user={"exec": plugin}))
    user = kubeconfig.load(file, None).user
    assert user is not None
    assert user.exec is not None
    assert kubeconfig.wants_cluster_info(user.exec)


@pytest.mark.parametrize(
    ("text", "context", "error", "words"),
    [
        (document("dev", "https://dev"), None, NotFoundError, "no current context"),
        (document("dev", "https://dev", current="dev"), "prod", NotFoundError, "no context prod"),
        ("a: [", None, InputError, "is not YAML"),
        (f"a: {CANARY}\nb: [", None, InputError, "is not YAML"),
        (f"a: b\nc: {'9' * 5000}", None, InputError, "config:2 is not YAML"),
        ("a: 2026-99-99", None, InputError, "config:1 is not YAML"),
        ("[" * 5000, None, InputError, "config is not YAML"),
        ("[1]", None, InputError, "is not a kubeconfig"),
        ("clusters: 5", None, InputError, "is not a kubeconfig"),
        ("clusters: [{name: x, cluster: {server: 5}}]", None, InputError, "is not a kubeconfig"),
        ("clusters: [{name: x}]", None, InputError, "is not a kubeconfig"),
        (json.dumps({"contexts": [{"name": "x", "context": {"cluster": "gone"}}], "current-context": "x"}), None,
         InputError, "gone"),
    ],
)  # fmt: skip
def test_what_cannot_be_used(home: Path, text: str, context: str | None, error: type[Exception], words: str) -> None:
    file = home / "config"
    file.write_text(text)
    with pytest.raises(error, match=words) as caught:
        kubeconfig.load(file, context)
    assert CANARY not in str(caught.value)


def test_no_file_at_all(home: Path) -> None:
    with pytest.raises(NotFoundError, match="no kubeconfig"):
        kubeconfig.load(None, None)
    with pytest.raises(NotFoundError, match="does not exist"):
        kubeconfig.load(home / "nowhere", None)


def test_the_name_to_check_and_the_proxy(home: Path) -> None:
    file = home / "config"
    more = {"tls-server-name": "kube.internal", "proxy-url": "http://proxy:3128"}
    file.write_text(document("dev", "https://10.0.0.1", current="dev", **more))
    chosen = kubeconfig.load(file, None)
    assert kubeconfig.tls_server_name(chosen.cluster) == "kube.internal"
    assert kubeconfig.proxy_url(chosen.cluster) == "http://proxy:3128"
    seen: list[object] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions.get("sni_hostname"))
        return httpx.Response(200)

    plain = chosen._replace(cluster=type(chosen.cluster)(server="https://10.0.0.1", tls_server_name="kube.internal"))
    with http_client(plain, httpx.MockTransport(answer)) as http:
        http.get("/")
    assert seen == ["kube.internal"]


@pytest.mark.parametrize(
    ("server", "direct"),
    [
        ("https://127.0.0.1:6443", True),
        ("https://127.8.9.1", True),
        ("https://[::1]:6443", True),
        ("https://localhost:6443", True),
        ("https://10.0.0.1:6443", False),
        ("https://localhost.example.org", False),
        ("https://[fd00::1]:6443", False),
    ],
)
def test_a_proxy_of_the_environment_is_not_for_this_machine(
    home: Path, monkeypatch: pytest.MonkeyPatch, server: str, direct: bool
) -> None:
    """As kubectl has it: a sandbox can be reached behind a proxy."""
    for name in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    (home / "config").write_text(document("dev", server, current="dev"))
    with http_client(kubeconfig.load(home / "config", None)) as http:
        assert (http._transport_for_url(httpx.URL(server)) is http._transport) is direct


ROSA = {
    "as": "rosa",
    "as-uid": "u-1",
    "as-groups": ["nlp", "Ärzte"],
    "as-user-extra": {"example.org/Scopes": ["read", "list"]},
}


@pytest.mark.parametrize(
    ("user", "asked_as", "sent"),
    [
        (
            ROSA,
            (),
            [
                ("impersonate-user", "rosa"),
                ("impersonate-uid", "u-1"),
                ("impersonate-group", "nlp"),
                ("impersonate-group", "Ärzte"),
                ("impersonate-extra-example.org%2fscopes", "read"),
                ("impersonate-extra-example.org%2fscopes", "list"),
            ],
        ),
        (ROSA, (("Impersonate-User", "probe"),), [("impersonate-user", "probe")]),
        ({"token": CANARY}, (), []),
    ],
    ids=["as the kubeconfig says", "a request of its own", "nobody"],
)
def test_every_request_acts_as_whom_the_kubeconfig_names(
    home: Path, user: dict[str, Any], asked_as: tuple[tuple[str, str], ...], sent: list[tuple[str, str]]
) -> None:
    (home / "config").write_text(document("dev", "https://dev", current="dev", user={"token": CANARY, **user}))
    seen: list[tuple[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        raw = [(name.decode().lower(), value.decode()) for name, value in request.headers.raw]
        seen.extend(pair for pair in raw if pair[0].startswith("impersonate-"))
        return httpx.Response(200)

    with http_client(kubeconfig.load(home / "config", None), httpx.MockTransport(answer)) as http:
        http.get("/", headers=list(asked_as))
    assert seen == sent


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ({"as-groups": ["system:masters"]}, "of nobody"),
        ({"as": "rosa\nAuthorization: x"}, "cannot be sent"),
        ({"as": ["rosa"]}, "is not a kubeconfig"),
    ],
)
def test_whom_nobody_can_act_as_is_refused(home: Path, user: dict[str, Any], words: str) -> None:
    (home / "config").write_text(document("dev", "https://dev", current="dev", user={"token": CANARY, **user}))
    with pytest.raises(InputError, match=words):
        connect(home / "config")


def test_other_contexts_that_lead_to_the_same_server(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [home / name for name in ("a", "b", "c")]
    for file, server in zip(files, ("https://prod", "https://prod", "https://dev"), strict=True):
        file.write_text(document(file.name, server), encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", ":".join(map(str, files)))
    assert [connect(None, name).endpoint().aliases for name in ("a", "b", "c")] == [("b",), ("a",), ()]
    assert connect(files[0], "a").endpoint().aliases == ()


@pytest.mark.parametrize(
    ("cluster", "why"),
    [
        ({"certificate-authority": "not-there.pem"}, "No such file or directory"),
        ({"certificate-authority": "."}, "Is a directory"),
        ({"certificate-authority": "config"}, "they are no PEM certificate and key that belong together"),
    ],
    ids=["missing", "folder", "not PEM"],
)
def test_certificates_that_cannot_be_read_are_said_in_words(home: Path, cluster: dict[str, str], why: str) -> None:
    file = home / "config"
    file.write_text(document("dev", "https://dev", current="dev", **cluster))
    with pytest.raises(InputError, match="the certificates of context dev cannot be read") as caught:
        http_client(kubeconfig.load(file, None))
    assert caught.value.why == why
    assert "kubeconfig" in (caught.value.fix or "")
