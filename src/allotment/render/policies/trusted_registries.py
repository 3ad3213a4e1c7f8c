"""Images come from the registries that the platform names; not rendered where it names none."""

from __future__ import annotations

from typing import Final

from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, quote, string_list
from allotment.render.policies.identities import binds_workloads, by_tenant, told_with
from allotment.render.policies.pod_template import ALL_CONTAINERS, DEBUGGED, WORKLOADS, each, field, pod_variables
from allotment.render.policies.trained import trained_variables


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule | None:
    """The rule for one cluster, or None where no registries are named."""
    if not policy.registries:
        return None
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=(*WORKLOADS, DEBUGGED),
        conditions=binds_workloads(platform, cluster),
        variables=(
            by_tenant(platform, cluster),
            *pod_variables(platform, "pods"),
            *trained_variables(),
            Variable("registries", string_list(prefixes(policy))),
        ),
        checks=(_check(policy),),
        told_with=told_with(),
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


_IMAGES: Final = (
    f'({ALL_CONTAINERS}.map(c, c.?image.orValue(""))'
    ' + p.spec.?volumes.orValue([]).filter(v, has(v.image)).map(v, v.image.?reference.orValue("")))'
)
# A path that climbs would leave the registry's folder that the prefix names.
_STRANGERS: Final = (
    f'{_IMAGES}.filter(i, i.contains("..") || !variables.registries.exists(prefix, i.startsWith(prefix)))'
)


# A trainer that names no image runs its runtime's.
_NAMED: Final = '(variables.pods + variables.trainers.filter(p, p.containers.all(c, c.image != "")))'


def _check(policy: Policy) -> Check:
    return Check(
        name="strangeImages",
        message="images come from the platform's registries",
        faults=each(
            f"size({_STRANGERS}) > 0",
            field("spec uses the image "),
            Expr(f"{_STRANGERS}[0]"),
            ", which is not from a trusted registry; use one of ",
            quote(", ".join(policy.registries)),
            among=_NAMED,
        ),
    )
