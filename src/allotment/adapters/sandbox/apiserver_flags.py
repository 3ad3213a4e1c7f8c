"""Flags that a user adds to the sandbox's API server, and which of them are refused.

A sandbox promises that it listens on loopback, that nobody gets in without a certificate or token of its own, and that
what it admits is what a cluster would admit. A flag that the sandbox sets itself, or that takes one of these promises
back, is refused with the reason. Whatever else the API server knows is its own matter: it ends with its own message.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from allotment.errors import InputError

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""Dashes only: the API server takes `bind_address` for `bind-address`, and so it would pass the table below."""

_WEAKENING: Final[tuple[tuple[str, str], ...]] = (
    (r"bind-address|insecure-.*|permit-.*-sharing|external-hostname", "a sandbox serves on loopback only, by itself"),
    (r"authorization-.*", "who may do what is decided by RBAC alone, as in the cluster it stands in for"),
    (r"anonymous-auth|token-auth-file|authentication-.*", "nobody gets in without credentials of the sandbox's own"),
    (r"enable-bootstrap-token-auth|service-account-lookup|requestheader-.*|proxy-client-.*", "it changes who gets in"),
    (r"tls-.*|client-ca-.*|cors-.*|debug-.*|egress-.*|enable-aggregator-routing", "it opens or redirects connections"),
    (r"disable-admission-plugins", "admission is what a sandbox is for"),
)
"""(names, why they are refused)"""


def check(flags: Mapping[str, str], own: Collection[str]) -> None:
    """Refuse flags that the sandbox sets itself or that weaken it.

    Args:
        flags: value by name.
        own: names that the sandbox sets.

    Raises:
        InputError: with the flag and the reason.
    """
    for name, value in flags.items():
        why = _reason_against(name, value, own)
        if why:
            raise InputError(
                f"the API server of a sandbox does not take the flag {name!r}",
                why=why,
                fix="leave it out; feature gates and API versions are set by feature-gates=… and runtime-config=…",
            )


def _reason_against(name: str, value: str, own: Collection[str]) -> str:
    if not _NAME.fullmatch(name):
        return "a flag's name has small letters, digits and single dashes, as `kube-apiserver --help` writes it"
    if not value.isprintable():
        return "its value holds characters that no command line shows"
    if name in own:
        return "the sandbox sets it itself"
    return next((why for names, why in _WEAKENING if re.fullmatch(names, name)), "")
