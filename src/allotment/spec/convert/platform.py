"""Everything together."""

from __future__ import annotations

from collections.abc import Mapping

from allotment.model.platform import AcceptedStranger, Gitops, Platform, StorageClassSpec
from allotment.model.policy import (
    USUAL_IDLE,
    IdlePolicy,
    Mode,
    Policy,
    PolicyName,
    Port,
    Priority,
    SharedService,
    SloTier,
)
from allotment.model.slurm.declared import DeclaredSlurm
from allotment.spec import defaults
from allotment.spec.convert.accelerators import accelerator_specs, accelerators
from allotment.spec.convert.approvals import approvals
from allotment.spec.convert.clusters import cluster
from allotment.spec.convert.granted import only_where_granted
from allotment.spec.convert.grants import grants, shifts
from allotment.spec.convert.placements import PlacementSite
from allotment.spec.convert.teams import team
from allotment.spec.declared import Declared
from allotment.spec.flavors import Flavors
from allotment.spec.identity import ids_of
from allotment.spec.schema.platform import ALWAYS_EXEMPT, PlatformSpec
from allotment.spec.schema.policy import PolicySpec, SharedServiceSpec
from allotment.spec.schema.slurm import SlurmClusterSpec


def platform(spec: PlatformSpec, declared: Declared, flavors: Mapping[str, Flavors]) -> Platform:
    """The model's platform.

    Args:
        spec: the document of kind Platform.
        declared: every document; the references between them have been checked.
        flavors: the flavors of every cluster, by its name.
    """
    specs, ids = accelerator_specs(declared), ids_of(declared)
    sites = {}
    for entry in declared.clusters:
        name = entry.spec.name
        placed = cluster(entry.spec, flavors[name], specs, ids, entry.source.file)
        sites[name] = PlacementSite(entry.spec, placed, flavors[name], specs)
    rungs = ladder(declared)
    default_rung = next((rung.name for rung in rungs if rung.default), "")
    default_class = default_storage_class(declared)
    granted = grants(declared, flavors)
    moved = shifts(granted)
    return Platform(
        name=spec.name,
        currency=spec.currency,
        admin_groups=spec.admin_groups,
        auditor_groups=spec.auditor_groups,
        accelerators=accelerators(specs, declared),
        clusters=tuple(site.cluster for site in sites.values()),
        slurms=tuple(_slurm(entry.spec) for entry in declared.slurms),
        teams=tuple(
            only_where_granted(team(entry.spec, sites, default_rung, default_class, moved), granted)
            for entry in declared.teams
        ),
        priorities=rungs,
        policies=_policies(declared),
        slo_tiers=slo_tiers(declared, rungs),
        shared_services=tuple(_service(entry.spec) for entry in declared.shared_services),
        storage_classes=_storage_classes(declared),
        exempt_namespaces=tuple(dict.fromkeys((*ALWAYS_EXEMPT, *spec.exempt_namespaces))),
        gitops=Gitops(spec.gitops.repository, spec.gitops.branch, spec.gitops.path),
        prove_image=spec.prove_image or "",
        help_page=spec.help_page or "",
        idle=_idle(spec),
        accepted=tuple(
            AcceptedStranger(entry.kind, entry.namespace, entry.name, entry.subjects, entry.reason, entry.until)
            for entry in spec.accepted
        ),
        approvals=approvals(declared, spec.admin_groups),
        grants=granted,
    )


def _slurm(spec: SlurmClusterSpec) -> DeclaredSlurm:
    return DeclaredSlurm(
        name=spec.name,
        folder=spec.folder,
        slurmrestd=spec.slurmrestd or "",
        accounts=dict(spec.accounts),
        partitions=dict(spec.partitions),
        qualities=dict(spec.qualities),
        classes=dict(spec.classes),
        images=dict(spec.images),
        description=spec.description,
    )


def _idle(spec: PlatformSpec) -> tuple[IdlePolicy, ...]:
    if spec.idle is None:
        return (USUAL_IDLE,)
    return tuple(
        IdlePolicy(each.name, frozenset(each.work), each.below, each.after, each.action, each.mode)
        for each in spec.idle
    )


def ladder(declared: Declared) -> tuple[Priority, ...]:
    """The ladder, highest first; the reference ladder where none is declared."""
    rungs = [
        Priority(entry.spec.name, entry.spec.value, entry.spec.preempts, entry.spec.default, entry.spec.description)
        for entry in declared.priorities
    ]
    return tuple(sorted(rungs, key=lambda rung: (-rung.value, rung.name))) or defaults.LADDER


def slo_tiers(declared: Declared, rungs: tuple[Priority, ...]) -> tuple[SloTier, ...]:
    """The service levels; the reference tiers where none is declared."""
    tiers = tuple(
        SloTier(
            name=entry.spec.name,
            latency_p99_ms=entry.spec.latency_p99,
            availability_ppm=entry.spec.availability,
            min_requests_per_second=entry.spec.min_requests_per_second,
            spot_allowed=entry.spec.spot_allowed,
            default_priority=entry.spec.default_priority,
        )
        for entry in declared.slo_tiers
    )
    return tiers or defaults.slo_tiers(rungs)


def default_storage_class(declared: Declared) -> str:
    """The directory's default StorageClass, or nothing where it has none."""
    return next((entry.spec.name for entry in declared.storage_classes if entry.spec.default), "")


def _policies(declared: Declared) -> tuple[Policy, ...]:
    specs = {entry.spec.name: entry.spec for entry in declared.policies}
    return tuple(_policy(name, specs.get(name), declared) for name in PolicyName)


def _policy(name: PolicyName, spec: PolicySpec | None, declared: Declared) -> Policy:
    mode = Mode.ENFORCE if spec is None else spec.mode
    return Policy(
        name=name,
        modes={entry.spec.name: entry.spec.overrides.policies.get(name, mode) for entry in declared.clusters},
        exempt_namespaces=() if spec is None else spec.exempt_namespaces,
        registries=() if spec is None else spec.registries,
        csi_drivers=() if spec is None else spec.csi_drivers,
    )


def _service(spec: SharedServiceSpec) -> SharedService:
    return SharedService(
        name=spec.name,
        direction=spec.direction,
        namespace=spec.namespace,
        pod_labels=dict(spec.pod_labels),
        cidrs=spec.cidrs,
        ports=tuple(Port(port.protocol, port.port) for port in spec.ports),
        description=spec.description,
    )


def _storage_classes(declared: Declared) -> tuple[StorageClassSpec, ...]:
    return tuple(
        StorageClassSpec(
            entry.spec.name,
            entry.spec.provisioner,
            dict(entry.spec.parameters),
            entry.spec.reclaim_policy,
            entry.spec.default,
        )
        for entry in declared.storage_classes
    )
