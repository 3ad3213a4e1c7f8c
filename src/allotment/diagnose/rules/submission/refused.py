"""What the rules of refused creations share: the refusal's words, and who may create what where."""

from __future__ import annotations

import re
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.model.explanation import CauseVerdict, Confidence, Evidence
from allotment.model.observed.namespaced import PolicyRule, Role, RoleBinding
from allotment.model.observed.snapshot import Submission

_NO_RESOURCE: Final = re.compile(r"must be a standard resource")
_IN_RESOURCES: Final = re.compile(r"resources\.(?:limits|requests)\[([^\]\s]{1,253})\]: Invalid value")


def refused(case: Case) -> Submission | None:
    """The attempt, if the subject's creation was refused."""
    return case.submission if case.subject is None else None


def unknown_resources(case: Case) -> tuple[str, ...]:
    """Names that the API server does not take for resources: ``gpu``, where only a device plugin's full name is one."""
    attempt = refused(case)
    if attempt is None or not _NO_RESOURCE.search(attempt.message):
        return ()
    return tuple(dict.fromkeys(_IN_RESOURCES.findall(attempt.message)))


def told(
    case: Case,
    cause: str,
    verdict: CauseVerdict,
    summary: str,
    facts: dict[str, object],
    proposals: tuple[Proposal, ...] = (),
    *,
    confidence: Confidence = Confidence.SURE,
) -> Finding:
    """A finding whose evidence is the refusal itself."""
    attempt = case.submission
    evidence = (
        () if attempt is None else (Evidence(case.reference, "message", attempt.message, f"code {attempt.code}"),)
    )
    return Finding(cause, verdict, summary, facts, evidence, confidence, proposals)


def allows(rule: PolicyRule, verb: str, group: str, resource: str) -> bool:
    """Whether a rule of a role gives a right on all objects of a resource."""
    return (
        not rule.resource_names
        and bool({verb, "*"} & set(rule.verbs))
        and bool({group, "*"} & set(rule.api_groups))
        and bool({resource, "*"} & set(rule.resources))
    )


def role_of(case: Case, binding: RoleBinding) -> Role | None:
    """The role that a binding gives."""
    named = binding.role_ref
    where = "" if named.kind == "ClusterRole" else binding.namespace
    return next(
        (each for each in case.index.objects.roles if each.name == named.name and each.namespace == where), None
    )


def bindings_that_allow(case: Case, namespace: str, verb: str, group: str, resource: str) -> list[RoleBinding]:
    """Bindings that give somebody a right in a namespace; those of the whole cluster are no part of it."""
    found = []
    for binding in case.index.objects.role_bindings:
        if namespace not in {"", binding.namespace} or not binding.namespace:
            continue
        role = role_of(case, binding)
        if role is not None and any(allows(rule, verb, group, resource) for rule in role.rules):
            found.append(binding)
    return found
