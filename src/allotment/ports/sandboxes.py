"""Control planes on this machine: what one should be, and what it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from allotment.errors import InputError

RUN_FOR: Final = "allotment.dev/run-for"
"""Pod annotation: run this long (a Go duration such as "3s"), then succeed."""

FAIL_AFTER: Final = "allotment.dev/fail-after"
"""Pod annotation: run this long (a Go duration), then fail with exit code 1."""

DEFAULT_FRAMEWORKS: Final = ("batch/job", "pod", "deployment", "statefulset")
"""Kueue integrations whose kinds every Kubernetes API server has."""

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class FakeNode:
    """A node that exists only as an object; KWOK plays its kubelet.

    Attributes:
        name: node name.
        labels: labels beside `kubernetes.io/hostname`, `kubernetes.io/os`, `kubernetes.io/arch` and `type`.
        taints: (key, value, effect), as in `spec.taints`.
        allocatable: quantities by resource name; `pods` is 110 and `ephemeral-storage` 1Ti when not given. Capacity
            is the same.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[tuple[str, str, str], ...] = ()
    allocatable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KueueOptions:
    """The part of Kueue's Configuration that a platform decides.

    Attributes:
        frameworks: integrations beside those of the sandbox's extensions; only kinds that every API server has.
        fair_sharing: preempt by share of the cohort, with Kueue's two default strategies.
        manage_jobs_without_queue_name: also gate jobs that name no queue.
        managed_jobs_namespace_selector: a label selector; None keeps Kueue's default (all but the system's).
        extra: further top-level fields of `config.kueue.x-k8s.io/v1beta2` Configuration, taken as they are.
    """

    frameworks: tuple[str, ...] = DEFAULT_FRAMEWORKS
    fair_sharing: bool = False
    manage_jobs_without_queue_name: bool = False
    managed_jobs_namespace_selector: Mapping[str, object] | None = None
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """What `up` brings about.

    Attributes:
        name: a DNS label of at most 40 characters; also the state folder's name.
        nodes: the fake nodes; nodes of an earlier `up` that are missing here are removed.
        kueue: Kueue's configuration.
        context: context name in the kubeconfig; the sandbox's name when empty.
        fast_storage: etcd does not wait for the disk. Data survives a crash of any process, not of the machine.
        apiserver_flags: further flags of the API server, value by name without dashes; see `apiserver_flags.check`.
        extensions: names of `extensions.EXTENSIONS`.
        volumes: claims get volumes, which hold nothing; without it no claim of a class with a provisioner is bound.
    """

    name: str
    nodes: tuple[FakeNode, ...] = ()
    kueue: KueueOptions = field(default_factory=KueueOptions)
    context: str = ""
    fast_storage: bool = True
    apiserver_flags: Mapping[str, str] = field(default_factory=dict)
    extensions: tuple[str, ...] = ()
    volumes: bool = False

    @property
    def context_name(self) -> str:
        """The context that the kubeconfig offers."""
        return self.context or self.name

    def check(self) -> None:
        """Refuse a specification that cannot work.

        Raises:
            InputError: a name that is no DNS label, or two nodes of one name.
        """
        check_name(self.name)
        seen: set[str] = set()
        for node in self.nodes:
            if node.name in seen:
                raise InputError(
                    f"two fake nodes are called {node.name}",
                    why="node names are unique in a cluster",
                    fix="rename one of the node pools",
                )
            seen.add(node.name)


def check_name(name: str) -> None:
    """Refuse a sandbox name that is no DNS label.

    Raises:
        InputError: the name cannot be a folder and a context at once.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot name a sandbox",
            why="it becomes a folder, a context and a certificate name",
            fix="use at most 40 small letters, digits and hyphens, for example dev-eastus",
        )


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox.

    Attributes:
        name: its name.
        context: context name inside the kubeconfig.
        kubeconfig: file with the administrator's credentials.
        directory: state folder: data, keys, logs, audit log.
        ports: loopback port by use, for example `kube-apiserver`, `kueue-webhook`.
        pids: process id by component.
        binaries: path by tool, so that a caller can run the same kubectl.
        created: whether this call started it; False when it ran already.
    """

    name: str
    context: str
    kubeconfig: Path
    directory: Path
    ports: Mapping[str, int]
    pids: Mapping[str, int]
    binaries: Mapping[str, Path]
    created: bool

    @property
    def audit_log(self) -> Path:
        """The API server's audit log: one JSON event a line, all writes."""
        return self.directory / "logs" / "audit.log"


@dataclass(frozen=True, slots=True)
class ComponentStatus:
    """One process of a sandbox.

    Attributes:
        name: component, for example `kube-apiserver`.
        running: the process lives.
        ready: its health endpoint says so.
        pid: process id, None when it does not run.
        port: the loopback port it serves on.
        memory_bytes: resident set size; 0 when it does not run.
        log: its log file.
    """

    name: str
    running: bool
    ready: bool
    pid: int | None
    port: int
    memory_bytes: int
    log: Path


@dataclass(frozen=True, slots=True)
class SandboxStatus:
    """A sandbox as found.

    Attributes:
        name: its name.
        context: context name in its kubeconfig.
        components: in start order; empty when it never came to ports.
        age_seconds: since the processes were started.
        nodes: (node name, Ready) as the API server tells; empty when it does not answer.
        directory: state folder.
    """

    name: str
    context: str
    components: tuple[ComponentStatus, ...]
    age_seconds: float
    nodes: tuple[tuple[str, bool], ...]
    directory: Path

    @property
    def ready(self) -> bool:
        """All components run and answer, and every fake node is Ready."""
        return (
            bool(self.components)
            and all(part.running and part.ready for part in self.components)
            and all(is_ready for _, is_ready in self.nodes)
        )

    @property
    def memory_bytes(self) -> int:
        """Resident memory of all components together."""
        return sum(part.memory_bytes for part in self.components)


@dataclass(frozen=True, slots=True)
class Step:
    """Progress of a long piece of work.

    Attributes:
        number: this step, from 1.
        total: how many there are.
        what: what is being done, for example `build kube-apiserver v1.36.3`.
        elapsed_seconds: since this step began.
        done: the step has ended.
    """

    number: int
    total: int
    what: str
    elapsed_seconds: float
    done: bool = False


Progress = Callable[[Step], None]
"""Told about each step when it begins, about once a second while it lasts, and when it ends."""


def silent(step: Step) -> None:
    """A listener that does not care."""


class SandboxesPort(Protocol):
    """All sandboxes of this user."""

    def up(self, spec: SandboxSpec, *, progress: Progress = silent) -> Sandbox:
        """Bring one about, whatever state it is in; what extended it earlier stays until `down`.

        Raises:
            InputError: the specification cannot work.
            ConflictError: another command works on this sandbox.
            UnreachableError: a server ended, or sources could not be fetched.
            TimedOutError: not ready in time.
        """
        ...

    def down(self, name: str, *, progress: Progress = silent) -> bool:
        """Stop one and remove all its files; whether there was anything. Fine to repeat, and on a half-made one."""
        ...

    def status(self, name: str) -> SandboxStatus:
        """How one is.

        Raises:
            NotFoundError: there is none of that name.
        """
        ...

    def list(self) -> tuple[str, ...]:
        """The names of all."""
        ...

    def kubeconfig(self, name: str) -> Path:
        """The kubeconfig of one.

        Raises:
            NotFoundError: there is none of that name, or it never came that far.
        """
        ...

    def programs(self, extensions: Iterable[str] = (), *, progress: Progress = silent) -> Mapping[str, Path]:
        """The programs by name, built where they are missing; no sandbox is touched.

        Raises:
            InputError: no such extension.
            UnreachableError: sources could not be fetched.
        """
        ...
