"""Kueue's own configuration, as far as it was seen: what decisions depend on, and what it does to requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from allotment.errors import shown
from allotment.model.moments import stretch
from allotment.model.observed.index import Index
from allotment.model.yaml_text import read_yaml
from allotment.scheduling.queueing.gates import SUPPORTED_VERSIONS
from allotment.scheduling.queueing.inputs import AdmissionFairSharing, EngineSettings, FairStrategy
from allotment.scheduling.snapshot.quantities import billionths
from allotment.scheduling.snapshot.uncounted import uncounted

CONFIG_MAP: Final = "kueue-system/kueue-manager-config"
_CONFIG_KEY: Final = "controller_manager_config.yaml"
_NAMESPACE: Final = "kueue-system"
ASSUMED_VERSION: Final = "0.19"
"""Where Kueue's Deployment was not seen: the latest release line."""
_SAMPLING: Final = 300_000
_DECISIVE_GATES: Final = frozenset(
    {
        "AdmissionFairSharing",
        "AdmissionGatedBy",
        "ConcurrentAdmission",
        "FairSharingPreemptWithinNominal",
        "FairSharingPrioritizeNonBorrowing",
        "FlavorFungibility",
        "FlavorFungibilityPreserveScanProgress",
        "PartialAdmission",
        "PrioritizePreemptorWorkloads",
        "PriorityBoost",
        "PrioritySortingWithinCohort",
        "QuotaCheckStrategy",
        "ReclaimablePods",
        "SchedulerLibraryIntegration",
        "SchedulingEquivalenceHashing",
        "TASBalancedPlacement",
        "TASHandleOverlappingFlavors",
        "TASProfileMixed",
        "TASRespectNodeAffinityPreferred",
        "TopologyAwareScheduling",
    }
)
"""Gates whose change would make Kueue decide otherwise than the twin, which has the defaults of each version."""


@dataclass(frozen=True, slots=True)
class Transformation:
    """A resource that Kueue counts as others.

    Attributes:
        retain: whether the resource itself still counts.
        multiply_by: a resource whose amount multiplies the outputs; empty = none.
        outputs: resource → amount for each unit, in billionths.
    """

    retain: bool
    multiply_by: str
    outputs: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class KueueSettings:
    """Kueue's configuration.

    Attributes:
        engine: what the engine needs of it.
        excluded_prefixes: resources that begin so do not count.
        transformations: by input resource.
        ignores_undeclared: resources that a ClusterQueue does not list are no obstacle.
        timestamp_of_eviction: one evicted because its pods were not ready queues from then on, not from its creation.
        blocks_admission: no workload is admitted while another one's pods are not ready.
        notes: what of it the twin does not model, or what was assumed.
        seen: whether it was read.
        uncounted: resources that do not count, as far as that shows in what was counted; only where it was not read.
    """

    engine: EngineSettings
    excluded_prefixes: tuple[str, ...] = ()
    transformations: Mapping[str, Transformation] | None = None
    ignores_undeclared: bool = False
    timestamp_of_eviction: bool = True
    blocks_admission: bool = False
    notes: tuple[str, ...] = ()
    seen: bool = True
    uncounted: frozenset[str] = frozenset()


def settings_of(index: Index) -> KueueSettings:
    """What was seen of Kueue's configuration, with its defaults for the rest."""
    notes: list[str] = []
    version = _version(index, notes)
    found = index.config_maps.get(CONFIG_MAP)
    text = found.data.get(_CONFIG_KEY, "") if found is not None else ""
    told = _parsed(text)
    seen = told is not None
    shares_written = any(queue.status.fair_sharing is not None for queue in index.objects.cluster_queues)
    fair = shares_written
    if told is None:
        told = {}
        how = (
            "but fair sharing on, because ClusterQueues have a share in their status (fairSharing)"
            if fair
            else "fair sharing off, because no ClusterQueue was seen with a share in its status"
        )
        notes.append(f"Kueue's configuration ({CONFIG_MAP}) was not seen: its defaults are taken, {how}")
        left_out = sorted(uncounted(index))
        if left_out:
            names = ", ".join(shown(each) for each in left_out)
            notes.append(f"{names}: asked for, and not among what Kueue has counted; taken to count nothing")
    else:
        fair = _fair(told)
    engine = EngineSettings(
        fair_sharing=fair,
        fair_strategies=_strategies(_part(told, "fairSharing")),
        version=version,
        admission_fair_sharing=_usage_based(told),
    )
    resources = _part(told, "resources")
    requeuing = _part(_part(told, "waitForPodsReady"), "requeuingStrategy")
    blocks = _part(told, "waitForPodsReady").get("blockAdmission") is True
    notes.extend(_unmodelled(told, blocks=blocks))
    return KueueSettings(
        engine=engine,
        excluded_prefixes=tuple(each for each in _list(resources, "excludeResourcePrefixes") if isinstance(each, str)),
        transformations=_transformations(resources),
        ignores_undeclared=resources.get("quotaCheckStrategy") == "IgnoreUndeclared",
        timestamp_of_eviction=requeuing.get("timestamp") != "Creation",
        blocks_admission=blocks,
        notes=tuple(notes),
        seen=seen,
        uncounted=frozenset() if seen else uncounted(index),
    )


def _parsed(text: str) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        told = read_yaml(text)
    except yaml.YAMLError:
        return None
    return told if isinstance(told, dict) else None


def _version(index: Index, notes: list[str]) -> str:
    for replicas in index.objects.replicas:
        if replicas.namespace != _NAMESPACE:
            continue
        for container in replicas.spec.template.spec.containers:
            image, _, tag = container.image.partition("@")[0].rpartition(":")
            if image.rpartition("/")[2] == "kueue" and tag:
                minor = ".".join(tag.lstrip("v").split(".")[:2])
                if minor in SUPPORTED_VERSIONS:
                    return minor
                nearest = _nearest(minor)
                notes.append(f"Kueue {shown(tag)} is not modelled: it is taken to decide as {nearest} does")
                return nearest
    notes.append(f"Kueue's version was not seen: it is taken to be {ASSUMED_VERSION}")
    return ASSUMED_VERSION


def _nearest(minor: str) -> str:
    try:
        wanted = tuple(int(part) for part in minor.split("."))
    except ValueError:
        return ASSUMED_VERSION
    known = [(tuple(int(part) for part in each.split(".")), each) for each in SUPPORTED_VERSIONS]
    return max((pair for pair in known if pair[0] <= wanted), default=min(known))[1]


def _fair(told: Mapping[str, Any]) -> bool:
    section = told.get("fairSharing")
    if not isinstance(section, dict):
        return "fairSharing" in told and section is None
    return section.get("enable") is not False  # `enable` is of v1beta1; later the section itself switches it on


def _strategies(section: Mapping[str, Any]) -> tuple[FairStrategy, ...]:
    known = {each.value: each for each in FairStrategy}
    return tuple(known[each] for each in _list(section, "preemptionStrategies") if each in known)


def _usage_based(told: Mapping[str, Any]) -> AdmissionFairSharing | None:
    if not isinstance(told.get("admissionFairSharing"), dict):
        return None
    section = _part(told, "admissionFairSharing")
    weights = _part(section, "resourceWeights")
    return AdmissionFairSharing(
        half_life=stretch(str(section.get("usageHalfLifeTime", "0s"))) or 0,
        sampling_interval=stretch(str(section.get("usageSamplingInterval", ""))) or _SAMPLING,
        resource_weights=tuple(
            (name, float(weight)) for name, weight in weights.items() if isinstance(weight, int | float)
        ),
    )


def _transformations(resources: Mapping[str, Any]) -> dict[str, Transformation]:
    found: dict[str, Transformation] = {}
    for each in _list(resources, "transformations"):
        if isinstance(each, dict) and isinstance(each.get("input"), str):
            outputs = _part(each, "outputs")
            found[each["input"]] = Transformation(
                retain=each.get("strategy") != "Replace",
                multiply_by=str(each.get("multiplyBy") or ""),
                outputs=tuple((name, billionths(_amount(amount))) for name, amount in outputs.items()),
            )
    return found


def _amount(value: Any) -> str:
    return "" if isinstance(value, bool) or value is None else str(value)


def _unmodelled(told: Mapping[str, Any], *, blocks: bool) -> list[str]:
    notes: list[str] = []
    gates = sorted(name for name in _part(told, "featureGates") if name in _DECISIVE_GATES)
    if gates:
        notes.append(f"feature gates set by hand are not modelled: {', '.join(gates)}")
    if _list(_part(told, "resources"), "deviceClassMappings"):
        notes.append("device classes counted as resources (deviceClassMappings) are not modelled")
    if blocks:
        notes.append("waitForPodsReady.blockAdmission is not modelled: admission may also wait for others' pods")
    if _usage_based(told) is not None:
        notes.append("the past use of LocalQueues (admissionFairSharing) is not known: their order may differ")
    return notes


def _part(told: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = told.get(key)
    return value if isinstance(value, dict) else {}


def _list(told: Mapping[str, Any], key: str) -> list[Any]:
    value = told.get(key)
    return value if isinstance(value, list) else []
