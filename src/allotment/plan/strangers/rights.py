"""RBAC rules as sets of rights: does one role lie within another, and what does a role give that matters?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any, Final

Rule = Mapping[str, Any]

_ANY: Final = "*"
_READ: Final = frozenset({"get", "list", "watch"})
_WRITE: Final = ("create", "update", "patch", "delete", "deletecollection")
_RBAC: Final = "rbac.authorization.k8s.io"

POWERS: Final[tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...]] = (
    ("secrets", "", ("secrets",), ("get", "list", "watch")),
    ("nodes/proxy", "", ("nodes/proxy",), ("get", "create", "update", "patch", "delete")),
    ("nodes", "", ("nodes",), _WRITE),
    ("namespaces", "", ("namespaces",), _WRITE),
    ("impersonation", "", ("users", "groups", "serviceaccounts"), ("impersonate",)),
    ("impersonation", "authentication.k8s.io", ("users", "groups", "serviceaccounts"),
     ("impersonate:user-info", "impersonate:serviceaccount")),
    ("tokens of service accounts", "", ("serviceaccounts/token",), ("create",)),
    ("exec into pods", "", ("pods/exec", "pods/attach", "pods/portforward"), ("create", "get")),
    ("exec into pods", "", ("pods/ephemeralcontainers",), ("update", "patch")),
    ("pods", "", ("pods",), ("create",)),
    ("quotas and limits", "", ("resourcequotas", "limitranges"), _WRITE),
    ("network policies", "networking.k8s.io", ("networkpolicies",), _WRITE),
    ("roles and bindings", _RBAC, ("roles", "rolebindings", "clusterroles", "clusterrolebindings"),
     (*_WRITE, "bind", "escalate")),
    ("queues", "kueue.x-k8s.io",
     ("clusterqueues", "cohorts", "localqueues", "resourceflavors", "workloads"), _WRITE),
    ("admission", "admissionregistration.k8s.io",
     ("mutatingadmissionpolicies", "mutatingadmissionpolicybindings", "mutatingwebhookconfigurations",
      "validatingadmissionpolicies", "validatingadmissionpolicybindings", "validatingwebhookconfigurations"), _WRITE),
)  # fmt: skip
"""What a right is good for, in a word: group, resources, verbs, any of which gives it."""

AGGREGATED: Final[Mapping[str, frozenset[str]]] = {
    "view": frozenset(),
    "edit": frozenset(
        {"exec into pods", "impersonation", "network policies", "pods", "secrets", "tokens of service accounts"}
    ),
    "admin": frozenset(
        {
            "exec into pods", "impersonation", "network policies", "pods", "roles and bindings", "secrets",
            "tokens of service accounts",
        }
    ),
}  # fmt: skip
"""What Kubernetes' own roles for people give from the start; more than that was added."""

_REVIEWS: Final = frozenset({"authentication.k8s.io", "authorization.k8s.io"})
_SELF: Final = "self"


def within(rules: Iterable[Rule], held: Iterable[Rule]) -> bool:
    """Whether whoever holds `held` could hand all of `rules` on by himself."""
    held = tuple(held)
    return all(any(_gives(one, *right, rule) for one in held) for rule in rules for right in _rights(rule))


def gives(rules: Iterable[Rule], group: str, resource: str, verb: str) -> bool:
    """Whether they give one right on all objects of a resource."""
    return any(_gives(rule, group, resource, verb, {}) for rule in rules)


def powers(rules: Iterable[Rule]) -> tuple[str, ...]:
    """What the rules give that matters, each once, in the order of the table; ``everything`` stands alone."""
    rules = tuple(rules)
    if any(_gives(rule, _ANY, _ANY, _ANY) for rule in rules):
        return ("everything",)
    found = (
        word
        for word, group, resources, verbs in POWERS
        if any(_gives(rule, group, *right) for rule in rules for right in product(resources, verbs))
    )
    return tuple(dict.fromkeys(found))


def writes(rules: Iterable[Rule]) -> bool:
    """Whether anything can be changed by them."""
    return any(set(rule.get("verbs") or ()) - _READ for rule in rules)


def harmless(rules: Iterable[Rule]) -> bool:
    """Whether they only tell what the server is, and what one may do oneself: what everybody may ask."""
    return all(_asks_only(rule) for rule in rules)


def _asks_only(rule: Rule) -> bool:
    if rule.get("nonResourceURLs"):
        return set(rule.get("verbs") or ()) <= {"get", "head", "options"}
    return set(rule.get("apiGroups") or ()) <= _REVIEWS and all(
        str(resource).startswith(_SELF) for resource in rule.get("resources") or ()
    )


def _rights(rule: Rule) -> Iterator[tuple[str, str, str]]:
    yield from product(rule.get("apiGroups") or (), rule.get("resources") or (), rule.get("verbs") or ())


def _gives(rule: Rule, group: str, resource: str, verb: str, asked: Rule | None = None) -> bool:
    names = rule.get("resourceNames")
    if names and asked is not None and not (asked.get("resourceNames") and set(asked["resourceNames"]) <= set(names)):
        return False
    resources = rule.get("resources") or ()
    below = f"{_ANY}/{resource.partition('/')[2]}" if "/" in resource else _ANY
    return (
        bool({group, _ANY} & set(rule.get("apiGroups") or ()))
        and bool({resource, _ANY, below} & set(resources))
        and bool({verb, _ANY} & set(rule.get("verbs") or ()))
    )
