"""Teams, with their placements in the platform's order of clusters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from allotment.model.cluster import Environment
from allotment.model.names import tenant_name
from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.team import (
    AccessRule,
    Claim,
    Compute,
    Contact,
    ContainerDefaults,
    ExtraRules,
    Groups,
    Offboarding,
    Placement,
    PodLimits,
    PodSecurityException,
    Project,
    Storage,
    Team,
)
from allotment.spec import defaults
from allotment.spec.convert.grants import NO_SHIFT, Shift
from allotment.spec.convert.placements import PlacementSite, placement
from allotment.spec.identity import id_of
from allotment.spec.schema.team import (
    AccessRuleSpec,
    ComputeSpec,
    ExtraRulesSpec,
    PodSecuritySpec,
    StorageSpec,
    TeamSpec,
)


def team(
    spec: TeamSpec,
    sites: Mapping[str, PlacementSite],
    default_rung: str,
    default_class: str,
    shifts: Mapping[tuple[str, str], Shift],
) -> Team:
    """The model's team. Its references have been checked; clusters that are no site are left out.

    Args:
        spec: its document.
        sites: clusters by name.
        default_rung: of the ladder.
        default_class: StorageClass of claims that name none.
        shifts: what grants give and take, by team and cluster.
    """
    placements = tuple(
        placement(spec, site, shifts.get((spec.name, name), NO_SHIFT))
        for name, site in sites.items()
        if name in spec.placements
    )
    limits = spec.member_limits
    offboarding = spec.offboarding
    return Team(
        name=spec.name,
        id=id_of(spec),
        display_name=spec.display_name or spec.name,
        namespaces=namespaces_of(spec),
        groups=Groups(spec.groups.owners, spec.groups.members, spec.groups.viewers, spec.groups.exec),
        extra_rules=_extra_rules(spec.extra_rules),
        pod_security=_pod_security(spec.pod_security),
        member_limits=PodLimits(
            None if limits.cpu is None else MilliCpu(limits.cpu),
            None if limits.memory is None else Bytes(limits.memory),
            limits.accelerators,
        ),
        guests=spec.guests,
        container_defaults=ContainerDefaults(
            _compute(spec.container_defaults.requests), _compute(spec.container_defaults.limits)
        ),
        max_grace=spec.max_grace,
        isolation=spec.isolation,
        cost_center=spec.cost_center,
        environments=spec.environments or _environments(placements),
        projects=tuple(Project(p.name, p.cost_center or spec.cost_center) for p in spec.projects)
        or (Project(id_of(spec), spec.cost_center),),
        priorities=spec.priorities or (default_rung,),
        storage=_storage(spec.storage, default_class),
        image_pull_secrets=spec.image_pull_secrets,
        contacts=tuple(Contact(contact.kind, contact.address) for contact in spec.contacts),
        placements=placements,
        offboarding=None if offboarding is None else Offboarding(offboarding.keep_data_until),
    )


def namespaces_of(spec: TeamSpec) -> tuple[str, ...]:
    """The team's namespaces, named or not."""
    return spec.namespaces or (tenant_name(id_of(spec)),)


def _extra_rules(spec: ExtraRulesSpec) -> ExtraRules:
    return ExtraRules(*(_rules(rules) for rules in (spec.owner, spec.member, spec.viewer, spec.exec)))


def _rules(specs: Iterable[AccessRuleSpec]) -> tuple[AccessRule, ...]:
    return tuple(AccessRule(spec.api_groups, spec.resources, spec.verbs) for spec in specs)


def _pod_security(spec: PodSecuritySpec | None) -> PodSecurityException | None:
    return None if spec is None else PodSecurityException(spec.level, spec.reason, spec.until, spec.namespaces)


def _compute(spec: ComputeSpec) -> Compute:
    return Compute(
        None if spec.cpu is None else MilliCpu(spec.cpu), None if spec.memory is None else Bytes(spec.memory)
    )


def _environments(placements: Iterable[Placement]) -> tuple[Environment, ...]:
    return tuple(dict.fromkeys(placement.environment for placement in placements))


def _storage(spec: StorageSpec, default_class: str) -> Storage:
    asked = sum(claim.size for claim in spec.claims)
    total = max(defaults.STORAGE_TOTAL, asked) if spec.total is None else spec.total
    claims = (
        Claim(given.name, Bytes(given.size), given.storage_class or default_class, given.access_mode, given.namespaces)
        for given in spec.claims
    )
    return Storage(Bytes(total), tuple(claims))
