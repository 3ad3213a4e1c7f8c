"""What the fake API server knows of the real one's schema: merge structure, defaults, canonical forms.

Only what the kinds that Allotment renders need. The contract tests run the same cases against a real API server, so
a wrong line here shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from allotment.model.quantity import parse_quantity

ATOMIC_MAPS: Final = frozenset(
    {"matchConstraints", "matchResources", "namespaceSelector", "nodeSelector", "objectSelector", "podSelector"}
    | {"roleRef", "selector"}
)
"""Fields that are replaced as a whole though they are maps."""

LIST_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "containers": ("name",),
    "env": ("name",),
    "initContainers": ("name",),
    "matchConditions": ("name",),
    "ownerReferences": ("uid",),
    "secrets": ("name",),
    "variables": ("name",),
    "volumes": ("name",),
}
"""Lists that merge by key; every other list of maps is atomic."""

SETS: Final = frozenset({"finalizers", "validationActions"})

CLUSTER_SCOPED: Final = frozenset(
    {
        "AdmissionCheck", "ClusterQueue", "ClusterRole", "ClusterRoleBinding", "Cohort", "CustomResourceDefinition",
        "Namespace", "Node", "PriorityClass", "ResourceFlavor", "StorageClass", "Topology",
        "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding", "WorkloadPriorityClass", "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    }
)  # fmt: skip

_QUANTITIES: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "ResourceQuota": (("spec", "hard"),),
    "LimitRange": (("spec", "limits", "*", "default"), ("spec", "limits", "*", "defaultRequest")),
    "PersistentVolumeClaim": (("spec", "resources", "requests"),),
}


def completed(body: dict[str, Any]) -> dict[str, Any]:
    """The object as the server stores it: defaults filled in, quantities canonical, empty lists dropped."""
    kind = body["kind"]
    for path in _QUANTITIES.get(kind, ()):
        for amounts in _at(body, path):
            amounts.update({name: _canonical(value) for name, value in amounts.items()})
    if kind == "NetworkPolicy":
        spec = body.get("spec", {})
        for name in [name for name in ("ingress", "egress") if spec.get(name) == []]:
            del spec[name]
        for port in [
            *_at(body, ("spec", "egress", "*", "ports", "*")),
            *_at(body, ("spec", "ingress", "*", "ports", "*")),
        ]:
            port.setdefault("protocol", "TCP")
    elif kind in {"RoleBinding", "ClusterRoleBinding"}:
        for subject in body.get("subjects") or ():
            if subject["kind"] in {"User", "Group"}:
                subject.setdefault("apiGroup", "rbac.authorization.k8s.io")
    elif kind == "Namespace":
        body["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = body["metadata"]["name"]
        body.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
        body.setdefault("status", {"phase": "Active"})
    elif kind.removesuffix("Binding") in {"MutatingAdmissionPolicy", "ValidatingAdmissionPolicy"}:
        _complete_matching(body)
    elif kind in {"LocalQueue", "ClusterQueue"} and body["apiVersion"].startswith("kueue.x-k8s.io/"):
        body.setdefault("spec", {}).setdefault("stopPolicy", "None")
    return body


def _complete_matching(body: dict[str, Any]) -> None:
    for name in ("matchConstraints", "matchResources"):
        for match in _at(body, ("spec", name)):
            match.setdefault("matchPolicy", "Equivalent")
            match.setdefault("namespaceSelector", {})
            match.setdefault("objectSelector", {})
            for rule in match.get("resourceRules") or ():
                rule.setdefault("scope", "*")


def _at(node: Any, path: tuple[str, ...]) -> list[dict[str, Any]]:
    """All maps at a path; ``*`` goes through a list."""
    found = [node]
    for part in path:
        if part == "*":
            found = [item for items in found if isinstance(items, list) for item in items]
        else:
            found = [item[part] for item in found if isinstance(item, dict) and part in item]
    return [item for item in found if isinstance(item, dict)]


def _canonical(value: Any) -> str:
    amount = parse_quantity(str(value))
    if amount.denominator == 1 and str(value)[-1:].isalpha() and str(value)[-1] != "m":
        return str(value)
    return str(amount.numerator) if amount.denominator == 1 else f"{int(amount * 1000)}m"
