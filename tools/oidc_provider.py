"""A real provider of identities on this machine, for tests and to try things on: npm's certified oidc-provider.

    python -m tools.oidc_provider install   # from the lock beside it, into the user's cache
    python -m tools.oidc_provider up        # until Ctrl-C; prints what a client has to be told
    python -m tools.oidc_provider lock      # resolve the lock anew

It speaks TLS with a certificate of its own authority, lets everybody in under any name, demands PKCE, gives codes,
sign-ins on other devices, refresh tokens and two groups, and forgets everything at its end. Node.js 20 is needed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import platformdirs

from allotment.adapters.sandbox import ports, processes
from allotment.adapters.sandbox.locking import exclusive
from allotment.adapters.sandbox.pki import make_pki

HERE: Final = Path(__file__).parent / "oidc"
LEAST_NODE: Final = 20
GROUPS: Final = ("grp-ai", "grp-robotics")
CLIENT: Final = "allotment"
"""A public client of commands: browsers come back to any port of this machine."""
STRANGER: Final = "somebody-else"
"""Another of the same kind."""
SERVER: Final = "server"
"""A client with a secret, which acts for itself as well."""
SECRET: Final = "a secret for tests +&%"
SERVER_REDIRECT: Final = "https://allotment.example/v1/signed-in"
AUDIENCE: Final = "https://allotment.example/api"
SCOPES: Final = ("openid", "profile", "email", "groups")
_LOCK: Final = HERE / "package-lock.json"
_GRANTS: Final = ("authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code")
_SECONDS: Final = 60.0


class ProviderNotUpError(Exception):
    """It cannot be installed or started; the message says why."""


@dataclass(frozen=True, slots=True)
class RunningProvider:
    """One that runs.

    Attributes:
        issuer: its address.
        authority: file of the certificate that its own is checked against.
        folder: everything of it.
    """

    issuer: str
    authority: Path
    folder: Path

    def enroll(self, login: str, *groups: str) -> None:
        """Somebody is in these groups, and no others, from his next sign-in on."""
        (self.folder / "groups" / login).write_text(json.dumps(groups), encoding="utf-8")

    def withdraw(self, login: str) -> None:
        """Somebody is in everybody's groups again."""
        (self.folder / "groups" / login).unlink()

    def dismiss(self, login: str) -> None:
        """Somebody is no person of it any more."""
        (self.folder / "gone" / login).touch()


def missing() -> str:
    """What this machine lacks; empty for nothing."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return f"node and npm, version {LEAST_NODE} or newer"
    told = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    number = told.removeprefix("v").partition(".")[0]
    return "" if number.isdigit() and int(number) >= LEAST_NODE else f"node {LEAST_NODE} or newer; {told} is here"


def install() -> Path:
    """The folder with its modules; they are installed where the lock is another than last time.

    Raises:
        ProviderNotUpError: Node.js is missing, or the modules could not be fetched.
    """
    if lacking := missing():
        raise ProviderNotUpError(f"not installed: {lacking}")
    cache = platformdirs.user_cache_path("allotment") / "oidc-provider"
    folder = cache / hashlib.sha256(_LOCK.read_bytes()).hexdigest()[:12]
    with exclusive(cache / "lock", wait_seconds=300, what="the modules of oidc-provider"):
        if not (folder / "node_modules").is_dir():
            _installed(folder)
    return folder


def _installed(folder: Path) -> None:
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name in ("package.json", _LOCK.name):
        shutil.copy(HERE / name, partial)
    # No script of a package is run.
    _npm(partial, "ci", "--ignore-scripts", "--omit=dev")
    shutil.rmtree(folder, ignore_errors=True)
    partial.replace(folder)


def lock() -> None:
    """Resolve the lock anew. It names no registry: where modules come from is the business of whoever installs."""
    _npm(HERE, "install", "--package-lock-only", "--ignore-scripts", "--omit-lockfile-registry-resolved")


def _npm(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        ["npm", *arguments, "--no-audit", "--no-fund"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    if done.returncode:
        raise ProviderNotUpError(f"npm {arguments[0]}: {done.stderr.strip()[-2000:]}")


@contextmanager
def up(folder: Path) -> Iterator[RunningProvider]:
    """One that runs as long as the block lasts, in a folder of its own, which is made.

    Raises:
        ProviderNotUpError: it did not start; the message has its last words.
    """
    modules = install()
    for name in ("gone", "groups"):
        (folder / name).mkdir(parents=True, mode=0o700)
    port = ports.choose(("provider",), random.SystemRandom())["provider"]
    (folder / "settings.json").write_text(json.dumps(_settings(folder, modules, port)), encoding="utf-8")
    log, environment = folder / "log", {**os.environ, processes.MARKER: str(folder)}
    started = processes.start(
        ["node", str(HERE / "provider.mjs"), str(folder / "settings.json")], folder=folder, env=environment, log=log
    )
    try:
        _wait(started, log, str(folder))
        yield RunningProvider(f"https://127.0.0.1:{port}", folder / "ca.crt", folder)
    finally:
        processes.stop([started], str(folder), grace_seconds=5)


def write_certificates(folder: Path) -> None:
    """Into a folder: an authority of its own, and a server's certificate of it with its key."""
    made = make_pki(dt.datetime.now(dt.UTC))
    for name, made_as in (
        ("ca.crt", "ca.crt"),
        ("server.crt", "kube-apiserver.crt"),
        ("server.key", "kube-apiserver.key"),
    ):
        (folder / name).touch(0o600)
        (folder / name).write_bytes(made[made_as])


def _settings(folder: Path, modules: Path, port: int) -> dict[str, Any]:
    write_certificates(folder)
    return {
        "port": port,
        "folder": str(folder),
        "modules": str(modules),
        "certificate": str(folder / "server.crt"),
        "key": str(folder / "server.key"),
        "groups": list(GROUPS),
        "audience": AUDIENCE,
        "clients": [_public(CLIENT), _public(STRANGER), _confidential()],
    }


def _public(name: str) -> dict[str, Any]:
    return {
        "client_id": name,
        "token_endpoint_auth_method": "none",
        "application_type": "native",
        "redirect_uris": ["http://127.0.0.1/callback", "http://127.0.0.1/sign-in/callback"],
        "grant_types": list(_GRANTS),
        "response_types": ["code"],
    }


def _confidential() -> dict[str, Any]:
    return {
        "client_id": SERVER,
        "client_secret": SECRET,
        "redirect_uris": [SERVER_REDIRECT],
        "grant_types": [*_GRANTS, "client_credentials"],
        "response_types": ["code"],
    }


def _wait(started: processes.Process, log: Path, marker: str) -> None:
    deadline = time.monotonic() + _SECONDS
    while "ready" not in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if time.monotonic() > deadline or not processes.alive(started, marker):
            raise ProviderNotUpError(f"oidc-provider did not start:\n{processes.tail(log, 20)}")
        time.sleep(0.05)


def main() -> None:
    """See the top."""
    description = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m tools.oidc_provider", description=description)
    parser.add_argument("what", choices=("install", "up", "lock"))
    asked = parser.parse_args()
    try:
        if asked.what == "install":
            print(install())
        elif asked.what == "lock":
            lock()
        else:
            with tempfile.TemporaryDirectory(prefix="allotment-oidc-") as around, up(Path(around) / "oidc") as running:
                print(f"issuer {running.issuer}\nclient {CLIENT}\nauthority {running.authority}", flush=True)
                scopes = " ".join(SCOPES)
                print(f"It tells groups only to who asks for them: --oidc-scopes '{scopes}'", flush=True)
                while True:
                    time.sleep(3600)
    except KeyboardInterrupt:
        pass
    except ProviderNotUpError as error:
        sys.exit(f"oidc-provider: {error}")


if __name__ == "__main__":
    main()
