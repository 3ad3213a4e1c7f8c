"""MutatingAdmissionPolicies: what the API server fills in or takes out by itself, before anybody judges the request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from allotment.model import labels
from allotment.render.policies.admission import (
    Condition,
    Resources,
    Scope,
    Variable,
    match,
    match_resources,
    named,
    namespace_selector,
)


class Reinvocation(StrEnum):
    """Whether a policy looks again at an object that somebody else changed after it."""

    NEVER = "Never"
    IF_NEEDED = "IfNeeded"


@dataclass(frozen=True, slots=True)
class Mutation:
    """What is changed.

    Attributes:
        name: the part of its objects' names before our domain.
        patches: CEL lists of JSONPatch operations, applied one after the other.
    """

    name: str
    resources: tuple[Resources, ...]
    conditions: tuple[Condition, ...]
    variables: tuple[Variable, ...]
    patches: tuple[str, ...]
    reinvocation: Reinvocation

    @property
    def object_name(self) -> str:
        """Name of its objects in the cluster."""
        return f"{self.name}.{labels.DOMAIN}"


def escaped(key: str) -> str:
    """A key as a step of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def add(path: str, value: str) -> str:
    """CEL: the operation that adds a value; both are CEL."""
    return f'JSONPatch{{op: "add", path: {path}, value: {value}}}'


def remove(path: str) -> str:
    """CEL: the operation that takes a value out."""
    return f'JSONPatch{{op: "remove", path: {path}}}'


def mutating_spec(mutation: Mutation) -> Mapping[str, Any]:
    """Spec of the MutatingAdmissionPolicy."""
    spec: dict[str, Any] = {
        "failurePolicy": "Fail",
        "reinvocationPolicy": mutation.reinvocation.value,
        "matchConstraints": match(mutation.resources),
        "matchConditions": [named(one) for one in mutation.conditions],
        "variables": [named(one) for one in mutation.variables],
        "mutations": [
            {"patchType": "JSONPatch", "jsonPatch": {"expression": str(patch)}} for patch in mutation.patches
        ],
    }
    # The server stores no empty list, and Argo CD would find it missing for ever.
    return {key: value for key, value in spec.items() if value}


def mutating_binding_spec(mutation: Mutation, exempt_namespaces: tuple[str, ...]) -> Mapping[str, Any]:
    """Spec of the MutatingAdmissionPolicyBinding: where it holds."""
    return {
        "policyName": mutation.object_name,
        "matchResources": match_resources(namespace_selector(Scope.TEAM_NAMESPACES, exempt_namespaces)),
    }
