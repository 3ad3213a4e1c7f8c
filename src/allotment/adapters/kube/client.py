"""`KubePort` over HTTPS. Safe to share between worker threads."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self

import httpx2 as httpx
from lightkube.config.client_adapter import verify_cluster
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import User

from allotment.adapters.kube import answers, discovery, kubeconfig, logs, requests, transport
from allotment.adapters.kube.credentials import auth_of
from allotment.adapters.kube.discovery import Resource
from allotment.adapters.kube.paging import ListBounds, pages
from allotment.adapters.kube.renewing import Renewal
from allotment.adapters.kube.requests import Request
from allotment.adapters.kube.transport import Patience
from allotment.adapters.kube.watching import OpenWatch
from allotment.errors import InputError, shown
from allotment.model.manifest import Body, ObjectKey, key_of
from allotment.model.salvage import UnreadableObject
from allotment.ports.kube import (
    NO_QUERY,
    USUAL_DELETION,
    AccessQuestion,
    Answer,
    Deletion,
    Endpoint,
    Identity,
    ObjectPart,
    PodLogLine,
    RefusedError,
    ServerInfo,
    WatchStream,
)

CONNECTIONS: Final = 32
"""Connections kept at most; more than any bounded pool of ours has workers."""
MOST_CONNECTIONS: Final = 256
"""Connections at once: a watch holds its own, and there is one for each kind that is watched."""

REDISCOVER_AFTER: Final = 2.0
"""Seconds after which an unknown kind is looked up again: CRDs come while we run."""


def connect(
    kubeconfig_file: Path | None = None,
    context: str | None = None,
    *,
    patience: Patience | None = None,
    manager: str = "",
) -> KubeClient:
    """A client for the server that the kubeconfig and the context choose. Nothing is sent yet.

    Args:
        kubeconfig_file: see `kubeconfig.load`.
        context: of it; None for its current one.
        patience: how long a request is tried again.
        manager: field manager of all that is written; empty for ours of applies and of plain writes.

    Raises:
        NotFoundError: no kubeconfig or no such context.
        InputError: the kubeconfig cannot be used.
        NotSignedInError: the kind of credentials is not supported.
    """
    config = kubeconfig.load(kubeconfig_file, context)
    aliases = kubeconfig.aliases(kubeconfig_file, config)
    endpoint = Endpoint("", config.context_name or "", aliases, config.namespace)
    renewal = Renewal(lambda: kubeconfig.load(kubeconfig_file, context), http_client, config)
    return KubeClient(http_client(config), patience, endpoint=endpoint, manager=manager, renewal=renewal)


def _no_certificates(context: str | None, error: OSError | ValueError) -> InputError:
    """What OpenSSL and base64 say is for programmers; of a file that cannot be opened the system says why."""
    unopened = isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError) and error.strerror
    return InputError(
        f"the certificates of context {shown(context)} cannot be read",
        why=unopened or "they are no PEM certificate and key that belong together",
        fix="mend certificate-authority, client-certificate and client-key in the kubeconfig, or get a new one",
    )


def _tls_of_files(config: SingleConfig) -> ssl.SSLContext:
    return verify_cluster(config.cluster, config.user or User(), config.abs_file)


def http_client(
    config: SingleConfig,
    http_transport: httpx.BaseTransport | None = None,
    *,
    tls: Callable[[SingleConfig], ssl.SSLContext] = _tls_of_files,
    look: Callable[[httpx.Request], None] | None = None,
) -> httpx.Client:
    """The HTTP client with the TLS and credentials of a kubeconfig's context.

    Args:
        config: the context.
        http_transport: in the place of the network.
        tls: makes of it what vouches for the server, and who we are.
        look: has what is connected to be looked at; None where whoever calls has chosen it himself.

    Raises:
        InputError: a certificate or key cannot be read, or whom to act as cannot be sent.
        NotSignedInError: the kind of credentials is not supported.
    """
    try:
        secured = tls(config)
    except (OSError, ValueError) as error:
        raise _no_certificates(config.context_name, error) from None
    try:
        return httpx.Client(
            base_url=config.cluster.server,
            verify=secured,
            auth=auth_of(config, secured),
            timeout=transport.TIMEOUT,
            transport=http_transport,
            proxy=kubeconfig.proxy_url(config.cluster),
            trust_env=not kubeconfig.is_on_this_machine(config.cluster),
            event_hooks={
                "request": [
                    _checked_for(kubeconfig.tls_server_name(config.cluster)),
                    _acting_as(kubeconfig.acting_as(config.user)),
                    *((look,) if look is not None else ()),
                ]
            },
            limits=httpx.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            headers={"User-Agent": "allotment"},
        )
    except (ValueError, ImportError, httpx.InvalidURL):
        # An address may have a password in it: it is not repeated.
        raise InputError(
            f"the server or the proxy-url of context {shown(config.context_name)} is no address that can be used",
            fix="write server as https://HOST:PORT, and proxy-url as http://HOST:PORT or https://HOST:PORT",
        ) from None


def _checked_for(name: str | None) -> Callable[[httpx.Request], None]:
    """Let TLS check the server's certificate for another name than the address."""

    def prepare(request: httpx.Request) -> None:
        if name is not None:
            request.extensions = {**request.extensions, "sni_hostname": name}

    return prepare


def _acting_as(headers: tuple[tuple[bytes, bytes], ...]) -> Callable[[httpx.Request], None]:
    """Act as whom the kubeconfig names; a request that acts as somebody else already keeps to that, as kubectl's."""

    def prepare(request: httpx.Request) -> None:
        if "Impersonate-User" not in request.headers:
            request.headers = httpx.Headers([*request.headers.raw, *headers])

    return prepare


class KubeClient:
    """One API server. Close it, or use it as a context manager."""

    def __init__(
        self,
        http: httpx.Client,
        patience: Patience | None = None,
        *,
        endpoint: Endpoint | None = None,
        manager: str = "",
        renewal: Renewal | None = None,
    ) -> None:
        self._http = http
        self._outdated: list[httpx.Client] = []
        self._renewal = renewal
        self._endpoint = replace(endpoint or Endpoint(""), url=str(http.base_url).rstrip("/"))
        self._manager = manager
        self._patience = patience or Patience()
        self._lock = threading.Lock()
        self._renewing = threading.Lock()
        self._resources: discovery.Resources | None = None
        self._discovered = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        for each in (*self._outdated, self._http):
            each.close()

    def endpoint(self) -> Endpoint:
        """Address and context."""
        return self._endpoint

    def server(self) -> ServerInfo:
        """Address and version."""
        body = answers.body_of(self._send(requests.version()))
        return ServerInfo(url=self.endpoint().url, version=str(body.get("gitVersion", "")))

    def serves(self, api_version: str, kind: str) -> bool:
        """Whether the server knows the kind in that version."""
        return self._find(api_version, kind) is not None

    def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        lenient: bool = False,
    ) -> Iterator[Body]:
        """All objects of a kind, page by page."""
        yield from self._pages(
            api_version,
            kind,
            lambda resource, at: requests.page(resource, namespace, (labels, fields), at),
            lenient=lenient,
        )

    def list_metadata(self, api_version: str, kind: str, *, namespace: str = "", fields: str = "") -> Iterator[Body]:
        """The metadata of all objects of a kind, page by page."""
        yield from self._pages(
            api_version, kind, lambda resource, at: requests.metadata_page(resource, namespace, fields, at)
        )

    def watch(self, api_version: str, kind: str, *, namespace: str = "", since: str = "") -> WatchStream:
        """What happens to a kind after a version, or after it was listed."""

        def listed(note: Callable[[str], None]) -> Iterator[Body]:
            return self._pages(
                api_version,
                kind,
                lambda resource, at: requests.page(resource, namespace, ("", ""), at),
                note,
                lenient=True,
            )

        def request(version: str) -> Request | None:
            resource = self._find(api_version, kind)
            return None if resource is None else requests.watch(resource, namespace, version)

        return OpenWatch(self._http, listed, request, since, (api_version, kind))

    def _pages(
        self,
        api_version: str,
        kind: str,
        page: Callable[[Resource, str], Request],
        note_version: Callable[[str], None] = lambda _version: None,
        *,
        lenient: bool = False,
    ) -> Iterator[Body]:
        resource = self._find(api_version, kind)
        if resource is None:
            return
        about = page(resource, "").about
        bounds = ListBounds(self._patience.list_seconds, self._patience.list_bytes)

        def ask(at: str, seconds: float) -> httpx.Response:
            return self._ask(page(resource, at), seconds)

        for item in pages(ask, about, note_version, bounds, lenient=lenient):
            if isinstance(item, UnreadableObject):
                yield item.of_kind(api_version, kind)
            else:
                yield {**item, "apiVersion": api_version, "kind": kind}

    def get(self, api_version: str, key: ObjectKey, *, lenient: bool = False) -> Body | None:
        """One object, or None."""
        resource = self._find(api_version, key.kind)
        if resource is None:
            return None
        response = self._send(requests.get(resource, key), key, missing_is_fine=True)
        return None if response.status_code == httpx.codes.NOT_FOUND else answers.body_of(response, lenient=lenient)

    def read_part(self, part: ObjectPart, *, query: Mapping[str, int] = NO_QUERY) -> Body | None:
        """A subresource of an object, or None."""
        resource = self._find(part.api_version, part.resource)
        if resource is None:
            return None
        response = self._send(requests.read_part(resource, part, query), missing_is_fine=True)
        return None if response.status_code == httpx.codes.NOT_FOUND else answers.body_of(response)

    def apply(self, body: Body, *, dry_run: bool = False, force: bool = False) -> Answer:
        """Server-side apply with our field manager."""
        resource = self._resource(body["apiVersion"], body["kind"])
        request = requests.apply(resource, body, dry_run=dry_run, force=force, manager=self._manager)
        return answers.answer_of(self._send(request, key_of(body)))

    def create(self, body: Body, *, dry_run: bool = False, identity: Identity | None = None) -> Answer:
        """POST, perhaps as somebody else."""
        resource = self._resource(body["apiVersion"], body["kind"])
        request = requests.create(resource, body, dry_run=dry_run, identity=identity, manager=self._manager)
        return answers.answer_of(self._send(request))

    def merge_patch(
        self,
        api_version: str,
        key: ObjectKey,
        patch: Body,
        *,
        subresource: str = "",
        dry_run: bool = False,
        identity: Identity | None = None,
        manager: str = "",
    ) -> Answer:
        """JSON merge patch."""
        resource = self._resource(api_version, key.kind)
        request = requests.merge_patch(
            resource,
            key,
            patch,
            subresource=subresource,
            dry_run=dry_run,
            identity=identity,
            manager=manager or self._manager,
        )
        return answers.answer_of(self._send(request))

    def delete(
        self,
        api_version: str,
        key: ObjectKey,
        *,
        dry_run: bool = False,
        identity: Identity | None = None,
        uid: str = "",
        how: Deletion = USUAL_DELETION,
    ) -> bool:
        """Delete; False if the object was not there."""
        resource = self._find(api_version, key.kind)
        if resource is None:
            return False
        request = requests.delete(resource, key, dry_run=dry_run, identity=identity, uid=uid, how=how)
        return self._send(request, missing_is_fine=True).status_code != httpx.codes.NOT_FOUND

    def pod_log(
        self, pod: ObjectKey, container: str, *, follow: bool = False, tail: int | None = None
    ) -> Iterator[PodLogLine]:
        """What a container writes."""
        resource = self._resource("v1", "Pod")
        request = requests.pod_log(resource, pod, container, follow=follow, tail=tail)
        yield from logs.lines(self._http, request)

    def allowed(self, identity: Identity, question: AccessQuestion) -> bool:
        """Ask the server's authorizer."""
        return answers.is_allowed(self._send(requests.access_review(identity, question)))

    def permitted(self, question: AccessQuestion) -> bool:
        """Ask the server's authorizer about ourselves."""
        return answers.is_allowed(self._send(requests.self_access_review(question)))

    def whoami(self) -> Identity:
        """Who we are to the server."""
        return answers.identity_of(self._send(requests.self_review()))

    def _ask(self, request: Request, seconds: float) -> httpx.Response:
        """Send a page request that may take so long; 410 is an answer to page requests, not a refusal."""
        patience = replace(self._patience, answer_seconds=max(0.0, min(self._patience.answer_seconds, seconds)))
        response = self._exchanged(request, patience)
        if response.is_success or response.status_code == httpx.codes.GONE:
            return response
        raise answers.error_of(request, response, None)

    def _send(self, request: Request, key: ObjectKey | None = None, *, missing_is_fine: bool = False) -> httpx.Response:
        response = self._exchanged(request, self._patience)
        if response.is_success or (missing_is_fine and response.status_code == httpx.codes.NOT_FOUND):
            return response
        raise answers.error_of(request, response, key)

    def _exchanged(self, request: Request, patience: Patience) -> httpx.Response:
        """An answer; where the credentials are not taken any more, to the new ones, if the kubeconfig has some."""
        used = self._http
        response = transport.send(used, request, patience)
        if response.status_code == httpx.codes.UNAUTHORIZED and self._renewed(used):
            response = transport.send(self._http, request, patience)
        return response

    def _renewed(self, used: httpx.Client) -> bool:
        """Whether there are other credentials now than those that were used."""
        with self._renewing:
            if self._http is not used:
                return True
            new = None if self._renewal is None else self._renewal.client()
            if new is None:
                return False
            # Others may still be reading from it.
            self._outdated.append(used)
            self._http = new
            return True

    def _resource(self, api_version: str, kind: str) -> Resource:
        resource = self._find(api_version, kind)
        if resource is None:
            what = f"{self._http.base_url} does not know the kind {kind} in {api_version}"
            raise RefusedError(what, status=404, reason="NotFound", message="install its custom resource definition")
        return resource

    def _find(self, api_version: str, kind: str) -> Resource | None:
        # The kind, or the resource's name in paths.
        with self._lock:
            known = self._resources
            stale = time.monotonic() - self._discovered > REDISCOVER_AFTER
            if known is None or ((api_version, kind) not in known and stale):
                known = self._resources = self._discover()
                self._discovered = time.monotonic()
            return known.get((api_version, kind))

    def _discover(self) -> discovery.Resources:
        found: dict[tuple[str, str], Resource] = {}
        for root in discovery.ROOTS:
            document: dict[str, Any] = answers.body_of(self._send(requests.discovery(root)))
            found |= discovery.read(document)
        return found
