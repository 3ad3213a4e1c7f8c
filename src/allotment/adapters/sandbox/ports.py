"""Loopback ports, chosen free at start."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterable, Mapping

from allotment.errors import UnreachableError

PORT_NAMES = (
    "etcd",
    "etcd-peer",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    "kueue",
    "kueue-metrics",
    "kueue-webhook",
    "kueue-visibility",
)
"""Every port of a sandbox; the component's own name is the port of its health endpoint."""

FIRST, LAST = 20000, 32000
"""Below Linux's range for outgoing connections (32768 on), so that no client connection takes a chosen port."""

_ATTEMPTS = 2000


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As Go's listeners do: connections in TIME_WAIT do not hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose(names: Iterable[str], rng: random.Random, free: Callable[[int], bool] = is_free) -> dict[str, int]:
    """A different free port for each name.

    Another process may take one before its server listens; the caller starts again with new ports then.

    Raises:
        UnreachableError: no free ports on this machine.
    """
    chosen: dict[str, int] = {}
    wanted = list(names)
    for _ in range(_ATTEMPTS):
        if len(chosen) == len(wanted):
            return chosen
        port = rng.randint(FIRST, LAST)
        if port not in chosen.values() and free(port):
            chosen[wanted[len(chosen)]] = port
    if len(chosen) == len(wanted):
        return chosen
    raise UnreachableError(
        f"only {len(chosen)} of {len(wanted)} ports are free between {FIRST} and {LAST}",
        why="a sandbox listens on one loopback port per server",
        fix="stop other servers or sandboxes (allot sandbox list) and try again",
    )


def reusable(ports: Mapping[str, int], free: Callable[[int], bool] = is_free) -> bool:
    """Whether the ports of an earlier start can be taken again, which keeps old kubeconfigs valid."""
    return set(ports) == set(PORT_NAMES) and all(free(port) for port in ports.values())
