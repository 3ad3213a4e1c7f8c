"""All policies of a cluster as objects: a ValidatingAdmissionPolicy and its binding for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.manifest import Family, Manifest
from allotment.model.platform import Platform
from allotment.model.policy import Mode, Policy, PolicyName
from allotment.render.objects import Shelf, Site
from allotment.render.policies import (
    accelerators_only_in_team_namespaces,
    access_within_team,
    filled_in,
    gpu_requests_equal_limits,
    labels_required,
    managed_objects_protected,
    no_direct_node_binding,
    no_exposed_services,
    no_namespace_adoption,
    no_side_doors,
    node_pool_isolation,
    placement_required,
    pod_security_of_templates,
    priority_from_ladder,
    queue_marks_protected,
    queue_required,
    requests_as_charged,
    submitter_kept,
    trusted_registries,
    work_ends,
    work_fits,
)
from allotment.render.policies.admission import (
    ADMISSION_API,
    NO_COMPANIONS,
    Condition,
    Rule,
    Scope,
    binding_spec,
    companions_of,
    object_name,
    policy_spec,
    warning_binding_spec,
    warning_name,
)
from allotment.render.policies.cel import string_list
from allotment.render.policies.identities import exempt_namespaces
from allotment.render.policies.mutating import Mutation, mutating_binding_spec, mutating_spec
from allotment.render.policies.oversized import judged_elsewhere

MakeRule = Callable[[Platform, Cluster, Policy], Rule | None]

RULES: Final[Mapping[PolicyName, MakeRule]] = {
    PolicyName.QUEUE_REQUIRED: queue_required.rule,
    PolicyName.LABELS_REQUIRED: labels_required.rule,
    PolicyName.REQUESTS_AS_CHARGED: requests_as_charged.rule,
    PolicyName.WORK_FITS: work_fits.rule,
    PolicyName.POD_SECURITY_OF_TEMPLATES: pod_security_of_templates.rule,
    PolicyName.GPU_REQUESTS_EQUAL_LIMITS: gpu_requests_equal_limits.rule,
    PolicyName.PLACEMENT_REQUIRED: placement_required.rule,
    PolicyName.NODE_POOL_ISOLATION: node_pool_isolation.rule,
    PolicyName.NO_DIRECT_NODE_BINDING: no_direct_node_binding.rule,
    PolicyName.PRIORITY_FROM_LADDER: priority_from_ladder.rule,
    PolicyName.TRUSTED_REGISTRIES: trusted_registries.rule,
    PolicyName.SUBMITTER_KEPT: submitter_kept.rule,
    PolicyName.NO_SIDE_DOORS: no_side_doors.rule,
    PolicyName.WORK_ENDS: work_ends.rule,
    PolicyName.QUEUE_MARKS_PROTECTED: queue_marks_protected.rule,
    PolicyName.ACCELERATORS_ONLY_IN_TEAM_NAMESPACES: accelerators_only_in_team_namespaces.rule,
    PolicyName.MANAGED_OBJECTS_PROTECTED: managed_objects_protected.rule,
    PolicyName.NO_NAMESPACE_ADOPTION: no_namespace_adoption.rule,
    PolicyName.NO_EXPOSED_SERVICES: no_exposed_services.rule,
    PolicyName.ACCESS_WITHIN_TEAM: access_within_team.rule,
}
"""Where a new policy goes: a file with a `rule` function, a name in `PolicyName`, a line here, at the place where a
reader of a refusal should come to it."""

MUTATIONS: Final[Mapping[PolicyName, Callable[[Platform, Cluster, Policy], Mutation]]] = {
    PolicyName.QUEUE_MARKS_PROTECTED: queue_marks_protected.mutation,
}
"""What the API server does first, for a rule that must know what was sent."""


def render_policies(platform: Platform, cluster: Cluster) -> Iterator[Manifest]:
    """The policies that the platform declares, with the mode each has in this cluster."""
    system = exempt_namespaces(platform, cluster)
    shelf = Site(platform, cluster, ()).shelf(Family.POLICIES)
    rules = [
        rule for policy in platform.policies if (rule := RULES[policy.name](platform, cluster, policy)) is not None
    ]
    rules = [replace(rule, only_warns_in=_only_warns_in(rule.policy, cluster, system)) for rule in rules]
    rules, elsewhere = _without_oversized(rules, platform, cluster)
    together = companions_of(_companions(rules, cluster))
    for rule in rules:
        policy, mode = rule.policy, rule.policy.modes[cluster.name]
        # What nobody may do to a namespace nobody may do to the system's: those hold more than any team's.
        spared = () if rule.scope is Scope.NAMESPACE_OBJECTS else system
        exempt = tuple(sorted({*spared, *policy.exempt_namespaces}))
        name, companions = object_name(policy), together if mode is Mode.ENFORCE and rule.told_with else NO_COMPANIONS
        yield shelf.clustered(
            (ADMISSION_API, "ValidatingAdmissionPolicy"),
            name,
            {"spec": policy_spec(rule, companions, platform.help_page)},
        )
        left_alone = tuple(sorted({*exempt, *rule.only_warns_in}))
        yield shelf.clustered(_BINDING, name, {"spec": binding_spec(rule, mode, left_alone)})
        if rule.only_warns_in:
            yield _warning(shelf, rule, cluster)
        if policy.name is PolicyName.MANAGED_OBJECTS_PROTECTED:
            for further, spec in managed_objects_protected.further_bindings(rule, mode, exempt):
                yield shelf.clustered(_BINDING, further, {"spec": spec})
        if cluster.mutating_policies and policy.name in MUTATIONS:
            yield from _mutating(shelf, MUTATIONS[policy.name](platform, cluster, policy), left_alone)
    if cluster.mutating_policies:
        filling_in = filled_in.mutation(platform, cluster)
        left_alone = tuple(sorted({*system, *cluster.warned}))
        yield from _mutating(shelf, replace(filling_in, conditions=(*filling_in.conditions, *elsewhere)), left_alone)


_BINDING: Final = (ADMISSION_API, "ValidatingAdmissionPolicyBinding")


def _only_warns_in(policy: Policy, cluster: Cluster, system: Iterable[str]) -> tuple[str, ...]:
    """Where a policy that refuses does not: nowhere, if a tenant could get out of its namespace by that."""
    if policy.modes[cluster.name] is not Mode.ENFORCE or not policy.may_only_warn:
        return ()
    return tuple(sorted({*cluster.warned} - {*system, *policy.exempt_namespaces}))


def _warning(shelf: Shelf, rule: Rule, cluster: Cluster) -> Manifest:
    kept = [name for name in rule.only_warns_in if name in cluster.kept_in_warn]
    note = {labels.KEPT_IN_WARN: ",".join(kept)} if kept else None
    return shelf.clustered(
        _BINDING, warning_name(rule.policy), {"spec": warning_binding_spec(rule, rule.only_warns_in)}, note
    )


def _mutating(shelf: Shelf, mutation: Mutation, exempt: tuple[str, ...]) -> Iterator[Manifest]:
    name = mutation.object_name
    yield shelf.clustered((ADMISSION_API, "MutatingAdmissionPolicy"), name, {"spec": mutating_spec(mutation)})
    yield shelf.clustered(
        (ADMISSION_API, "MutatingAdmissionPolicyBinding"), name, {"spec": mutating_binding_spec(mutation, exempt)}
    )


def _without_oversized(
    rules: Sequence[Rule], platform: Platform, cluster: Cluster
) -> tuple[list[Rule], tuple[Condition, ...]]:
    """The rules, those about work but one with a condition that leaves oversized work to that one; and the condition.

    Only where that one refuses, everywhere: nothing may be left to a rule that only warns.
    """
    refuses = any(
        rule.policy.name is PolicyName.WORK_FITS and rule.policy.refuses_everywhere_in(cluster.name) for rule in rules
    )
    elsewhere = (judged_elsewhere(platform, cluster),) if refuses else ()

    warned = next((rule.only_warns_in for rule in rules if rule.policy.name is PolicyName.WORK_FITS), ())

    def left_by(rule: Rule) -> tuple[Condition, ...]:
        if not rule.told_with or rule.policy.name is PolicyName.WORK_FITS:
            return ()
        # Where that one only warns, whatever refuses even so goes on looking.
        return elsewhere if rule.only_warns_in else tuple(_looked_at_in(warned, one) for one in elsewhere)

    return [replace(rule, conditions=(*rule.conditions, *left_by(rule))) for rule in rules], elsewhere


def _looked_at_in(namespaces: tuple[str, ...], condition: Condition) -> Condition:
    if not namespaces:
        return condition
    return replace(condition, expression=f"request.namespace in {string_list(namespaces)} || {condition.expression}")


_ORDER: Final = tuple(RULES)


def _companions(rules: Iterable[Rule], cluster: Cluster) -> tuple[Rule, ...]:
    """The rules whose faults a refusal tells together, in the order of `RULES`: what to do first comes first."""
    enforced = (rule for rule in rules if rule.told_with and rule.policy.modes[cluster.name] is Mode.ENFORCE)
    return tuple(_where_in_force(rule) for rule in sorted(enforced, key=lambda rule: _ORDER.index(rule.policy.name)))


def _where_in_force(rule: Rule) -> Rule:
    elsewhere = (*rule.policy.exempt_namespaces, *rule.only_warns_in)
    if not elsewhere:
        return rule
    return replace(rule, told_with=f"{rule.told_with} && !(request.namespace in {string_list(elsewhere)})")
