"""A real Keycloak on this machine, for tests: the identity provider that many organisations run themselves.

    python -m tools.keycloak install   # its distribution, by Maven, into the user's cache; built once (two minutes)

It speaks TLS with a certificate of its own authority, demands PKCE and consent, gives codes, sign-ins on other devices,
refresh tokens and groups, and forgets everything at its end. A Java of version 17 or newer and Maven are needed.
Whoever has an account signs in with the password `PASSWORD`; the same people, groups and clients are there as in
`tools.oidc_provider`.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import ssl
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2 as httpx
import platformdirs

from allotment.adapters.sandbox import ports, processes
from allotment.adapters.sandbox.locking import exclusive
from tools.oidc_provider import CLIENT, GROUPS, STRANGER, ProviderNotUpError, RunningProvider, write_certificates

VERSION: Final = "26.7.3"
PASSWORD: Final = "x"
PEOPLE: Final = ("ada", "bob", "dan", "eve", "grace", "mallory", "zoe")
_ARTIFACT: Final = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
_REALM: Final = "acme"
_ADMIN: Final = "admin"
_SECONDS: Final = 300.0
_HEAP: Final = "-Xms128m -Xmx512m"
_SCOPES: Final = ["basic", "profile", "email", "acr", "web-origins"]


def missing() -> str:
    """What this machine lacks; empty for nothing."""
    return ", ".join(name for name in ("java", "mvn") if shutil.which(name) is None)


def install() -> Path:
    """The folder of the distribution; it is fetched and built where it is not there.

    Raises:
        ProviderNotUpError: Java or Maven is missing, or it could not be fetched or built.
    """
    if lacking := missing():
        raise ProviderNotUpError(f"not installed: {lacking}")
    cache = platformdirs.user_cache_path("allotment") / "keycloak"
    folder = cache / VERSION
    with exclusive(cache / "lock", wait_seconds=900, what="Keycloak"):
        if not folder.is_dir():
            _unpacked(_fetched(), folder)
    return folder


def _fetched() -> Path:
    _run(["mvn", "-q", "-B", "dependency:get", "-Dtransitive=false", f"-Dartifact={_ARTIFACT}"], Path("/"))
    group, name, version, kind = _ARTIFACT.split(":")
    return Path.home() / ".m2/repository" / group.replace(".", "/") / name / version / f"{name}-{version}.{kind}"


def _unpacked(archive: Path, folder: Path) -> None:
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    with zipfile.ZipFile(archive) as file:
        file.extractall(partial)
    (inner,) = partial.iterdir()
    for script in (inner / "bin").glob("*.sh"):
        script.chmod(0o755)
    _run([str(inner / "bin/kc.sh"), "build", "--db=dev-mem"], inner)
    inner.replace(folder)
    shutil.rmtree(partial, ignore_errors=True)


def _run(argv: list[str], folder: Path) -> None:
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False, timeout=900)
    if done.returncode:
        raise ProviderNotUpError(f"{argv[0]}: {(done.stdout + done.stderr).strip()[-2000:]}")


@dataclass(frozen=True, slots=True)
class RunningKeycloak(RunningProvider):
    """One that runs."""

    def enroll(self, login: str, *groups: str) -> None:
        """Somebody is in these groups, and no others, from his next sign-in on."""
        with self._admin() as admin:
            user = _found(admin, "users", "username", login)
            for each in admin.get(f"users/{user}/groups").json():
                admin.delete(f"users/{user}/groups/{each['id']}")
            for name in groups:
                admin.put(f"users/{user}/groups/{_group(admin, name)}")

    def withdraw(self, login: str) -> None:
        """Somebody is in everybody's groups again."""
        self.enroll(login, *GROUPS)

    def dismiss(self, login: str) -> None:
        """Somebody is no person of it any more."""
        with self._admin() as admin:
            admin.put(f"users/{_found(admin, 'users', 'username', login)}", json={"enabled": False})

    @contextmanager
    def _admin(self) -> Iterator[httpx.Client]:
        with _administering(self.issuer.partition("/realms/")[0], self.authority, f"admin/realms/{_REALM}/") as found:
            yield found


@contextmanager
def _administering(base: str, authority: Path, path: str) -> Iterator[httpx.Client]:
    trusted = ssl.create_default_context(cafile=str(authority))
    with httpx.Client(verify=trusted, trust_env=False, timeout=60, event_hooks={"response": [_check]}) as http:
        form = {"grant_type": "password", "client_id": "admin-cli", "username": _ADMIN, "password": PASSWORD}
        token = http.post(f"{base}/realms/master/protocol/openid-connect/token", data=form).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        http.base_url = httpx.URL(f"{base}/{path}")
        yield http


def _check(response: httpx.Response) -> None:
    if response.is_error:
        raise ProviderNotUpError(f"{response.request.method} {response.request.url}: {response.read().decode()}")


def _found(admin: httpx.Client, kind: str, field: str, name: str) -> str:
    (one,) = (each["id"] for each in admin.get(kind, params={"max": 200}).json() if each[field] == name)
    return str(one)


def _group(admin: httpx.Client, name: str) -> str:
    """Its id; it is made where it is not there."""
    if not any(each["name"] == name for each in admin.get("groups", params={"max": 200}).json()):
        admin.post("groups", json={"name": name})
    return _found(admin, "groups", "name", name)


@contextmanager
def up(folder: Path) -> Iterator[RunningKeycloak]:
    """One that runs as long as the block lasts, in a folder of its own, which is made.

    Raises:
        ProviderNotUpError: it did not start; the message has its last words.
    """
    home = install()
    folder.mkdir(parents=True, mode=0o700)
    write_certificates(folder)
    chosen = ports.choose(("https", "http"), random.SystemRandom())
    base, log = f"https://127.0.0.1:{chosen['https']}", folder / "log"
    environment = {
        **os.environ,
        processes.MARKER: str(folder),
        "JAVA_OPTS_KC_HEAP": _HEAP,
        "KC_BOOTSTRAP_ADMIN_USERNAME": _ADMIN,
        "KC_BOOTSTRAP_ADMIN_PASSWORD": PASSWORD,
    }
    argv = [
        str(home / "bin/kc.sh"), "start-dev", "--db=dev-mem", "--http-host=127.0.0.1", f"--http-port={chosen['http']}",
        f"--https-port={chosen['https']}", f"--https-certificate-file={folder / 'server.crt'}",
        f"--https-certificate-key-file={folder / 'server.key'}",
    ]  # fmt: skip
    started = processes.start(argv, folder=folder, env=environment, log=log)
    try:
        _wait(base, folder / "ca.crt", started, log, str(folder))
        with _administering(base, folder / "ca.crt", "admin/realms/") as admin:
            _furnish(admin)
        yield RunningKeycloak(f"{base}/realms/{_REALM}", folder / "ca.crt", folder)
    finally:
        # The script may have started Java as a child of its own.
        processes.stop([started, *processes.marked(str(folder))], str(folder), grace_seconds=10)


def _wait(base: str, authority: Path, started: processes.Process, log: Path, marker: str) -> None:
    trusted = ssl.create_default_context(cafile=str(authority))
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            if httpx.get(f"{base}/realms/master", verify=trusted, trust_env=False, timeout=30).is_success:
                return
        except httpx.HTTPError:
            pass
        if time.monotonic() > deadline or not processes.alive(started, marker):
            raise ProviderNotUpError(f"Keycloak did not start:\n{processes.tail(log, 20)}")
        time.sleep(0.5)


def _furnish(admin: httpx.Client) -> None:
    """The realm with its clients, groups and people."""
    realm = {"realm": _REALM, "enabled": True, "accessTokenLifespan": 600, "revokeRefreshToken": True}
    pace = {"oauth2DevicePollingInterval": "1", "oauth2DeviceCodeLifespan": "300"}
    # Whoever comes with the realm keeps his id, which is what his tokens call him.
    people = {"groups": [{"name": each} for each in GROUPS], "users": [_person(each) for each in PEOPLE]}
    admin.post("", json={**realm, "refreshTokenMaxReuse": 0, "attributes": pace, **people})
    admin.post(f"{_REALM}/client-scopes", json=_groups_scope())
    for name in (CLIENT, STRANGER):
        admin.post(f"{_REALM}/clients", json=_public(name))


def _groups_scope() -> dict[str, Any]:
    config = {"claim.name": "groups", "full.path": "false", "id.token.claim": "true", "access.token.claim": "true"}
    mapper = {"name": "groups", "protocol": "openid-connect", "protocolMapper": "oidc-group-membership-mapper"}
    return {
        "name": "groups",
        "protocol": "openid-connect",
        "attributes": {"include.in.token.scope": "true"},
        "protocolMappers": [{**mapper, "config": config}],
    }


def _public(name: str) -> dict[str, Any]:
    return {
        "clientId": name,
        "protocol": "openid-connect",
        "publicClient": True,
        "consentRequired": True,
        "standardFlowEnabled": True,
        "redirectUris": ["http://127.0.0.1/callback", "http://127.0.0.1:*"],
        "defaultClientScopes": _SCOPES,
        "optionalClientScopes": ["groups"],
        "attributes": {
            "pkce.code.challenge.method": "S256",
            "oauth2.device.authorization.grant.enabled": "true",
            "oauth2.device.polling.interval": "1",
        },
    }


def _person(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "username": name,
        "email": f"{name}@acme.example",
        "emailVerified": True,
        "enabled": True,
        "firstName": name,
        "lastName": "Acme",
        "groups": [f"/{each}" for each in GROUPS],
        "credentials": [{"type": "password", "value": PASSWORD, "temporary": False}],
    }


def main() -> None:
    """See the top."""
    parser = argparse.ArgumentParser(prog="python -m tools.keycloak", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("install",))
    parser.parse_args()
    try:
        print(install())
    except ProviderNotUpError as error:
        sys.exit(f"keycloak: {error}")


if __name__ == "__main__":
    main()
