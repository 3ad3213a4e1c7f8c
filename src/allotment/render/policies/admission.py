"""What a rule is: the parts of a ValidatingAdmissionPolicy that differ from rule to rule, and its two objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from allotment.model import labels
from allotment.model.policy import Mode, Policy
from allotment.render.policies.cel import quote, string_list

ADMISSION_API: Final = "admissionregistration.k8s.io/v1"

ACTIONS: Final[Mapping[Mode, tuple[str, ...]]] = {
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
    """Kinds a rule looks at, in one API group: namespaced ones, or those of the whole cluster."""

    group: str
    resources: tuple[str, ...]
    operations: tuple[str, ...] = ("CREATE", "UPDATE")
    versions: tuple[str, ...] = ("v1",)
    cluster_scoped: bool = False


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
        name: of the variable that holds the faults; unique over all rules.
        faults: CEL list of sentences, one for each place where the object is at fault, each with the field, its value
            and the fix; empty for a good object.
        message: the rule in one sentence, for when the faults cannot be told.
        alone: whether it stands before all others: once it finds a fault nothing else is looked at.
    """

    name: str
    faults: str
    message: str
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One guardrail, ready to become objects.

    Attributes:
        told_with: CEL under which the faults that this rule finds are told together with those of other rules about
            the same object; empty for a rule that stands alone.
        only_warns_in: namespaces in which it warns of its own faults, and refuses nothing.
    """

    policy: Policy
    scope: Scope
    resources: tuple[Resources, ...]
    conditions: tuple[Condition, ...]
    variables: tuple[Variable, ...]
    checks: tuple[Check, ...]
    told_with: str = ""
    only_warns_in: tuple[str, ...] = ()

    @property
    def outside_of_these(self) -> str:
        """CEL, to go before a condition: not in a namespace in which the rule only warns."""
        return f"!(request.namespace in {string_list(self.only_warns_in)}) && " if self.only_warns_in else ""


def object_name(policy: Policy) -> str:
    """Name of the policy's objects in the cluster; refusals quote it."""
    return f"{policy.name}.{labels.DOMAIN}"


def warning_name(policy: Policy) -> str:
    """Name of the second binding, for the namespaces where the policy only warns."""
    return f"{object_name(policy)}-warn"


@dataclass(frozen=True, slots=True)
class Companions:
    """Rules whose faults each of them tells; made once, for it is the same text in every one of their policies.

    The API server shows one refusal of one policy only, and of several policies any: so each policy that refuses says
    everything that is wrong, and nobody has to come back eight times.

    Attributes:
        variables: of all these rules, by name, as the API has them.
        told: CEL list of all their faults, in the order of telling; empty for no rules.
    """

    variables: Mapping[str, dict[str, str]]
    told: str


NO_COMPANIONS: Final = Companions({}, "")


def companions_of(rules: Sequence[Rule]) -> Companions:
    """What these rules tell together, in their order."""
    told = " + ".join(f"({each.told_with} ? {_faults(each)} : [])" for each in rules)
    return Companions(_by_name(variable for each in rules for variable in _variables_of(each)), told)


def policy_spec(rule: Rule, companions: Companions = NO_COMPANIONS, page: str = "") -> Mapping[str, Any]:
    """Spec of the ValidatingAdmissionPolicy.

    Args:
        rule: what the policy enforces.
        companions: rules whose faults a refusal by this policy tells as well, this one included.
        page: URL of a page on how to submit work, which refusals of work name; empty for none.
    """
    spec: dict[str, Any] = {
        "failurePolicy": "Fail",
        "matchConstraints": match(rule.resources),
        "matchConditions": [named(item) for item in rule.conditions],
        "variables": _variables(rule, companions, page if rule.told_with else ""),
        "validations": [_validation(check, rule, page) for check in rule.checks],
    }
    return {key: value for key, value in spec.items() if value}


def _validation(check: Check, rule: Rule, page: str) -> dict[str, str]:
    before = "".join(f"size(variables.{first.name}) > 0 || " for first in rule.checks if first.alone)
    said = f"variables.{_REFUSAL}"
    if check.alone:
        before, said = "", f"string(variables.{check.name}[0]) + {quote(_pointer(page))}"
    return {
        "expression": f"{before}size(variables.{check.name}) == 0",
        "message": check.message,
        "messageExpression": said,
        "reason": "Forbidden",
    }


def binding_spec(rule: Rule, mode: Mode, exempt_namespaces: tuple[str, ...]) -> Mapping[str, Any]:
    """Spec of the ValidatingAdmissionPolicyBinding: where the policy holds, and what it does with a violation."""
    return {
        "policyName": object_name(rule.policy),
        "validationActions": list(ACTIONS[mode]),
        "matchResources": match_resources(namespace_selector(rule.scope, exempt_namespaces)),
    }


def match_resources(namespaces: Mapping[str, Any]) -> dict[str, Any]:
    """The `matchResources` of a binding: one value to the server, so with what it would fill in.

    Left out, each manager that applies the same would find the other's default to be another value.
    """
    return {"matchPolicy": "Equivalent", "namespaceSelector": namespaces, "objectSelector": {}}


def warning_binding_spec(rule: Rule, namespaces: tuple[str, ...]) -> Mapping[str, Any]:
    """Spec of the second binding: in these namespaces, and nowhere else, a violation is told and admitted."""
    return {
        "policyName": object_name(rule.policy),
        "validationActions": list(ACTIONS[Mode.WARN]),
        "matchResources": match_resources(namespace_selector(rule.scope, (), among=namespaces)),
    }


def _variables(rule: Rule, companions: Companions, page: str) -> list[dict[str, str]]:
    """All variables once, each before what uses it: the rules' own, the faults they find, and the refusal.

    Many small ones: the API server compiles a large expression in more than proportional time (measured on 1.36).
    """
    mine = _by_name(_variables_of(rule))
    for name in mine.keys() & companions.variables.keys():
        _check_same(name, mine[name], companions.variables[name])
    own = _faults(replace(rule, checks=tuple(check for check in rule.checks if not check.alone)))
    together = companions.told
    # A change of a subresource shows a part of the object only, a deletion none.
    whole = 'request.?subResource.orValue("") == "" && request.operation != "DELETE"'
    told = f"{rule.outside_of_these}{whole} ? {together} : {own}" if together else own
    last = (Variable("told", told), Variable("text", _TEXT), Variable(_REFUSAL, _shortened(_pointer(page))))
    return [*{**mine, **companions.variables}.values(), *map(named, last)]


def _variables_of(rule: Rule) -> Iterator[Variable]:
    yield from rule.variables
    yield from (Variable(check.name, check.faults) for check in rule.checks)


def _by_name(variables: Iterable[Variable]) -> dict[str, dict[str, str]]:
    known: dict[str, dict[str, str]] = {}
    for variable in variables:
        written = named(variable)
        _check_same(variable.name, known.setdefault(variable.name, written), written)
    return known


def _check_same(name: str, one: Mapping[str, str], other: Mapping[str, str]) -> None:
    if one != other:
        raise AssertionError(f"two rules give the variable {name} different meanings")


def _pointer(page: str) -> str:
    return f" (how to submit work: {page})" if page else ""


def _faults(rule: Rule) -> str:
    return " + ".join(f"variables.{check.name}" for check in rule.checks)


_REFUSAL: Final = "refusal"
_LONGEST: Final = 4500
"""Characters; the API server drops messages above 5,120 bytes."""

_TEXT: Final = (
    f"size(variables.told) == 1 ? string(variables.told[0]) : string(size(variables.told))"
    f" + {quote(' things to mend: • ')} + string(variables.told.join({quote(' • ')}))"
)


def _shortened(pointer: str) -> str:
    most = _LONGEST - len(pointer)
    shown = f"variables.text.size() > {most} ? variables.text.substring(0, {most}) + {quote(' …')} : variables.text"
    return f"({shown}) + {quote(pointer)}" if pointer else shown


def named(item: Condition | Variable) -> dict[str, str]:
    """A match condition or a variable, as the API has it."""
    # Plain strings leave this package: CEL source is a type of its own only inside.
    return {"name": item.name, "expression": str(item.expression)}


def resource_rule(item: Resources) -> dict[str, Any]:
    """One of the `resourceRules` of a policy or a binding."""
    return {
        "apiGroups": [item.group],
        "apiVersions": list(item.versions),
        "operations": list(item.operations),
        "resources": list(item.resources),
        # Without a scope a rule on "*" would also meet cluster-scoped objects, which no namespace selector filters.
        "scope": "Cluster" if item.cluster_scoped else "Namespaced",
    }


def match(resources: Iterable[Resources]) -> dict[str, Any]:
    """The `matchConstraints` of a policy."""
    return {
        "matchPolicy": "Equivalent",
        "resourceRules": [resource_rule(item) for item in resources],
    }


_NAME_LABEL: Final = "kubernetes.io/metadata.name"
"""Set by the API server, and nobody can forge it, unlike any other label of a namespace."""


def namespace_selector(
    scope: Scope, exempt_namespaces: tuple[str, ...], *, among: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The namespaces that a binding holds for; `among`: of these only."""
    expressions: list[dict[str, Any]] = []
    if scope is Scope.TEAM_NAMESPACES:
        expressions.append({"key": labels.TENANT, "operator": "Exists"})
    if scope is Scope.OTHER_NAMESPACES:
        expressions.append({"key": labels.TENANT, "operator": "DoesNotExist"})
    if exempt_namespaces:
        expressions.append({"key": _NAME_LABEL, "operator": "NotIn", "values": list(exempt_namespaces)})
    if among:
        expressions.append({"key": _NAME_LABEL, "operator": "In", "values": list(among)})
    return {"matchExpressions": expressions} if expressions else {}
