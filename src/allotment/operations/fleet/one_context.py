"""One context of a kubeconfig, as a server keeps it: where the cluster is, what vouches for it, and one credential.

What runs a program, or trusts whoever answers, is refused: a server would do it unattended, for everybody.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from allotment.errors import InputError, NotFoundError, shown
from allotment.model.addresses import may_be_reached
from allotment.model.spelling import did_you_mean

ReadFile = Callable[[str], bytes]
"""Reads a file that a kubeconfig names."""
_CLUSTER_TEXTS: Final = ("server", "tls-server-name", "proxy-url")
_INLINED: Final = {
    "certificate-authority": "certificate-authority-data",
    "client-certificate": "client-certificate-data",
    "client-key": "client-key-data",
}
"""Keys that name a file, with those under which its contents stand."""
_REFUSED: Final = {
    "exec": ("it runs a program for each sign-in", "the server would run it unattended, with all that it may do"),
    "auth-provider": ("it signs in by an auth-provider", "Kubernetes removed them in 1.26"),
    "username": ("it signs in with a password", "Kubernetes removed that in 1.19"),
    "as": ("it acts as somebody else", "the server acts as people itself, and has to be somebody of its own"),
}
_OTHERWISE: Final = "give a kubeconfig with a token of a service account, or with a client certificate"


def one_context(document: object, context: str, name: str, read: ReadFile) -> dict[str, Any]:
    """What is kept of a kubeconfig.

    Args:
        document: the kubeconfig, parsed.
        context: which of its contexts; empty for its current one.
        name: of the cluster, by which the context is called from then on.
        read: the files that it names; it may raise `InputError`.

    Raises:
        NotFoundError: there is no such context.
        InputError: it is no kubeconfig, or such that no server may keep it; why is said, and no value told.
    """
    contexts = _entries(document, "contexts", "context")
    if isinstance(document, Mapping):
        context = context or str(document.get("current-context") or "")
    if context not in contexts:
        what = f"the kubeconfig has no context {shown(context)}" if context else "the kubeconfig names no context"
        raise NotFoundError(what, fix=did_you_mean(context, contexts, "choose one with --context"))
    chosen = contexts[context]
    cluster = _entries(document, "clusters", "cluster").get(str(chosen.get("cluster")))
    user = _entries(document, "users", "user").get(str(chosen.get("user")))
    if cluster is None or user is None:
        raise InputError(f"the context {shown(context)} names a cluster or a user that is not there")
    kept = {"cluster": name, "user": name}
    if isinstance(chosen.get("namespace"), str):
        kept["namespace"] = chosen["namespace"]
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": kept}],
        "clusters": [{"name": name, "cluster": _cluster(cluster, read)}],
        "users": [{"name": name, "user": _user(user, read)}],
    }


def no_files(_path: str) -> bytes:
    """What reads the files of a kubeconfig that came from elsewhere: none.

    Raises:
        InputError: always.
    """
    raise InputError(
        "the kubeconfig names a file",
        why="what is kept of it has to stand in it",
        fix="send certificates as certificate-authority-data, client-certificate-data and client-key-data",
    )


def _entries(document: object, section: str, key: str) -> dict[str, Mapping[str, Any]]:
    listed = document.get(section) if isinstance(document, Mapping) else None
    entries = listed if isinstance(listed, list) else []
    found = {
        each["name"]: each[key]
        for each in entries
        if isinstance(each, Mapping) and isinstance(each.get("name"), str) and isinstance(each.get(key), Mapping)
    }
    if not found:
        raise InputError("that is no kubeconfig", why=f"its {section} are no list of named entries")
    return found


def _cluster(found: Mapping[str, Any], read: ReadFile) -> dict[str, Any]:
    if found.get("insecure-skip-tls-verify"):
        raise InputError(
            "the kubeconfig does not look whether it is the cluster that answers (insecure-skip-tls-verify)",
            why="whoever stands in between would be given the server's credential",
            fix="give it the cluster's certificate-authority instead",
        )
    kept = {key: found[key] for key in _CLUSTER_TEXTS if isinstance(found.get(key), str) and found[key]}
    address = urlsplit(kept.get("server", ""))
    if address.scheme != "https" or not address.hostname:
        raise InputError(
            "the server of that context is no https:// address", why="a credential is never sent in the clear"
        )
    if "@" in address.netloc or any(mark in kept["server"] for mark in "?#"):
        raise InputError(
            "the server of that context has a user name, a query or a fragment",
            why="an address is told by many messages, and a secret may stand in them",
            fix="give its host, port and path alone",
        )
    for key in ("server", "proxy-url"):
        _check_reachable(key, kept.get(key, ""))
    return kept | _inlined(found, read, "certificate-authority")


def _check_reachable(key: str, url: str) -> None:
    """Nobody has the server ask what gives credentials to machines; names are looked up when it connects."""
    try:
        address = ipaddress.ip_address((urlsplit(url).hostname or "").partition("%")[0])
    except ValueError:
        return
    if not may_be_reached(address, inner=True):
        raise InputError(
            f"the {key} of that context has an address that no cluster has",
            why="it is of this machine's link, or of a service that gives credentials to machines of a cloud",
            fix="give the address of the cluster's API server",
        )


def _user(found: Mapping[str, Any], read: ReadFile) -> dict[str, Any]:
    for key, (what, why) in _REFUSED.items():
        if found.get(key):
            raise InputError(f"the user of that context cannot be kept: {what}", why=why, fix=_OTHERWISE)
    kept = {**_inlined(found, read, "client-certificate"), **_inlined(found, read, "client-key")}
    token = found.get("token")
    if not token and found.get("tokenFile"):
        token = read(str(found["tokenFile"])).decode("ascii", "replace").strip()
    if token:
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise InputError("the token of that context is none", fix=_OTHERWISE)
        kept["token"] = token
    certified = {"client-certificate-data", "client-key-data"} <= kept.keys()
    if not certified and ("token" not in kept or len(kept) > 1):
        raise InputError("the user of that context has no credential that is whole", fix=_OTHERWISE)
    return kept


def _inlined(found: Mapping[str, Any], read: ReadFile, key: str) -> dict[str, str]:
    """What stands under a key, or in the file that it names."""
    within = _INLINED[key]
    text = found.get(within)
    if not text and found.get(key):
        text = base64.b64encode(read(str(found[key]))).decode()
    if not text:
        return {}
    try:
        base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        raise InputError(f"{within} of that context is not base64") from None
    return {within: str(text)}
