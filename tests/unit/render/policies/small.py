"""A platform with everything that policies look at: a shared pool, a dedicated one, registries."""

from __future__ import annotations

from dataclasses import replace

from allotment.model.platform import Platform
from allotment.model.policy import PolicyName
from allotment.model.team import Isolation
from tests.unit.builders import cluster, cpu_flavor, flavor, node_pool, platform, team


def isolated() -> Platform:
    """Teams nlp and cv; cv has a pool of its own."""
    place = cluster(
        features=(),
        node_pools=(node_pool(), node_pool("cv-pool", dedicated_to="cv", flavor="a100-cv")),
        flavors=(flavor(), flavor("a100-cv", dedicated_to="cv"), cpu_flavor()),
    )
    declared = platform(clusters=(place,), teams=(team("nlp"), team("cv", isolation=Isolation.NODE_POOL)))
    return with_registries(declared, "registry.acme.example")


def with_registries(declared: Platform, *registries: str) -> Platform:
    """The same platform, trusting these registries."""
    policies = tuple(
        replace(policy, registries=registries) if policy.name is PolicyName.TRUSTED_REGISTRIES else policy
        for policy in declared.policies
    )
    return replace(declared, policies=policies)
