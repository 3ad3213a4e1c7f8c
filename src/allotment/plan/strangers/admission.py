"""Admission that is not ours but holds our promises up: bindings of our policies, and Kueue's own webhooks, whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from allotment.model.manifest import Body, ObjectKey, key_of
from allotment.plan.selectors import matches
from allotment.plan.strangers.grounds import Grounds
from allotment.plan.strangers.stranger import Live, Stranger

_API_GROUP: Final = "admissionregistration.k8s.io"
_KUEUE: Final = "kueue.x-k8s.io"
_MUTATING: Final = "MutatingWebhookConfiguration"
_VALIDATING: Final = "ValidatingWebhookConfiguration"
_OWN_PATH: Final = "-kueue-x-k8s-io-"
_RESTORE: Final = "install Kueue's manifests again"


@dataclass(frozen=True, slots=True)
class _Needed:
    """A webhook of Kueue's without which it does not see work: by what it is asked about, whatever it is called."""

    group: str
    resource: str
    operations: frozenset[str]
    of_pods: bool = False
    """Only where plain pods queue."""


_NEW: Final = frozenset({"CREATE"})
_NEW_AND_CHANGED: Final = frozenset({"CREATE", "UPDATE"})

NEEDED: Final[Mapping[str, tuple[_Needed, ...]]] = {
    _MUTATING: (
        _Needed("batch", "jobs", _NEW),
        _Needed(_KUEUE, "clusterqueues", _NEW),
        _Needed(_KUEUE, "workloads", _NEW),
        _Needed("", "pods", _NEW, of_pods=True),
        _Needed("apps", "deployments", _NEW_AND_CHANGED, of_pods=True),
        _Needed("apps", "statefulsets", _NEW_AND_CHANGED, of_pods=True),
    ),
    _VALIDATING: (
        _Needed("batch", "jobs", _NEW_AND_CHANGED),
        _Needed(_KUEUE, "clusterqueues", _NEW_AND_CHANGED),
        _Needed(_KUEUE, "workloads", _NEW_AND_CHANGED),
        _Needed("", "pods", _NEW_AND_CHANGED, of_pods=True),
        _Needed("apps", "deployments", _NEW_AND_CHANGED, of_pods=True),
        _Needed("apps", "statefulsets", _NEW_AND_CHANGED, of_pods=True),
    ),
}


def bindings(live: Live, around: Grounds) -> Iterator[Stranger]:
    """Bindings of our policies that the platform does not declare."""
    for body in live.of_kinds("MutatingAdmissionPolicyBinding", "ValidatingAdmissionPolicyBinding"):
        policy = str((body.get("spec") or {}).get("policyName", ""))
        if policy in around.policies and key_of(body) not in around.declared:
            why = "the policy holds where, and with parameters that, the platform does not declare"
            yield Stranger(key_of(body), "", f"is not ours, and binds {policy}", why, "delete it")


def kueues_webhooks(live: Live, around: Grounds) -> Iterator[Stranger]:
    """Kueue's webhook configurations are there, with all webhooks it needs, and none of them narrowed."""
    for kind, needed in NEEDED.items():
        if kind not in live.objects or not live.of("ClusterQueue"):
            continue  # We may not look, or there is no Kueue (which is what the plan says then).
        found = tuple(body for body in live.of(kind) if is_kueues(body))
        key = key_of(found[0]) if found else ObjectKey(_API_GROUP, kind, "", _usual_name(kind))
        hooks = [hook for body in found for hook in body.get("webhooks") or ()]
        faults = [
            fault for one in needed if around.pods_queue or not one.of_pods for fault in _faults(one, hooks, around)
        ]
        if faults:
            why = "work that Kueue is not told of is not queued, and what it asks for not counted"
            yield Stranger(key, "", "; ".join(dict.fromkeys(faults)), why, _RESTORE)


def _usual_name(kind: str) -> str:
    return f"kueue-{'mutating' if kind == _MUTATING else 'validating'}-webhook-configuration"


def is_kueues(configuration: Body) -> bool:
    """By where it calls for Kueue's own kinds: other webhooks may look at those too, under any name."""
    services = (hook.get("clientConfig", {}).get("service") or {} for hook in configuration.get("webhooks") or ())
    return configuration["metadata"]["name"] == _usual_name(configuration["kind"]) or any(
        _OWN_PATH in str(service.get("path", "")) for service in services
    )


def _faults(needed: _Needed, hooks: list[Mapping[str, Any]], around: Grounds) -> Iterator[str]:
    what = f"{needed.resource}.{needed.group}" if needed.group else needed.resource
    asked = [hook for hook in hooks if _operations(needed, hook)]
    if not asked:
        yield f"has no webhook for {what}"
        return
    missing = needed.operations - frozenset[str]().union(*(_operations(needed, hook) for hook in asked))
    if missing:
        yield f"is not asked about {what} on {', '.join(sorted(missing))}"
    for hook in asked:
        for narrowed in _narrowed(hook, around):
            yield f"webhook {hook.get('name', '')} {narrowed}"


def _operations(needed: _Needed, hook: Mapping[str, Any]) -> frozenset[str]:
    found: set[str] = set()
    for rule in hook.get("rules") or ():
        if {needed.group, "*"} & set(rule.get("apiGroups") or ()) and {needed.resource, "*", "*/*"} & set(
            rule.get("resources") or ()
        ):
            operations = set(rule.get("operations") or ())
            found |= set(needed.operations) if "*" in operations else operations
    return frozenset(found) & needed.operations


def _narrowed(hook: Mapping[str, Any], around: Grounds) -> Iterator[str]:
    if hook.get("failurePolicy", "Fail") != "Fail":
        yield f"has failurePolicy {hook['failurePolicy']}"
    if hook.get("matchConditions"):
        yield f"has the match conditions {', '.join(item.get('name', '') for item in hook['matchConditions'])}"
    if not _selects_all(hook.get("objectSelector") or {}):
        yield "has an object selector"
    selector = hook.get("namespaceSelector") or {}
    passed = sorted(one.namespace for one in around.tenancies.values() if not matches(selector, one.labels))
    if passed:
        yield f"passes over namespace {', '.join(passed)}"


def _selects_all(selector: Mapping[str, Any]) -> bool:
    return not selector.get("matchLabels") and not selector.get("matchExpressions")
