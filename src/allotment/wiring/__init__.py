"""The composition root: settings → ports, and nothing else. Which adapter stands behind a port is said here alone.

Each function imports what it needs when it is called, so that a command pays only for its own part; a test holds
what `--help` may import. What is done with ports is the business of `operations`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

__all__ = [
    "clock",
    "connect",
    "connect_by",
    "directory",
    "files",
    "metrics",
    "sandboxes",
    "scenario_files",
    "settings",
    "store",
    "this_run",
]

if TYPE_CHECKING:
    from allotment.ports.clock import Clock
    from allotment.ports.directory import DirectoryPort
    from allotment.ports.files import FilesPort
    from allotment.ports.kube import KubePort
    from allotment.ports.metrics import MetricsPort
    from allotment.ports.process import Run
    from allotment.ports.sandboxes import SandboxesPort
    from allotment.ports.scenario_files import ScenarioFilesPort
    from allotment.ports.settings import SettingsPort
    from allotment.ports.store import StorePlace


def clock() -> Clock:
    """Real time."""
    from allotment.adapters.clock import SystemClock

    return SystemClock()


def this_run(now: dt.datetime) -> Run:
    """This process, as whoever waits for it is told of it.

    Args:
        now: when it begins to act; part of its id.
    """
    from allotment.adapters.processes import this_run as known_as

    return known_as(now)


def settings(environment: Mapping[str, str]) -> SettingsPort:
    """The user's configuration file."""
    from allotment.adapters.settings_file import SettingsFile, config_path

    return SettingsFile(config_path(environment))


def files() -> FilesPort:
    """The file system."""
    from allotment.adapters import folders

    return folders


def directory(path: Path) -> DirectoryPort:
    """A platform directory, whether or not it is there yet."""
    from allotment.adapters import git
    from allotment.adapters.files.directory import FolderDirectory

    return FolderDirectory(path, git.revision)


def connect(kubeconfig: str, context: str) -> AbstractContextManager[KubePort]:
    """A client for an API server; nothing is sent yet. It closes when it is left.

    Args:
        kubeconfig: file; empty for KUBECONFIG and ~/.kube/config.
        context: context in it; empty for its current one.

    Raises:
        NotFoundError: no kubeconfig or no such context.
    """
    from allotment.adapters.kube.client import connect as connect_to

    return connect_to(files().user_path(kubeconfig) if kubeconfig else None, context or None)


def connect_by(load: Callable[[], Mapping[str, Any]]) -> AbstractContextManager[KubePort]:
    """The same, by a kubeconfig that lies in no file.

    Args:
        load: the kubeconfig, with one context.

    Raises:
        InputError: it cannot be used.
    """
    from allotment.adapters.kube.connected import connect_by as connected_by

    return connected_by(load)


def metrics(url: str) -> AbstractContextManager[MetricsPort]:
    """A client for a Prometheus; nothing is sent yet. It closes when it is left.

    Args:
        url: as the user gave it.

    Raises:
        UsageError: it is no address.
    """
    from allotment.adapters.prometheus.client import connect_metrics

    return connect_metrics(url)


def sandboxes(binaries: str | None = None) -> SandboxesPort:
    """The sandboxes of this user.

    Args:
        binaries: folder with the programs; None for where they are found, or built.

    Raises:
        InputError: there is no such folder.
    """
    from allotment.adapters.sandbox.store import default_store

    return default_store(_connect_once, folder=Path(binaries) if binaries else None)


def _connect_once(kubeconfig: Path) -> AbstractContextManager[KubePort]:
    """To a sandbox's own API server. No request is repeated: its launcher asks again, and looks whether it runs."""
    from allotment.adapters.kube.client import connect as connect_to
    from allotment.adapters.kube.transport import Patience
    from allotment.model.labels import SANDBOX_MANAGER

    return connect_to(kubeconfig, patience=Patience(attempts=1), manager=SANDBOX_MANAGER)


def scenario_files() -> ScenarioFilesPort:
    """Files of scenarios and traces that a user names."""
    from allotment.adapters.traces.files import TraceFiles

    folders = files()
    return TraceFiles(folders.user_path, folders.holds_platform)


def store(named: str) -> StorePlace:
    """Where jobs are kept; nothing is opened yet.

    Args:
        named: a path, or an address that begins with ``postgresql://``; empty for the usual file.

    Raises:
        UsageError: it is neither.
    """
    from allotment.adapters.store.places import place_of

    return place_of(named)
