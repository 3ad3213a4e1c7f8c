"""The submitter has no right to create the object in the namespace."""

from __future__ import annotations

import re
from typing import Final

from allotment.diagnose.amending import sent_again, submitted_in
from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.submission.refused import bindings_that_allow, refused, role_of, told
from allotment.model.explanation import CauseVerdict, Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from allotment.model.observed.namespaced import Role, RoleBinding

_RBAC: Final = "rbac.authorization.k8s.io"
_SAYS: Final = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]*)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]*)")?'
)
_OVER_RIGHTS: Final = frozenset({"bind", "escalate", "impersonate"})
_ACCOUNT: Final = re.compile(r"system:serviceaccount:(?P<namespace>[^:]+):(?P<name>.+)")


def find(case: Case) -> Finding | None:
    """A 403 of the authoriser, which says who may not do what; never one of admission."""
    attempt = refused(case)
    said = _SAYS.search(attempt.message) if attempt is not None and attempt.code == 403 else None
    if said is None:
        return None
    user, verb, resource, group = said["user"], said["verb"], said["resource"], said["group"]
    namespace = said["namespace"] or case.namespace
    named = f"{resource}.{group}" if group else resource
    granted = bindings_that_allow(case, namespace, verb, group, resource)
    groups = sorted({each.name for binding in granted for each in binding.subjects if each.kind == "Group"})
    facts: dict[str, object] = {"user": user, "verb": verb, "resource": named, "namespace": namespace}
    if groups:
        facts["groups_that_may"] = groups
    may = f"; the group{'s' if len(groups) > 1 else ''} {', '.join(groups)} may" if groups else ""
    return told(
        case,
        "rbac-forbidden",
        CauseVerdict.MISCONFIGURED,
        f"{user} may not {verb} {named} in namespace {namespace}{may}",
        facts,
        (*_at_home(case, (verb, group, resource), user, namespace), *_asked(case, granted, user, namespace)),
    )


def _at_home(case: Case, right: tuple[str, str, str], user: str, refused_in: str) -> list[Proposal]:
    """Where the submitter may: known of the user by name, and of the groups only if it is who asks."""
    asker = case.snapshot.asker
    groups = set(asker.groups) if asker.user == user else set()
    homes = {
        binding.namespace
        for binding in bindings_that_allow(case, "", *right)
        for each in binding.subjects
        if (each.kind == "User" and each.name == user) or (each.kind == "Group" and each.name in groups)
    }
    return [
        submitted_in(case, home, RemedyKind.OTHER, f"submit it in namespace {home}, where {user} may", position)
        for position, home in enumerate(sorted(homes - {refused_in}))
    ]


def _asked(case: Case, granted: list[RoleBinding], user: str, namespace: str) -> list[Proposal]:
    account = _ACCOUNT.fullmatch(user)
    subject: dict[str, str] = {"kind": "User", "apiGroup": _RBAC, "name": user}
    if account is not None:
        subject = {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}
    # What is proposed is no more than others there have, and for the namespace that the subject is in.
    own = [binding for binding in granted if namespace == case.namespace]
    refs = [binding.role_ref for binding in own if (role := role_of(case, binding)) is not None and _is_modest(role)]
    found = []
    for position, (kind, name) in enumerate(dict.fromkeys((each.kind, each.name) for each in refs)):
        short = re.sub(r"[^a-z0-9.-]+", "-", (account["name"] if account else user.partition("@")[0]).lower()).strip(
            "-."
        )
        made = {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": f"{name}-{short or 'user'}", "namespace": namespace},
            "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": name},
            "subjects": [subject],
        }
        target = Reference(
            api_version=f"{_RBAC}/v1", kind="RoleBinding", namespace=namespace, name=f"{name}-{short or 'user'}"
        )
        found.append(
            Proposal(
                RemedyKind.ASK_PERMISSION,
                Doer.TEAM_OWNER,
                f"ask for the {kind} {name} in {namespace}: bind {user} to it",
                target,
                Patch(PatchOp.CREATE, made),
                effect=sent_again(case),
                cost=position,
            )
        )
    if found:
        return found
    return [
        Proposal(
            RemedyKind.ASK_PERMISSION,
            Doer.PLATFORM,
            f"ask for a role in namespace {namespace} that may create {case.reference.kind.lower()}s",
            None,
            Patch(PatchOp.SIGNAL, {"user": user, "namespace": namespace}),
        )
    ]


def _is_modest(role: Role) -> bool:
    """Whether a role is one of work: it gives neither everything nor rights over rights."""
    return not any(
        "*" in {*rule.verbs, *rule.resources, *rule.api_groups}
        or _RBAC in rule.api_groups
        or _OVER_RIGHTS & set(rule.verbs)
        for rule in role.rules
    )
