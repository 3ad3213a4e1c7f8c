"""Loopback ports, chosen free at start."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from allotment.errors import UnreachableError

PORT_NAMES: Final = (
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
"""Every port of a sandbox without extensions; the component's own name is the port of its health endpoint."""

FIRST: Final = 20000
LAST: Final = 32000
"""Below Linux's range for outgoing connections (32768 on), so that no client connection takes a chosen port."""

_ATTEMPTS: Final = 2000


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


def renewed(
    names: Iterable[str], earlier: Mapping[str, int], rng: random.Random, free: Callable[[int], bool] = is_free
) -> dict[str, int]:
    """The ports of an earlier start where they can be taken again, which keeps old kubeconfigs valid; else new ones.

    Args:
        names: ports wanted; one that the earlier start had not is chosen beside those that stay.
        earlier: its ports by name.
        rng: source of port numbers.
        free: see `is_free`.

    Raises:
        UnreachableError: no free ports on this machine.
    """
    wanted = tuple(names)
    kept = {name: earlier[name] for name in wanted if name in earlier}
    if not set(PORT_NAMES) <= set(kept) or not all(free(port) for port in kept.values()):
        return choose(wanted, rng, free)
    added = [name for name in wanted if name not in kept]
    taken = set(kept.values())
    return {**kept, **choose(added, rng, lambda port: port not in taken and free(port))}
