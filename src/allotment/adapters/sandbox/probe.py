"""Whether a server of a sandbox answers: asked of each of them, and before there is an API server."""

from __future__ import annotations

import http.client
import ssl
from pathlib import Path


def tls_context(pki: Path) -> ssl.SSLContext:
    """Trust the sandbox's authority, and be its administrator."""
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    return context


def healthy(port: int, path: str, tls: ssl.SSLContext | None, timeout_seconds: float = 3.0) -> bool:
    """Whether what listens on a loopback port answers a GET of a path with 200."""
    connection = (
        http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_seconds)
        if tls is None
        else http.client.HTTPSConnection("127.0.0.1", port, timeout=timeout_seconds, context=tls)
    )
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
