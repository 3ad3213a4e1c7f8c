"""What a server keeps of a kubeconfig, and what it refuses to keep."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from allotment.errors import AllotmentError, InputError, NotFoundError
from allotment.operations.fleet.one_context import no_files, one_context

CANARY = "canary-7-secret"
PEM = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()


def kubeconfig() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "contexts": [
            {"name": "one", "context": {"cluster": "c1", "user": "u1", "namespace": "team"}},
            {"name": "two", "context": {"cluster": "c2", "user": "u2"}},
            {"name": "broken", "context": {"cluster": "c9", "user": "u1"}},
        ],
        "clusters": [
            {"name": "c1", "cluster": {"server": "https://one.example:6443", "certificate-authority-data": PEM}},
            {"name": "c2", "cluster": {"server": "https://two.example", "tls-server-name": "x", "extensions": [1]}},
        ],
        "users": [
            {"name": "u1", "user": {"token": CANARY}},
            {"name": "u2", "user": {"client-certificate-data": PEM, "client-key-data": PEM}},
        ],
    }


def files(path: str) -> bytes:
    return {"ca.pem": b"ca", "crt.pem": b"crt", "key.pem": b"key", "token": f"{CANARY}\n".encode()}[path]


def kept(document: object, context: str = "") -> dict[str, Any]:
    return one_context(document, context, "training", files)


def test_of_several_contexts_one_is_kept_and_called_as_the_cluster_is() -> None:
    found = kept(kubeconfig())
    assert found["contexts"] == [
        {"name": "training", "context": {"cluster": "training", "user": "training", "namespace": "team"}}
    ]
    assert found["users"] == [{"name": "training", "user": {"token": CANARY}}]
    assert "two.example" not in json.dumps(found)
    other = kept(kubeconfig(), "two")
    assert other["clusters"][0]["cluster"] == {"server": "https://two.example", "tls-server-name": "x"}
    assert CANARY not in json.dumps(other)


def test_what_is_kept_is_kept_as_it_is_by_whoever_reads_it_again() -> None:
    for context in ("one", "two"):
        found = kept(kubeconfig(), context)
        assert one_context(found, "", "training", no_files) == found


def test_files_that_it_names_stand_in_it() -> None:
    document = kubeconfig()
    document["clusters"][0]["cluster"] = {"server": "https://one.example", "certificate-authority": "ca.pem"}
    document["users"][0]["user"] = {"client-certificate": "crt.pem", "client-key": "key.pem", "tokenFile": "token"}
    found = kept(document)
    assert found["clusters"][0]["cluster"]["certificate-authority-data"] == base64.b64encode(b"ca").decode()
    assert found["users"][0]["user"] == {
        "client-certificate-data": base64.b64encode(b"crt").decode(),
        "client-key-data": base64.b64encode(b"key").decode(),
        "token": CANARY,
    }
    with pytest.raises(InputError, match="names a file"):
        one_context(document, "", "training", no_files)


def of_user(**user: object) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["users"][0].update(user={key.replace("_", "-"): v for key, v in user.items()})


def of_cluster(**cluster: object) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["clusters"][0]["cluster"].update(
        {key.replace("_", "-"): value for key, value in cluster.items()}
    )


REFUSED: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "exec": (of_user(exec={"command": CANARY}), "it runs a program"),
    "exec beside a token": (of_user(exec={"command": CANARY}, token=CANARY), "it runs a program"),
    "auth-provider": (of_user(auth_provider={"name": CANARY}), "auth-provider"),
    "password": (of_user(username="ada", password=CANARY), "with a password"),
    "as": (lambda document: document["users"][0]["user"].update({"as": CANARY}), "acts as somebody else"),
    "nothing": (of_user(), "no credential that is whole"),
    "half a certificate": (of_user(client_certificate_data=PEM), "no credential that is whole"),
    "a token and half a certificate": (of_user(token=CANARY, client_key_data=PEM), "no credential that is whole"),
    "a token of two lines": (of_user(token=f"{CANARY}\nx"), "the token of that context is none"),
    "a token that is a number": (of_user(token=7), "the token of that context is none"),
    "a key that is not base64": (
        of_user(client_certificate_data=PEM, client_key_data=f"#{CANARY}"), "client-key-data of that context",
    ),
    "insecure": (of_cluster(insecure_skip_tls_verify=True), "insecure-skip-tls-verify"),
    "in the clear": (of_cluster(server=f"http://{CANARY}"), "no https:// address"),
    "no address": (of_cluster(server=""), "no https:// address"),
    "an address without a host": (of_cluster(server="https://"), "no https:// address"),
    "a password in the address": (of_cluster(server=f"https://ada:{CANARY}@k.example"), "a user name, a query"),
    "a query in the address": (of_cluster(server=f"https://k.example/?{CANARY}"), "a user name, a query"),
    "a fragment in the address": (of_cluster(server=f"https://k.example/#{CANARY}"), "a user name, a query"),
    **{
        f"at {host}": (of_cluster(server=f"https://{host}:6443"), "an address that no cluster has")
        for host in ("169.254.169.254", "[fe80::1]", "[fe80::1%25eth0]", "100.100.100.200", "[fd00:ec2::1]", "0.0.0.0")
    },
    "a proxy of the metadata": (of_cluster(proxy_url="http://169.254.169.254:80"), "the proxy-url of that context"),
    "no user": (lambda document: document["contexts"][0]["context"].pop("user"), "not there"),
}  # fmt: skip


@pytest.mark.parametrize(
    "host", ["10.96.0.1", "192.168.1.5", "127.0.0.1", "[::1]", "[fd12::1]", "8.8.8.8", "k.example"]
)
def test_inner_addresses_and_that_of_a_sandbox_are_as_good_as_any(host: str) -> None:
    document = copy.deepcopy(kubeconfig())
    of_cluster(server=f"https://{host}:6443")(document)
    assert kept(document)["clusters"][0]["cluster"]["server"] == f"https://{host}:6443"


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_server_may_keep_is_refused_with_why_and_without_its_value(case: str) -> None:
    change, words = REFUSED[case]
    document = copy.deepcopy(kubeconfig())
    change(document)
    with pytest.raises(InputError) as told:
        kept(document)
    said = f"{told.value.what} {told.value.why} {told.value.fix}"
    assert words in said
    assert CANARY not in said


@pytest.mark.parametrize(
    "document", [None, [], "x", {}, {"contexts": {}}, {"contexts": [1]}, {"contexts": [{"name": "one"}]}]
)
def test_what_is_no_kubeconfig(document: object) -> None:
    with pytest.raises(AllotmentError, match="that is no kubeconfig"):
        kept(document)


def test_a_context_that_is_not_there() -> None:
    with pytest.raises(NotFoundError, match="no context towards"):
        kept(kubeconfig(), "towards")
    document = kubeconfig()
    del document["current-context"]
    with pytest.raises(NotFoundError, match="names no context"):
        kept(document)
    with pytest.raises(InputError, match="not there"):
        kept(kubeconfig(), "broken")
