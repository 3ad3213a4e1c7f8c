"""The server process of this user on this machine, and servers elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn, Protocol

from allotment.ports.access_service import AccessService
from allotment.ports.audit_service import AuditService
from allotment.ports.cluster_service import ClusterService
from allotment.ports.event_service import EventService
from allotment.ports.job_service import JobService
from allotment.ports.log_lines import LogLookups
from allotment.ports.request_service import RequestService


class AskedServer(
    JobService, LogLookups, AccessService, RequestService, ClusterService, AuditService, EventService, Protocol
):
    """All that a server answers, on this machine or elsewhere."""


class JobServer(Protocol):
    """Where it is, whether or not it runs."""

    @property
    def service(self) -> AskedServer:
        """What it answers; `UnreachableError` where it does not run."""
        ...

    def spawn(self, words: Sequence[str]) -> int:
        """Start its process, which outlives this one; its id.

        Args:
            words: arguments of `python -m allotment.api`.
        """
        ...

    def runs(self, pid: int) -> bool:
        """Whether a process of that id is there."""
        ...

    def started_with(self, pid: int) -> tuple[str, ...] | None:
        """Arguments of a process of that id, whoever has started it; None where it is no server, or cannot be read."""
        ...

    def become(self, words: Sequence[str]) -> NoReturn:
        """Be its process from now on, for a service manager that watches it.

        Args:
            words: arguments of `python -m allotment.api`.
        """
        ...

    @property
    def log(self) -> str:
        """Path of its log."""
        ...

    def ended(self) -> str | None:
        """What the process that was spawned said when it ended; None while it runs."""
        ...
