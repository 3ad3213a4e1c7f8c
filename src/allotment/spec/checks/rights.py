"""What one team may have beyond the others: rights that undo no guardrail, and exceptions that end.

Rights: a table of what is nobody's to give, each row with its reason. Reading is free but for secrets; of
subresources only the logs of pods and the scale of Deployments are plain enough to be given.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from allotment.model.team import Isolation, PodSecurityLevel
from allotment.spec.checks.context import Context, error, warning
from allotment.spec.declared import DeclaredDocument
from allotment.spec.problems import Issue, Path, echo
from allotment.spec.schema.base import KindSpec
from allotment.spec.schema.team import AccessRuleSpec, TeamSpec

_ROLES: Final = (("owner", "owners"), ("member", "members"), ("viewer", "viewers"), ("exec", "exec"))
"""Field of extraRules → field of groups."""

_READ: Final = frozenset({"get", "list", "watch"})
_CHANGE: Final = frozenset({"update", "patch"})
_WRITE: Final = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_ANY: Final = _READ | _WRITE

_PLAIN_SUBRESOURCES: Final = frozenset({("", "pods/log"), ("apps", "deployments/scale")})


@dataclass(frozen=True, slots=True)
class Reserved:
    """Rights that no role of a team is given.

    Attributes:
        resources: empty for all of the group.
        why: what they would undo, after "lets the role …".
    """

    group: str
    resources: frozenset[str]
    verbs: frozenset[str]
    why: str


def _reserved(group: str, resources: str, verbs: frozenset[str], why: str) -> Reserved:
    return Reserved(group, frozenset(resources.split()), verbs, why)


_OUTSIDE: Final = "reach beyond the team's namespaces: its objects lie in none"
_WALL: Final = "open the walls between namespaces, past the network policies"
_DOOR: Final = "open a door to the outside, past no-exposed-services"
_ADMITTED: Final = "change work that Kueue has admitted, and so what was charged"

RESERVED: Final = (
    _reserved("", "secrets", _ANY, "see credentials: those are the owners' alone, who have that right already"),
    _reserved("", "resourcequotas limitranges", _WRITE, "change the team's own quota and limits"),
    _reserved("", "namespaces", _WRITE, "change the marks by which policies know the team, or delete everything"),
    _reserved("", "serviceaccounts", _WRITE, "make accounts, and with them tokens that outlive the team"),
    _reserved("", "bindings", _ANY, "put pods on nodes, past the scheduler and the queue"),
    _reserved("", "nodes persistentvolumes componentstatuses", _ANY, _OUTSIDE),
    _reserved("", "endpoints", _WRITE, _WALL),
    _reserved("", "events", _WRITE, "write what only controllers report"),
    _reserved("events.k8s.io", "events", _WRITE, "write what only controllers report"),
    _reserved("", "pods", _CHANGE, _ADMITTED),
    _reserved("batch", "jobs", _CHANGE, _ADMITTED),
    _reserved("jobset.x-k8s.io", "jobsets", _CHANGE, _ADMITTED),
    _reserved("ray.io", "rayclusters rayjobs", _CHANGE, _ADMITTED),
    _reserved("trainer.kubeflow.org", "trainjobs", _CHANGE, _ADMITTED),
    _reserved("apps", "daemonsets", _WRITE, "run a pod on every node, past every queue"),
    _reserved("discovery.k8s.io", "", _WRITE, _WALL),
    _reserved("kueue.x-k8s.io", "", _WRITE, "change queues and workloads, by which Kueue keeps its books"),
    _reserved("visibility.kueue.x-k8s.io", "", _WRITE, "change queues and workloads, by which Kueue keeps its books"),
    _reserved("resource.k8s.io", "", _WRITE, "claim devices past the team's quota"),
    _reserved("autoscaling.k8s.io", "", _WRITE, "change what pods ask for after Kueue has charged them"),
    _reserved("autoscaling.x-k8s.io", "", _WRITE, "have nodes bought past the team's quota"),
    _reserved("rbac.authorization.k8s.io", "", _WRITE, "change roles: owners make some within their own rights"),
    _reserved("authorization.k8s.io", "", _ANY, "ask what other people may do"),
    _reserved("authentication.k8s.io", "", _ANY, "ask for tokens, or whose they are"),
    _reserved("networking.k8s.io", "networkpolicies", _WRITE, _WALL),
    _reserved("networking.k8s.io", "ingresses ingressclasses", _WRITE, _DOOR),
    _reserved("gateway.networking.k8s.io", "", _WRITE, _DOOR),
    _reserved("networking.istio.io", "", _WRITE, _DOOR),
    _reserved("multicluster.x-k8s.io", "", _WRITE, _DOOR),
    *(
        _reserved(group, "", _WRITE, _WALL)
        for group in (
            "cilium.io",
            "crd.projectcalico.org",
            "k8s.cni.cncf.io",
            "k8s.ovn.org",
            "policy.networking.k8s.io",
            "projectcalico.org",
        )
    ),
    *(
        _reserved(group, "", _ANY, _OUTSIDE)
        for group in (
            "admissionregistration.k8s.io",
            "apiextensions.k8s.io",
            "apiregistration.k8s.io",
            "certificates.k8s.io",
            "flowcontrol.apiserver.k8s.io",
            "node.k8s.io",
            "scheduling.k8s.io",
            "storage.k8s.io",
        )
    ),
)
"""Where a right that must never be given goes."""


def extra_rules_undo_no_guardrail(context: Context) -> Iterator[Issue]:
    """A rule is refused for the one right in it that would get past a guardrail."""
    for entry, path, rule in _rules(context):
        for at, name in enumerate(rule.resources):
            for group in rule.api_groups:
                why = _refusal(group, name, frozenset(rule.verbs))
                if why:
                    what = f"{echo(name)}{f' of {group}' if group else ''} lets the role {why}"
                    fix = "remove it, or leave only get, list and watch" if _readable(group, name) else "remove it"
                    yield error(entry, (*path, "resources", at), what, fix)


def extra_rules_give_something(context: Context) -> Iterator[Issue]:
    """A rule that names nothing gives nothing, and so does one for a role that nobody holds."""
    for entry, path, rule in _rules(context):
        for field, named in (("apiGroups", rule.api_groups), ("resources", rule.resources), ("verbs", rule.verbs)):
            if not named:
                yield error(entry, (*path, field), "the rule names none, so it gives nothing", "name one, or remove it")
    for entry in context.declared.teams:
        for role, groups in _ROLES:
            if getattr(entry.spec.extra_rules, role) and not getattr(entry.spec.groups, groups):
                what = f"no group has the role {echo(role)}, so its rules give nothing"
                yield warning(entry, ("extraRules", role), what, f"add a group under groups.{groups}, or remove them")


def _rules(context: Context) -> Iterator[tuple[DeclaredDocument[TeamSpec], Path, AccessRuleSpec]]:
    for entry in context.declared.teams:
        for role, _groups in _ROLES:
            for index, rule in enumerate(getattr(entry.spec.extra_rules, role)):
                yield entry, ("extraRules", role, index), rule


def _refusal(group: str, name: str, verbs: frozenset[str]) -> str:
    resource, slash, _subresource = name.partition("/")
    found = next((each for each in RESERVED if _covers(each, group, resource) and verbs & each.verbs), None)
    if found is not None:
        return found.why
    if slash and (group, name) not in _PLAIN_SUBRESOURCES:
        return _SUBRESOURCES.get((group, name), "do by a subresource what only controllers do")
    return ""


_SHELL: Final = "into running pods, which is the right of the groups under exec"
_SUBRESOURCES: Final = {
    ("", "pods/attach"): _SHELL,
    ("", "pods/binding"): "put pods on nodes, past the scheduler and the queue",
    ("", "pods/ephemeralcontainers"): _SHELL,
    ("", "pods/exec"): _SHELL,
    ("", "pods/portforward"): _SHELL,
    ("", "pods/proxy"): _WALL,
    ("", "pods/resize"): _ADMITTED,
    ("", "services/proxy"): _WALL,
}


def _covers(each: Reserved, group: str, resource: str) -> bool:
    return each.group == group and (not each.resources or resource in each.resources)


def _readable(group: str, name: str) -> bool:
    return "/" not in name and not _refusal(group, name, _READ)


def groups_are_the_identity_providers(context: Context) -> Iterator[Issue]:
    """Kubernetes' own groups hold everybody, every pod or whoever may do anything: nobody is meant by them."""
    for entry, path, group in _groups(context):
        if group.startswith("system:"):
            what = f"{echo(group)} is a group of Kubernetes itself, {_OWN_GROUPS.get(group, 'not of people')}"
            yield error(entry, path, what, "name a group of the identity provider")


_OWN_GROUPS: Final = {
    "system:authenticated": "which holds everybody who has logged in, and every pod",
    "system:masters": "which may do anything, past every check",
    "system:serviceaccounts": "which holds every pod of every team",
    "system:unauthenticated": "which holds everybody who has not logged in",
}


def groups_are_apart(context: Context) -> Iterator[Issue]:
    """Whoever is in two teams carries data from one to the other; engineers are held by no guardrail."""
    platform = context.declared.platform
    engineers = frozenset(platform.spec.admin_groups) if platform is not None else frozenset()
    first: dict[str, str] = {}
    for entry, path, group in _groups(context):
        if not isinstance(entry.spec, TeamSpec) or group.startswith("system:") or path[1] == "viewers":
            continue
        if group in engineers:
            what = f"{echo(group)} is among the engineers too (adminGroups), whom no guardrail holds"
            yield warning(entry, path, what, "name a group of the team's own people")
        elif first.setdefault(group, entry.spec.name) != entry.spec.name:
            what = f"{echo(group)} has rights in team {first[group]} too: what divides the teams does not divide them"
            yield warning(entry, path, what, "give each team a group of its own")


def _groups(context: Context) -> Iterator[tuple[DeclaredDocument[KindSpec], Path, str]]:
    """Every group that is given rights: the engineers', then each team's by role."""
    platform = context.declared.platform
    for index, group in enumerate(platform.spec.admin_groups if platform is not None else ()):
        if platform is not None:
            yield platform, ("adminGroups", index), group
    for entry in context.declared.teams:
        for _role, field in _ROLES:
            for index, group in enumerate(getattr(entry.spec.groups, field)):
                yield entry, ("groups", field, index), group


_NOTICE: Final = dt.timedelta(days=14)
"""So long before an exception ends it is told: work has to be changed until then."""


def exceptions_end(context: Context) -> Iterator[Issue]:
    """An exception that has lapsed, or is about to; and one that reaches further than its team."""
    for entry in context.declared.teams:
        given = entry.spec.pod_security
        if given is None:
            continue
        here = ("podSecurity", "until")
        if given.until < context.today:
            what = f"the exception lapsed on {given.until}: the team's namespaces are restricted again"
            yield warning(entry, here, what, "remove podSecurity, or give a later day")
            continue
        if given.until - context.today <= _NOTICE:
            what = f"the exception ends in {(given.until - context.today).days} days: then pods have to be restricted"
            yield warning(entry, here, what, "change the team's work until then, or give a later day")
        if given.level is PodSecurityLevel.PRIVILEGED and entry.spec.isolation not in _ALONE:
            what = "privileged pods can take over their node, and with it whatever other teams run there"
            yield warning(entry, ("podSecurity", "level"), what, "write baseline, or isolate the team by cluster")


_ALONE: Final = frozenset({Isolation.CLUSTER, Isolation.SUBSCRIPTION})


CHECKS: Final = (
    extra_rules_undo_no_guardrail,
    extra_rules_give_something,
    groups_are_the_identity_providers,
    groups_are_apart,
    exceptions_end,
)
