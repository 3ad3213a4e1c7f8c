"""Objects that come with the source of a tool: where they lie in its Go module, and where in our cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from allotment.adapters.sandbox.versions import JOBSET, KARPENTER, KUBERAY, KUEUE, KWOK, LWS, TRAINER

KUEUE_MANIFESTS: Final = "kueue-manifests"
KWOK_STAGES: Final = "kwok-stages"
JOBSET_MANIFESTS: Final = "jobset-manifests"
LWS_MANIFESTS: Final = "lws-manifests"
RAY_KINDS: Final = "ray-kinds"
TRAINER_KINDS: Final = "trainer-kinds"
KARPENTER_KINDS: Final = "karpenter-kinds"


@dataclass(frozen=True, slots=True)
class ManifestSource:
    """One set of objects.

    Attributes:
        pins: folder below `gomodules` that pins the module; also the cache folder's first part.
        module: Go module path.
        version: pinned version, with the leading v.
        overlay: folder of the module that kustomize builds; empty where the files are taken as they lie.
        files: patterns of those files.
    """

    pins: str
    module: str
    version: str
    overlay: str = ""
    files: tuple[str, ...] = ()


SOURCES: Final[Mapping[str, ManifestSource]] = {
    KUEUE_MANIFESTS: ManifestSource("kueue", "sigs.k8s.io/kueue", KUEUE, "config/default"),
    KWOK_STAGES: ManifestSource(
        "kwok", "sigs.k8s.io/kwok", KWOK,
        files=tuple(
            f"kustomize/stage/{folder}/*.yaml" for folder in ("node/fast", "node/heartbeat-with-lease", "pod/fast")
        ),
    ),
    JOBSET_MANIFESTS: ManifestSource("jobset", "sigs.k8s.io/jobset", JOBSET, "config/default"),
    LWS_MANIFESTS: ManifestSource("lws", "sigs.k8s.io/lws", LWS, "config/default"),
    RAY_KINDS: ManifestSource(
        "kuberay", "github.com/ray-project/kuberay/ray-operator", KUBERAY,
        files=("config/crd/bases/ray.io_rayclusters.yaml", "config/crd/bases/ray.io_rayjobs.yaml"),
    ),
    TRAINER_KINDS: ManifestSource(
        "trainer", "github.com/kubeflow/trainer/v2", TRAINER, files=("manifests/base/crds/trainer.kubeflow.org_*.yaml",)
    ),
    KARPENTER_KINDS: ManifestSource(
        "karpenter", "sigs.k8s.io/karpenter", KARPENTER, files=("pkg/apis/crds/*.yaml", "kwok/apis/crds/*.yaml")
    ),
}  # fmt: skip

STANDARD_SETS: Final = (KUEUE_MANIFESTS, KWOK_STAGES)
"""What every sandbox is made from."""


def cached_manifests(cache: Path, name: str) -> Path:
    """Where the set of that name lies, parsed."""
    source = SOURCES[name]
    return cache / f"{source.pins}-{source.version}" / f"{name}.json"


def source_files(name: str, folder: Path) -> list[Path]:
    """The files of a set that no kustomize builds, in order.

    Args:
        name: the set.
        folder: the module's source.
    """
    found = [file for pattern in SOURCES[name].files for file in sorted(folder.glob(pattern))]
    return [file for file in found if file.name != "kustomization.yaml"]
