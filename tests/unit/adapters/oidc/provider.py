"""A provider of identities in this process, over real HTTP on loopback: it plays by the rules until it is told not to.

It checks what a real one checks (client, redirect, PKCE, codes that are worth something once), so that the contract can
fail on it; what a test changes of its documents and tokens is the attack.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

NOW: Final = 1_795_600_800_000
"""Milliseconds since the epoch: the present of these tests, unless they say otherwise."""
CLIENT: Final = "allotment"
OTHER_CLIENT: Final = "somebody-else"
CONFIDENTIAL: Final = "server"
SECRET: Final = "s3cret with+odd%signs&="
GROUPS: Final = ("grp-ai", "grp-robotics")
REDIRECT: Final = "http://127.0.0.1:41234/callback"
AUDIENCE: Final = "https://allotment.example/api"
LIFE: Final = 600
"""Seconds of a token."""
DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
SIGNS: Final = {"RSA": "RS256", "EC": "ES256", "OKP": "Ed25519"}
Key = RSAKey | ECKey | OKPKey


@cache
def rsa_key(name: str, bits: int = 2048) -> RSAKey:
    return RSAKey.generate_key(bits, {"kid": name})


@cache
def ec_key(name: str, curve: Any = "P-256") -> ECKey:
    return ECKey.generate_key(curve, {"kid": name})


@cache
def okp_key(name: str) -> OKPKey:
    return OKPKey.generate_key("Ed25519", {"kid": name})


def published(*keys: Key, **members: Any) -> dict[str, Any]:
    return {"keys": [{**key.as_dict(private=False), "use": "sig", **members} for key in keys]}


def segment(value: object) -> str:
    """A part of a token: of JSON, or of bytes as they are."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signed(claims: object, key: Key, header: Mapping[str, Any] | None = None, algorithm: str = "") -> str:
    """A token. What the header says of the algorithm may be a lie; `algorithm` is the truth."""
    truth = algorithm or SIGNS[key.key_type]
    said = segment({"alg": truth, "kid": key.kid, **(header or {})})
    payload = segment(claims)
    way = jws.JWSRegistry(algorithms=[truth]).get_alg(truth)
    return f"{said}.{payload}.{segment(way.sign(f'{said}.{payload}'.encode(), key))}"


@dataclass(slots=True)
class Asked:
    """A request that came in."""

    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Said:
    """What is answered."""

    body: bytes | dict[str, Any] = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Grant:
    login: str
    nonce: str
    challenge: str
    client: str
    redirect: str = ""
    used: bool = False


@dataclass(slots=True)
class _Device:
    user_code: str
    challenge: str
    client: str
    login: str | None = None
    declined: bool = False


@dataclass(slots=True)
class FakeProvider:
    """See the module.

    Attributes:
        key: signs.
        document: members of the discovery document that are others; None for one that is left out.
        jwks: what is published.
        claims: members of ID tokens that are others; None for one that is left out.
        instead: by path, what is answered in the place of what is right.
        asked: everything that came in, in order.
        gone: logins that are no people any more.
    """

    now: Callable[[], int] = lambda: NOW
    key: Key = field(default_factory=lambda: rsa_key("first"))
    document: dict[str, Any] = field(default_factory=dict)
    jwks: dict[str, Any] | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    instead: dict[str, Callable[[Asked], Said]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    issuer: str = ""
    _codes: dict[str, _Grant] = field(default_factory=dict)
    _refreshes: dict[str, _Grant] = field(default_factory=dict)
    _devices: dict[str, _Device] = field(default_factory=dict)

    def times_asked(self, path: str) -> int:
        return sum(each.path == path for each in self.asked)

    def id_token(self, login: str = "ada", nonce: str | None = None, **more: Any) -> str:
        """A good one, but for what is changed; None leaves a claim out."""
        return signed(self.id_claims(login, nonce, **more), self.key)

    def id_claims(self, login: str = "ada", nonce: str | None = None, **more: Any) -> dict[str, Any]:
        now = self.now() // 1000
        found = {
            "iss": self.issuer, "sub": login, "aud": CLIENT, "iat": now, "exp": now + LIFE, "nonce": nonce,
            "preferred_username": login, "name": login.title(), "email": f"{login}@acme.example",
            "email_verified": True, "groups": list(GROUPS), **self.claims, **more,
        }  # fmt: skip
        return {name: value for name, value in found.items() if value is not None}

    def approve(self, user_code: str, login: str | None) -> None:
        """Somebody types the code, and signs in; None declines."""
        (device,) = (each for each in self._devices.values() if each.user_code == user_code)
        device.login, device.declined = login, login is None

    def answer(self, asked: Asked) -> Said:
        self.asked.append(asked)
        if asked.path in self.instead:
            return self.instead[asked.path](asked)
        match asked.path:
            case "/.well-known/openid-configuration":
                return Said({name: value for name, value in self._document().items() if value is not None})
            case "/jwks":
                return Said(self.jwks if self.jwks is not None else published(self.key))
            case "/authorize":
                return self._authorize(asked.query)
            case "/token":
                return self._token(asked)
            case "/device":
                return self._start_device(asked)
            case _:
                return Said(b"<html>nothing here</html>", 404)

    def _document(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "device_authorization_endpoint": f"{self.issuer}/device",
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "code_challenge_methods_supported": ["S256"],
            "response_types_supported": ["code"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
            "authorization_response_iss_parameter_supported": True,
            **self.document,
        }

    def _authorize(self, query: Mapping[str, str]) -> Said:
        right = {"response_type": "code", "code_challenge_method": "S256"}
        if not right.items() <= query.items() or query["client_id"] not in {CLIENT, OTHER_CLIENT, CONFIDENTIAL}:
            return Said(b"no", 400)
        back = {"state": query["state"], "iss": self.issuer}
        if query.get("login"):
            code = secrets.token_urlsafe(12)
            self._codes[code] = _Grant(
                query["login"], query["nonce"], query["code_challenge"], query["client_id"], query["redirect_uri"]
            )
            back["code"] = code
        else:
            back |= {"error": "access_denied", "error_description": "he would rather not"}
        return Said(status=303, headers={"Location": f"{query['redirect_uri']}?{urlencode(back)}"})

    def _client(self, asked: Asked) -> str:
        """Who asks; empty for nobody that is known."""
        scheme, _, pair = asked.headers.get("Authorization", "").partition(" ")
        name, _, secret = (
            base64.b64decode(pair).decode().partition(":") if scheme == "Basic"
            else (asked.form.get("client_id", ""), "", asked.form.get("client_secret", ""))
        )  # fmt: skip
        if scheme == "Basic":
            name, secret = unquote_plus(name), unquote_plus(secret)
        return name if secret == (SECRET if name == CONFIDENTIAL else "") else ""

    def _token(self, asked: Asked) -> Said:
        client, form = self._client(asked), asked.form
        if not client:
            return _wrong("invalid_client", 401)
        match form.get("grant_type"):
            case "authorization_code":
                grant = self._codes.get(form["code"])
                if grant is None or grant.used or (grant.client, grant.redirect) != (client, form["redirect_uri"]):
                    return _wrong("invalid_grant")
                grant.used = True
                if _challenge(form["code_verifier"]) != grant.challenge:
                    return _wrong("invalid_grant", said="PKCE verification failed")
                return self._given(grant)
            case "refresh_token":
                grant = self._refreshes.pop(form["refresh_token"], None)
                if grant is None or grant.client != client or grant.login in self.gone:
                    return _wrong("invalid_grant")
                return self._given(replace(grant, nonce=""))
            case each if each == DEVICE_GRANT:
                return self._device_token(form, client)
            case _:
                return _wrong("unsupported_grant_type")

    def _device_token(self, form: Mapping[str, str], client: str) -> Said:
        device = self._devices.get(form["device_code"])
        if device is None or device.client != client or _challenge(form["code_verifier"]) != device.challenge:
            return _wrong("invalid_grant")
        if device.declined:
            return _wrong("access_denied", said="he would rather not")
        if device.login is None:
            return _wrong("authorization_pending")
        del self._devices[form["device_code"]]
        return self._given(_Grant(device.login, "", device.challenge, client))

    def _given(self, grant: _Grant) -> Said:
        refresh, access = secrets.token_urlsafe(12), secrets.token_urlsafe(12)
        self._refreshes[refresh] = grant
        half = hashlib.sha256(access.encode()).digest()[:16]
        token = self.id_token(grant.login, grant.nonce or None, aud=grant.client, at_hash=segment(half))
        return Said({"id_token": token, "access_token": access, "token_type": "Bearer", "refresh_token": refresh})

    def _start_device(self, asked: Asked) -> Said:
        client = self._client(asked)
        if not client or asked.form.get("code_challenge_method") != "S256":
            return _wrong("invalid_request")
        device, user_code = secrets.token_urlsafe(12), f"{secrets.token_hex(2)}-{secrets.token_hex(2)}".upper()
        self._devices[device] = _Device(user_code, asked.form["code_challenge"], client)
        return Said({
            "device_code": device, "user_code": user_code, "verification_uri": f"{self.issuer}/typed",
            "verification_uri_complete": f"{self.issuer}/typed?user_code={user_code}", "expires_in": 300,
        })  # fmt: skip


def _challenge(verifier: str) -> str:
    return segment(hashlib.sha256(verifier.encode()).digest())


def _wrong(error: str, status: int = 400, said: str = "no") -> Said:
    return Said({"error": error, "error_description": said}, status)


class _Server(ThreadingTCPServer):
    daemon_threads = False  # joined at the end: no connection is left to the collector of garbage
    request_queue_size = 64

    def __init__(self, provider: FakeProvider) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.provider = provider


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        length = int(self.headers.get("Content-Length") or 0)
        form = dict(parse_qsl(self.rfile.read(length).decode(), keep_blank_values=True))
        fields = dict(parse_qsl(query, keep_blank_values=True))
        said = self.server.provider.answer(Asked(self.command, path, fields, form, dict(self.headers.items())))
        body = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
        self.send_response(said.status)
        for name, value in {"Content-Length": str(len(body)), "Connection": "close", **said.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running(provider: FakeProvider) -> Iterator[FakeProvider]:
    """It listens as long as the block lasts."""
    server = _Server(provider)
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def host_of(address: str) -> str:
    return urlsplit(address).netloc


def sent_to(url: str) -> str:
    """Where a browser that opens an address is sent."""
    parts = urlsplit(url)
    with closing(HTTPConnection(parts.netloc, timeout=10)) as connection:
        connection.request("GET", f"{parts.path}?{parts.query}")
        return str(connection.getresponse().headers["Location"])
