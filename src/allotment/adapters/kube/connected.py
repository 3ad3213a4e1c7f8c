"""A client by a kubeconfig that lies in no file: certificates and keys are given to TLS without touching a disk."""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Callable, Mapping
from typing import Any

import httpx2 as httpx
import msgspec
from lightkube.config.kubeconfig import SingleConfig

from allotment.adapters.kube import kubeconfig
from allotment.adapters.kube.client import KubeClient, http_client
from allotment.adapters.kube.reachable import looked_at
from allotment.adapters.kube.renewing import Renewal
from allotment.errors import InputError
from allotment.ports.kube import Endpoint


def connect_by(load: Callable[[], Mapping[str, Any]]) -> KubeClient:
    """A client for the one context of a kubeconfig. Nothing is sent yet.

    Args:
        load: the kubeconfig; asked again where the cluster does not accept the credential any more.

    Raises:
        InputError: it cannot be used; no value of it is told.
    """

    def config() -> SingleConfig:
        try:
            return kubeconfig.of_document(load())
        except (msgspec.ValidationError, TypeError, KeyError) as error:
            raise InputError("the kubeconfig that is kept cannot be used", why=type(error).__name__) from None

    def client(found: SingleConfig) -> httpx.Client:
        return http_client(found, tls=_tls, look=looked_at())

    first = config()
    endpoint = Endpoint("", first.context_name or "", (), first.namespace)
    renewal = Renewal(config, client, first)
    return KubeClient(client(first), endpoint=endpoint, renewal=renewal)


def _tls(config: SingleConfig) -> ssl.SSLContext:
    """What vouches for the cluster, and who we are.

    Raises:
        ValueError: a certificate or key is none.
    """
    trusted, user = config.cluster.certificate_auth_data, config.user
    context = ssl.create_default_context(cadata=base64.b64decode(trusted).decode("ascii") if trusted else None)
    if user is not None and user.client_cert_data and user.client_key_data:
        pem = b"\n".join(base64.b64decode(each) for each in (user.client_cert_data, user.client_key_data))
        _load_chain(context, pem)
    return context


def _load_chain(context: ssl.SSLContext, pem: bytes) -> None:
    """OpenSSL reads certificates with their keys from files alone: this one is in memory."""
    memory = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(memory), "wb") as file:
            file.write(pem)
        context.load_cert_chain(f"/proc/self/fd/{memory}")
    finally:
        os.close(memory)
