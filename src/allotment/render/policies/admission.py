"""What a rule is: the parts of a ValidatingAdmissionPolicy that differ from rule to rule, and its two objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from allotment.model import labels
from allotment.model.policy import Mode, Policy

ADMISSION_API: Final = "admissionregistration.k8s.io/v1"

_ACTIONS: Final[Mapping[Mode, tuple[str, ...]]] = {
    Mode.AUDIT: ("Audit",),
    Mode.WARN: ("Warn", "Audit"),
    Mode.ENFORCE: ("Deny", "Audit"),
}
"""Every mode leaves a trace in the API server's audit log; Deny and Warn exclude each other."""


class Scope(StrEnum):
    """Where a rule holds."""

    TEAM_NAMESPACES = "team-namespaces"
    OTHER_NAMESPACES = "other-namespaces"
    NAMESPACE_OBJECTS = "namespace-objects"


@dataclass(frozen=True, slots=True)
class Resources:
    """Kinds a rule looks at, in one API group."""

    group: str
    resources: tuple[str, ...]
    operations: tuple[str, ...] = ("CREATE", "UPDATE")
    versions: tuple[str, ...] = ("v1",)


@dataclass(frozen=True, slots=True)
class Condition:
    """A match condition: requests for which it is false are left alone, before anything else is evaluated."""

    name: str
    expression: str


@dataclass(frozen=True, slots=True)
class Variable:
    """A named CEL expression, evaluated at most once a request."""

    name: str
    expression: str


@dataclass(frozen=True, slots=True)
class Check:
    """What must hold.

    Attributes:
        expression: CEL that is true for a good object.
        message: the rule in one sentence, for when `explanation` cannot be evaluated.
        explanation: CEL text that names the field, its value and the fix.
    """

    expression: str
    message: str
    explanation: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One guardrail, ready to become objects."""

    policy: Policy
    scope: Scope
    resources: tuple[Resources, ...]
    conditions: tuple[Condition, ...]
    variables: tuple[Variable, ...]
    checks: tuple[Check, ...]


def object_name(policy: Policy) -> str:
    """Name of the policy's objects in the cluster; refusals quote it."""
    return f"{policy.name}.{labels.DOMAIN}"


def policy_spec(rule: Rule) -> Mapping[str, Any]:
    """Spec of the ValidatingAdmissionPolicy."""
    cluster_scoped = rule.scope is Scope.NAMESPACE_OBJECTS
    spec: dict[str, Any] = {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "matchPolicy": "Equivalent",
            "resourceRules": [_resource_rule(item, cluster_scoped=cluster_scoped) for item in rule.resources],
        },
        "matchConditions": [_named(item) for item in rule.conditions],
        "variables": [_named(item) for item in rule.variables],
        "validations": [
            {
                "expression": str(check.expression),
                "message": check.message,
                "messageExpression": str(check.explanation),
                "reason": "Forbidden",
            }
            for check in rule.checks
        ],
    }
    return {key: value for key, value in spec.items() if value}


def binding_spec(rule: Rule, mode: Mode, exempt_namespaces: tuple[str, ...]) -> Mapping[str, Any]:
    """Spec of the ValidatingAdmissionPolicyBinding: where the policy holds, and what it does with a violation."""
    return {
        "policyName": object_name(rule.policy),
        "validationActions": list(_ACTIONS[mode]),
        "matchResources": {
            "matchPolicy": "Equivalent",
            "namespaceSelector": _namespace_selector(rule.scope, exempt_namespaces),
        },
    }


def _named(item: Condition | Variable) -> dict[str, str]:
    # Plain strings leave this package: CEL source is a type of its own only inside.
    return {"name": item.name, "expression": str(item.expression)}


def _resource_rule(item: Resources, *, cluster_scoped: bool) -> dict[str, Any]:
    return {
        "apiGroups": [item.group],
        "apiVersions": list(item.versions),
        "operations": list(item.operations),
        "resources": list(item.resources),
        # Without a scope a rule on "*" would also meet cluster-scoped objects, which no namespace selector filters.
        "scope": "Cluster" if cluster_scoped else "Namespaced",
    }


def _namespace_selector(scope: Scope, exempt_namespaces: tuple[str, ...]) -> dict[str, Any]:
    expressions: list[dict[str, Any]] = []
    if scope is Scope.TEAM_NAMESPACES:
        expressions.append({"key": labels.TENANT, "operator": "Exists"})
    if scope is Scope.OTHER_NAMESPACES:
        expressions.append({"key": labels.TENANT, "operator": "DoesNotExist"})
    if exempt_namespaces:
        expressions.append(
            {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": list(exempt_namespaces)}
        )
    return {"matchExpressions": expressions} if expressions else {}
