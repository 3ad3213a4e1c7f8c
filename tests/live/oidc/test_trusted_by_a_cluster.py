"""A cluster that trusts the same identity provider as the server sees the same person, with the same rights."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx2 as httpx
import pytest
import yaml

from allotment.adapters.sandbox.store import SandboxStore
from tests.live.conftest import unique_name
from tests.live.oidc.browser import Person
from tests.live.oidc.test_in_a_cluster import JOB, SUBMITTER, TRUSTED, server_of
from tests.live.oidc.test_sign_in import desk, signed_in
from tests.live.server.conftest import Server
from tests.live.training import Training, training_on
from tools.oidc_provider import CLIENT, RunningProvider

pytestmark = [pytest.mark.live, pytest.mark.nightly]

_REDIRECT = "http://127.0.0.1/callback"
_VERIFIER = "a-word-that-nobody-else-has-and-that-is-long-enough"
_CLAIMS = {"oidc-username-claim": "email", "oidc-groups-claim": "groups"}


@pytest.fixture(scope="module")
def trusting(sandbox_store: SandboxStore, real: RunningProvider) -> Iterator[Training]:
    name = unique_name()
    flags = {"oidc-issuer-url": real.issuer, "oidc-client-id": CLIENT, "oidc-ca-file": str(real.authority), **_CLAIMS}
    try:
        with training_on(sandbox_store.up, name, mutating=True, flags=flags) as live:
            yield live
    finally:
        sandbox_store.down(name)


@pytest.fixture
def server(tmp_path: Path, real: RunningProvider, trusting: Training) -> Iterator[Server]:
    with server_of(trusting, real, tmp_path) as one:
        yield one


def id_token(real: RunningProvider, login: str) -> str:
    """What a person's kubectl gets of the provider: authorization code with PKCE."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(_VERIFIER.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "client_id": CLIENT, "redirect_uri": _REDIRECT, "response_type": "code", "state": "s", "nonce": "n",
        "scope": "openid profile email groups", "code_challenge": challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    query = Person(real.authority, login).browse(f"{real.issuer}/auth?{urlencode(asked)}", _REDIRECT)
    (code,) = parse_qs(query)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": _REDIRECT, "client_id": CLIENT}
    trusted = ssl.create_default_context(cafile=str(real.authority))
    answer = httpx.post(f"{real.issuer}/token", data={**form, "code_verifier": _VERIFIER}, verify=trusted)
    return str(answer.json()["id_token"])


def asked(training: Training, token: str, verb: str, path: str, body: Any = None) -> tuple[int, Any]:
    """The API server, asked with a token and nothing else."""
    kubeconfig = yaml.safe_load(training.sandbox.kubeconfig.read_text())
    cluster = kubeconfig["clusters"][0]["cluster"]
    trusted = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.request(verb, f"{cluster['server']}{path}", json=body, headers=headers, verify=trusted)
    return answer.status_code, answer.json()


def test_the_cluster_sees_the_person_whom_the_server_let_in(
    server: Server, real: RunningProvider, trusting: Training, tmp_path: Path
) -> None:
    ada, there = desk(server, tmp_path / "ada"), ("--on", trusting.cluster.name)
    signed_in(ada, real, "ada")
    (ada.home / "job.yaml").write_text(JOB.format(name="good", image=TRUSTED))
    (taken,) = json.loads(ada.run("submit", "job.yaml", *there, "-o", "json").stdout)["items"]
    ada.run("wait", taken["id"], "--timeout", "120")
    (made,) = trusting.kube.list("batch/v1", "Job", namespace="nlp", labels=f"allotment.dev/job={taken['id']}")

    token = id_token(real, "ada")
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    status, told = asked(trusting, token, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    user = told["status"]["userInfo"]
    assert (status, user["username"]) == (201, made["metadata"]["annotations"][SUBMITTER])
    assert "acme-nlp" in user["groups"]
    jobs = "/apis/batch/v1/namespaces/{}/jobs"
    status, listed = asked(trusting, token, "GET", jobs.format("nlp"))
    assert status == 200
    assert made["metadata"]["name"] in [each["metadata"]["name"] for each in listed["items"]]
    assert asked(trusting, token, "GET", jobs.format("cv"))[0] == 403
    assert asked(trusting, f"{token[:-8]}AAAAAAAA", "GET", jobs.format("nlp"))[0] == 401
