"""Credentials of a kubeconfig that was written anew: who signs in again need not end what runs for days.

Only the credentials are taken up. Where the context leads to another server by now, nothing is: who works with one
cluster must never find itself in another.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx2 as httpx
from lightkube.config.kubeconfig import SingleConfig
from lightkube.core.exceptions import ConfigError

from allotment.errors import AllotmentError


class Renewal:
    """Looks into a kubeconfig again. One thread at a time."""

    def __init__(
        self, load: Callable[[], SingleConfig], connected: Callable[[SingleConfig], httpx.Client], config: SingleConfig
    ) -> None:
        """Nothing is read yet but the certificates that are in use.

        Args:
            load: what the kubeconfig says now.
            connected: a client by what it says.
            config: what it said.
        """
        self._load = load
        self._connected = connected
        self._cluster = config.cluster
        self._in_use = _credentials(config)

    def client(self) -> httpx.Client | None:
        """A client with the credentials that are there now; None where they are the same, or cannot be used."""
        try:
            config = self._load()
            found = _credentials(config)
            if config.cluster != self._cluster or found == self._in_use:
                return None
            client = self._connected(config)
        except AllotmentError:
            # Perhaps it is being written this very moment.
            return None
        self._in_use = found
        return client


def _credentials(config: SingleConfig) -> tuple[object, ...]:
    """What says who we are: the kubeconfig's words, and what stands in the files that it names."""
    user = config.user
    named = () if user is None else (user.client_cert, user.client_key)
    held = []
    for each in named:
        if each is not None:
            with suppress(OSError, ConfigError):
                held.append(Path(config.abs_file(each)).read_bytes())
    return (user, *held)
