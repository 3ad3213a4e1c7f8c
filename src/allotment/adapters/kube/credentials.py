"""Exec credential plugins (``client.authentication.k8s.io`` v1 and v1beta1): ``az``, ``aws``, ``gke`` and the like.

The plugin runs when a request first needs a token, again when the token expires or the server says 401, and never
twice at once.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2 as httpx
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import Cluster, User, UserExec

from allotment.adapters.kube.kubeconfig import wants_cluster_info
from allotment.adapters.kube.tokens import FileAuth, FixedAuth, basic, bearer
from allotment.errors import NotSignedInError, shown

API_VERSIONS: Final = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
PLUGIN_TIMEOUT: Final = 60.0
"""Seconds a plugin may take; a browser sign-in fits."""

_EXPIRY_MARGIN: Final = dt.timedelta(seconds=30)
_TOKEN_SHAPED: Final = re.compile(r"[A-Za-z0-9_\-./+=]{24,}")


def auth_of(config: SingleConfig, tls: ssl.SSLContext) -> httpx.Auth | None:
    """How requests to that server are signed; None where the client certificate alone does it.

    Raises:
        NotSignedInError: the kubeconfig asks for a kind of sign-in that no longer exists.
    """
    user = config.user
    if user is None or urlsplit(config.cluster.server).scheme != "https":
        # As kubectl: nothing is sent in clear, and no plugin runs for it.
        return None
    if user.auth_provider:
        raise NotSignedInError(
            f"the user of context {config.context_name} signs in by an auth-provider",
            why="Kubernetes removed auth-providers in 1.26",
            fix="switch the user to an exec plugin",
        )
    if user.exec is not None and user.token is None and user.token_file is None:
        return PluginAuth(user.exec, config.cluster, tls)
    return _fixed(user, config.context_name)


def _fixed(user: User, context: str) -> httpx.Auth | None:
    if user.token_file is not None:
        return FileAuth(user.token_file)
    if user.token is not None:
        return FixedAuth(bearer(user.token, f"the user of context {shown(context)}"))
    if user.username and user.password:
        return FixedAuth(basic(user.username, user.password))
    return None


class PluginAuth(httpx.Auth):
    """Signs requests with what a credential plugin prints."""

    def __init__(self, plugin: UserExec, cluster: Cluster, tls: ssl.SSLContext) -> None:
        if plugin.apiVersion not in API_VERSIONS:
            raise NotSignedInError(
                f"the credential plugin {shown(plugin.command)} speaks {shown(plugin.apiVersion)}",
                fix=f"set its apiVersion to {API_VERSIONS[0]}",
            )
        self._plugin = plugin
        self._cluster = cluster
        self._tls = tls
        self._lock = threading.Lock()
        self._bearer: str | None = None
        self._expires: dt.datetime | None = None

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign; after a 401 fetch a new credential once and sign again."""
        used = self._credential(stale=None)
        _sign(request, used)
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            response.read()
            _sign(request, self._credential(stale=used))
            yield request

    def _credential(self, *, stale: str | None) -> str:
        """The bearer header; a new one if the present one has expired or is the `stale` one."""
        with self._lock:
            expired = self._expires is not None and dt.datetime.now(dt.UTC) >= self._expires - _EXPIRY_MARGIN
            if self._bearer is None or expired or self._bearer == stale:
                self._fetch()
            return self._bearer or ""

    def _fetch(self) -> None:
        status = _status_of(self._plugin.command, self._run())
        command = self._plugin.command
        if "clientCertificateData" in status:
            _load_pair(command, self._tls, status["clientCertificateData"], status.get("clientKeyData", ""))
        token = status.get("token", "")
        self._bearer = bearer(token, f"what the credential plugin {shown(command)} printed") if token else ""
        self._expires = _expiry(command, status.get("expirationTimestamp"))

    def _run(self) -> str:
        plugin = self._plugin
        environment = os.environ | {entry.name: entry.value for entry in plugin.env or ()}
        environment["KUBERNETES_EXEC_INFO"] = json.dumps(self._exec_info())
        try:
            done = subprocess.run(
                [plugin.command, *(plugin.args or ())],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=PLUGIN_TIMEOUT,
                check=False,
            )
        except FileNotFoundError:
            raise NotSignedInError(
                f"the credential plugin {shown(plugin.command)} is not installed",
                fix=shown(plugin.installHint or "install it"),
            ) from None
        except (OSError, ValueError) as error:
            raise NotSignedInError(
                f"the credential plugin {shown(plugin.command)} cannot be run",
                why=shown(getattr(error, "strerror", None) or error),
                fix="run it by hand and sign in",
            ) from None
        except subprocess.TimeoutExpired:
            raise NotSignedInError(
                f"the credential plugin {shown(plugin.command)} did not end within {PLUGIN_TIMEOUT:.0f} s",
                fix="run it by hand and sign in",
            ) from None
        if done.returncode != 0:
            raise NotSignedInError(
                f"the credential plugin {shown(plugin.command)} ended with code {done.returncode}",
                why=shown(_TOKEN_SHAPED.sub("[redacted]", done.stderr.strip()[-400:])),
                fix="run it by hand and sign in",
            )
        return done.stdout

    def _exec_info(self) -> dict[str, Any]:
        spec: dict[str, Any] = {"interactive": False}
        if wants_cluster_info(self._plugin):
            spec["cluster"] = {
                "server": self._cluster.server,
                "insecure-skip-tls-verify": self._cluster.insecure,
                "certificate-authority-data": self._cluster.certificate_auth_data,
            }
        return {"apiVersion": self._plugin.apiVersion, "kind": "ExecCredential", "spec": spec}


def _sign(request: httpx.Request, bearer: str) -> None:
    if bearer:
        request.headers["Authorization"] = bearer


_CREDENTIALS: Final = ("token", "clientCertificateData", "clientKeyData")


def _status_of(command: str, output: str) -> dict[str, str]:
    # What a plugin prints is a secret: no part of it may reach the message.
    try:
        status = json.loads(output)["status"]
    except (ValueError, KeyError, TypeError, RecursionError):
        status = None
    if not isinstance(status, dict) or any(not isinstance(status.get(each, ""), str) for each in _CREDENTIALS):
        raise _no_credential(command)
    if not (status.get("token") or status.get("clientCertificateData")):
        raise _no_credential(command)
    return status


def _no_credential(command: str) -> NotSignedInError:
    return NotSignedInError(
        f"the credential plugin {shown(command)} printed no credential", fix="run it by hand and sign in"
    )


def _expiry(command: str, text: object) -> dt.datetime | None:
    if not text:
        return None
    try:
        moment = dt.datetime.fromisoformat(str(text))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise NotSignedInError(
            f"the credential plugin {shown(command)} names no moment at which its credential expires",
            fix="run it by hand: expirationTimestamp must be RFC 3339, such as 2027-01-31T12:00:00Z",
        )
    # A moment at the very beginning of the calendar has none before it.
    return max(moment, dt.datetime(1970, 1, 1, tzinfo=dt.UTC))


def _load_pair(command: str, tls: ssl.SSLContext, certificate: str, key: str) -> None:
    try:
        _load(tls, certificate, key)
    except (ssl.SSLError, ValueError):
        raise NotSignedInError(
            f"the credential plugin {shown(command)} printed a certificate or key that cannot be used",
            fix="run it by hand and sign in",
        ) from None


def _load(tls: ssl.SSLContext, certificate: str, key: str) -> None:
    with tempfile.TemporaryDirectory(prefix="allotment-") as folder:
        certificate_file, key_file = Path(folder, "tls.crt"), Path(folder, "tls.key")
        certificate_file.write_text(certificate, encoding="ascii")
        key_file.touch(mode=0o600)
        key_file.write_text(key, encoding="ascii")
        tls.load_cert_chain(certificate_file, key_file)
