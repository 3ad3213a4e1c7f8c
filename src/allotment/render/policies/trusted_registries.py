"""Images come from the registries that the platform names; not rendered where it names none."""

from __future__ import annotations

from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Resources, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, quote, sentence, string_list
from allotment.render.policies.identities import binds_all_but_engineers, binds_tenants, not_being_deleted
from allotment.render.policies.pod_template import WORKLOADS, field, pod_variables

_DEBUG = Resources("", ("pods/ephemeralcontainers",), operations=("UPDATE",))


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule | None:
    """The rule for one cluster, or None where no registries are named."""
    if not policy.registries:
        return None
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=(*WORKLOADS, _DEBUG),
        conditions=(binds_all_but_engineers(platform), binds_tenants(platform, cluster), not_being_deleted()),
        variables=(
            *pod_variables(platform, "at", "containers"),
            Variable("images", _IMAGES),
            Variable(
                "strangers", f"variables.images.filter(i, !{string_list(prefixes(policy))}.exists(p, i.startsWith(p)))"
            ),
        ),
        checks=(_check(policy),),
    )


def prefixes(policy: Policy) -> tuple[str, ...]:
    """What a trusted image begins with, sorted.

    A registry is matched up to a boundary: ``registry.example`` must not let ``registry.example.evil.test`` in. After
    a repository (it has a slash) a tag or a digest may follow as well.
    """
    found: set[str] = set()
    for registry in policy.registries:
        bare = registry.rstrip("/")
        found.add(f"{bare}/")
        if "/" in bare and bare == registry:
            found.update((f"{bare}:", f"{bare}@"))
    return tuple(sorted(found))


_IMAGES = (
    '(variables.containers + variables.spec.?ephemeralContainers.orValue([])).map(c, c.?image.orValue(""))'
    ' + variables.spec.?volumes.orValue([]).filter(v, has(v.image)).map(v, v.image.?reference.orValue(""))'
)


def _check(policy: Policy) -> Check:
    return Check(
        expression="size(variables.strangers) == 0",
        message="images come from the platform's registries",
        explanation=sentence(
            field("spec uses the image "),
            Expr("variables.strangers[0]"),
            ", which is not from a trusted registry; use one of ",
            quote(", ".join(policy.registries)),
        ),
    )
