"""The catalogue: every guardrail, what it protects, the objects that implement it, and how to try to break it.

A new guardrail is a line here and a function that yields its probes. Each guardrail is checked twice: its objects are
as declared, and what it forbids is refused by it and by nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from allotment.model.manifest import Family, Manifest
from allotment.model.policy import PolicyName
from allotment.prove import admission, limits, queueing, reading, surroundings, tenancy, work
from allotment.prove.probes import OURSELVES, AsDeclared, MustHold, Probe
from allotment.prove.scene import (
    DEFAULTS_OBJECT,
    DeclaredCluster,
    Scene,
    elsewhere_object,
    policy_object,
    system_object,
    warning_object,
)


def _no_team_probes(_scene: Scene) -> Iterable[Probe]:
    return ()


def _no_platform_probes(_stage: DeclaredCluster) -> Iterable[Probe]:
    return ()


@dataclass(frozen=True, slots=True)
class Guardrail:
    """One guardrail.

    Attributes:
        protects: what it is for, in one clause.
        implements: whether a rendered object is part of it.
        in_team: its probes in a namespace of a team.
        on_platform: its probes outside of them.
    """

    id: str
    protects: str
    implements: Callable[[Manifest], bool]
    in_team: Callable[[Scene], Iterable[Probe]] = _no_team_probes
    on_platform: Callable[[DeclaredCluster], Iterable[Probe]] = _no_platform_probes


def _family(*families: Family) -> Callable[[Manifest], bool]:
    return lambda manifest: manifest.family in families


def _nothing(_manifest: Manifest) -> bool:
    return False


_POLICIES: Final = {
    PolicyName.GPU_REQUESTS_EQUAL_LIMITS: "accelerator nodes from work that forgot to ask for one",
    PolicyName.ACCELERATORS_ONLY_IN_TEAM_NAMESPACES: "accelerators from work without a team",
    PolicyName.PLACEMENT_REQUIRED: "nodes from work that is not meant for them",
    PolicyName.LABELS_REQUIRED: "the bill from work that nobody pays",
    PolicyName.QUEUE_REQUIRED: "quota and order from work past the queue",
    PolicyName.PRIORITY_FROM_LADDER: "others' work from being displaced by borrowed priority",
    PolicyName.NODE_POOL_ISOLATION: "a team's own nodes from other teams",
    PolicyName.NO_DIRECT_NODE_BINDING: "nodes from pods past the scheduler",
    PolicyName.MANAGED_OBJECTS_PROTECTED: "the platform's objects from the teams they bind",
    PolicyName.NO_NAMESPACE_ADOPTION: "existing namespaces from being claimed for a team",
    PolicyName.NO_EXPOSED_SERVICES: "the cluster from doors that teams open to the outside",
    PolicyName.TRUSTED_REGISTRIES: "nodes from images of unknown origin",
    PolicyName.REQUESTS_AS_CHARGED: "the accounts from templates that do not say what their pods take",
    PolicyName.WORK_FITS: "teams from work that waits for ever",
    PolicyName.POD_SECURITY_OF_TEMPLATES: "quota from work whose pods would be refused",
    PolicyName.SUBMITTER_KEPT: "people from work in their name",
    PolicyName.QUEUE_MARKS_PROTECTED: "quota from work that is charged for less than it runs",
    PolicyName.NO_SIDE_DOORS: "devices and secrets from pods that help themselves",
    PolicyName.ACCESS_WITHIN_TEAM: "a team's rights from people who are not of it",
    PolicyName.WORK_ENDS: "accelerators from work that holds them after its end",
}


_OBJECTS: Final = (policy_object, warning_object, system_object, elsewhere_object)
"""What a policy's objects are called."""


def _policy(name: PolicyName) -> Guardrail:
    return Guardrail(
        id=name.value,
        protects=_POLICIES[name],
        implements=lambda manifest: manifest.key.name in {shape(name) for shape in _OBJECTS},
        in_team=partial(admission.in_team, name),
        on_platform=partial(admission.on_platform, name),
    )


GUARDRAILS: Final[tuple[Guardrail, ...]] = (
    Guardrail(
        "roles",
        "every right that no role was given",
        lambda manifest: manifest.family is Family.RBAC and not reading.is_reading(manifest),
        tenancy.roles,
    ),
    Guardrail("own-namespace-only", "other teams and the cluster", _nothing, tenancy.own_namespace_only),
    Guardrail(
        "own-reading",
        "others' work from being read, and answers from knowing too little",
        reading.is_reading,
        reading.in_team,
        reading.on_platform,
    ),
    Guardrail("no-escalation", "rights from those who would widen them", _nothing, tenancy.no_escalation),
    Guardrail(
        "pod-security",
        "nodes from pods that leave their container",
        _family(Family.NAMESPACES),
        tenancy.pod_security,
    ),
    Guardrail(
        "service-account",
        "the API server from tokens nobody asked for",
        _family(Family.SERVICE_ACCOUNTS),
        tenancy.service_account,
    ),
    Guardrail("network-policies", "pods from pods of other teams", _family(Family.NETWORK_POLICIES), tenancy.network),
    Guardrail(
        "resource-quota",
        "the cluster from one team's appetite",
        _family(Family.RESOURCE_QUOTAS),
        limits.resource_quota,
    ),
    Guardrail("limit-range", "a team's quota from one greedy pod", _family(Family.LIMIT_RANGES), limits.limit_range),
    *(_policy(name) for name in PolicyName),
    Guardrail(
        "work-defaults",
        "teams from refusals that have only one right answer",
        lambda manifest: manifest.key.name == DEFAULTS_OBJECT,
        admission.filled_in,
    ),
    Guardrail(
        "priority-ladder",
        "production from everything below it",
        _family(Family.PRIORITY_CLASSES),
        queueing.ladder,
        queueing.workload_ladder,
    ),
    Guardrail("queues", "guarantees, borrowing and order", _family(Family.KUEUE), queueing.queues, queueing.counted),
    Guardrail("charges", "the accounts from work that takes more than it is charged", _nothing, work.charges),
    Guardrail("nodes", "admitted work from waiting for nodes that are not there", _nothing, on_platform=queueing.nodes),
    Guardrail(
        "surroundings",
        "all guardrails from what others put beside them",
        _nothing,
        surroundings.in_team,
        surroundings.on_platform,
    ),
    Guardrail("offboarded", "data of teams that leave from new work and old access", _nothing, tenancy.offboarded),
    Guardrail("good-work", "teams from guardrails that refuse too much", _nothing, queueing.good_work),
)


def probes(guardrail: Guardrail, here: DeclaredCluster, scenes: Iterable[Scene]) -> Iterator[tuple[str, Probe]]:
    """All probes of a guardrail with the team each belongs to (empty: the platform), platform first."""
    yield from (("", probe) for probe in _declared(guardrail, here, None))
    yield from (("", probe) for probe in guardrail.on_platform(here))
    for scene in scenes:
        team = scene.team.name
        if scene.is_first:
            yield from ((team, probe) for probe in _declared(guardrail, here, scene.team.id))
        yield from ((team, probe) for probe in guardrail.in_team(scene))


def _declared(guardrail: Guardrail, here: DeclaredCluster, team: str | None) -> Iterator[Probe]:
    keys = tuple(
        manifest.key for manifest in here.manifests if manifest.team == team and guardrail.implements(manifest)
    )
    if keys:
        many = f"{len(keys)} objects" if len(keys) > 1 else str(keys[0])
        yield Probe(
            tried="compare with the platform directory",
            object=many,
            persona=OURSELVES,
            attempt=AsDeclared(keys),
            expected=MustHold("as declared"),
        )
