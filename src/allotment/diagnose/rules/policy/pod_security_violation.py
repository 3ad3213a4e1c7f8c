"""The namespace's Pod Security level does not take the pods."""

from __future__ import annotations

import re
from typing import Any, Final

from allotment.diagnose.amending import amended, sent_again
from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import refusals
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference

_SAYS: Final = re.compile(r'violates PodSecurity "(?P<level>[a-z]+)(?::(?P<version>[^"]*))?": (?P<why>.*)', re.DOTALL)
_ENFORCE: Final = "pod-security.kubernetes.io/enforce"
_NAMES: Final = re.compile(r'"([^"]+)"')
_CONTAINER_FIXES: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("allowPrivilegeEscalation != false", {"allowPrivilegeEscalation": False}),
    ("unrestricted capabilities", {"capabilities": {"drop": ["ALL"], "add": None}}),
    ("non-default capabilities", {"capabilities": {"add": None}}),
    ("privileged (", {"privileged": False}),
)
"""What a violation says → what a container must say instead (pod-security-admission's checks)."""
_POD_FIXES: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("runAsNonRoot != true", {"securityContext": {"runAsNonRoot": True}}),
    ("seccompProfile", {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}),
    ("hostNetwork=true", {"hostNetwork": None}),
    ("hostPID=true", {"hostPID": None}),
    ("hostIPC=true", {"hostIPC": None}),
)
_BEYOND: Final = ("hostPath", "hostPort", "restricted volume types", "runAsUser=0", "procMount", "sysctl", "seLinux")
"""What no patch of ours can mend: it is what the pod is for, or a number only its author knows."""


def find(case: Case) -> Finding | None:
    """The refusal, as Pod Security admission words it; for a Job it comes when its pods are made."""
    for each in refusals(case):
        said = _SAYS.search(each.message)
        if said is None:
            continue
        level, why = said["level"], said["why"].strip()
        namespace = case.namespace_object
        now = namespace.metadata.labels.get(_ENFORCE) if namespace is not None else None
        if now is not None and now != level:
            return None
        at = Reference(api_version="v1", kind="Namespace", name=case.namespace)
        return Finding(
            "pod-security-violation",
            CauseVerdict.MISCONFIGURED,
            f"the namespace {case.namespace} takes only pods of the level {level}: {quoted_message(why)}",
            facts={"level": level, "namespace": case.namespace, "violations": why},
            evidence=(
                Evidence(each.object, each.field, each.message),
                *(() if now is None else (Evidence(at, f"metadata.labels[{_ENFORCE}]", now),)),
            ),
            confidence=each.sureness,
            # For the word of an event no guard is lowered.
            proposals=(_fixed(case, level, why), *(() if each.by_event else (_relaxed(case, level),))),
        )
    return None


def _fixed(case: Case, level: str, why: str) -> Proposal:
    spec: dict[str, Any] = {}
    contexts: dict[str, dict[str, Any]] = {}
    for says, change in _CONTAINER_FIXES:
        for part in re.findall(rf"{re.escape(says)}[^()]*\(?([^()]*)", why):
            for name in _named(case, part):
                contexts.setdefault(name, {}).update(change)
    for says, change in _POD_FIXES:
        if says in why:
            for key, value in change.items():
                spec[key] = {**spec.get(key, {}), **value} if isinstance(value, dict) else value
    for key in ("containers", "initContainers"):
        listed = [{"name": name, "securityContext": contexts[name]} for name in _names(case, key) if name in contexts]
        if listed:
            spec[key] = listed
    target, patch = amended(case, spec)
    if not spec or any(each in why for each in _BEYOND):
        patch = Patch(PatchOp.SIGNAL, patch.body)
    what = f"set the security context that the level {level} asks for"
    return Proposal(RemedyKind.FIX_POLICY_VIOLATION, Doer.USER, what, target, patch)


def _named(case: Case, part: str) -> list[str]:
    known = [*_names(case, "containers"), *_names(case, "initContainers")]
    named = [name for name in _NAMES.findall(part) if name in known]
    return named or known


def _names(case: Case, key: str) -> list[str]:
    return [
        container.name
        for part in case.to_come
        for container in (part.template.spec.containers if key == "containers" else part.template.spec.init_containers)
    ]


def _relaxed(case: Case, level: str) -> Proposal:
    lower = "baseline" if level == "restricted" else "privileged"
    return Proposal(
        RemedyKind.OTHER,
        Doer.PLATFORM,
        f"let the namespace {case.namespace} take pods of the level {lower}",
        Reference(api_version="v1", kind="Namespace", name=case.namespace),
        Patch(PatchOp.MERGE, {"metadata": {"labels": {_ENFORCE: lower}}}),
        effect=sent_again(case),
    )
