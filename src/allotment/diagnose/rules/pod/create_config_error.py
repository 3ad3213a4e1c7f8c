"""A container cannot be made: what it reads is not there or lacks a key, or its settings clash."""

from __future__ import annotations

import re
from typing import Final

from allotment.diagnose.amending import amended, changed_pods, runs
from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.pod.containers import Stuck, stuck
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference

_ABSENT: Final = re.compile(r'(?P<kind>configmap|secret) "(?P<name>[^"]+)" not found', re.IGNORECASE)
_KEY: Final = re.compile(
    r"couldn't find key (?P<key>\S+) in (?P<kind>ConfigMap|Secret) (?P<namespace>[^/\s]+)/(?P<name>\S+)"
)
_ROOT: Final = "runAsNonRoot"


def find(case: Case) -> Finding | None:
    """The kubelet's words for why it did not make the container."""
    for each in stuck(case):
        if each.reason != "CreateContainerConfigError":
            continue
        absent, lacks = _ABSENT.search(each.message), _KEY.search(each.message)
        if lacks is not None:
            kind, name, key = lacks["kind"], lacks["name"], lacks["key"]
            what = f"the {kind} {name} has no key {key}"
        elif absent is not None:
            kind = "ConfigMap" if absent["kind"].lower() == "configmap" else "Secret"
            name, key = absent["name"].rpartition("/")[2], ""
            what = f"the {kind} {name} does not exist"
        else:
            return _other(case, each)
        return Finding(
            "create-config-error",
            CauseVerdict.MISCONFIGURED,
            f"the container {each.status.name} of {each.pod.name} cannot be made: {what} in namespace "
            f"{each.pod.namespace}",
            facts={
                **each.facts(),
                "object": kind,
                "name": name,
                "key": key or None,
                "exists": lacks is not None,
                "message": each.message,
                "reason": each.reason,
            },
            evidence=(each.evidence("state.waiting.message", each.message),),
            proposals=(_made(case, each, kind, name, key), _without(case, kind, name)),
        )
    return None


def _made(case: Case, each: Stuck, kind: str, name: str, key: str) -> Proposal:
    target = Reference(api_version="v1", kind=kind, namespace=each.pod.namespace, name=name)
    what = (
        f"put the key {key} into the {kind} {name}" if key else f"create the {kind} {name} with the keys that are read"
    )
    return Proposal(
        RemedyKind.OTHER,
        Doer.USER,
        what,
        target,
        Patch(PatchOp.SIGNAL, {"kind": kind, "name": name, "key": key or "…"}),
        effect=runs(case.starting_pods),
    )


def _without(case: Case, kind: str, name: str) -> Proposal:
    target, _ = amended(case, {})
    return Proposal(
        RemedyKind.OTHER,
        Doer.USER,
        f"submit it again without what it reads from the {kind} {name}, or with optional: true",
        target,
        Patch(PatchOp.SIGNAL, {"without": f"{kind} {name}"}),
        cost=1,
    )


def _other(case: Case, each: Stuck) -> Finding:
    root = _ROOT in each.message
    proposal = (
        changed_pods(
            RemedyKind.OTHER,
            "say a user that is not root: securityContext.runAsUser 1000",
            case,
            {"securityContext": {"runAsUser": 1000}},
        )
        if root
        else Proposal(
            RemedyKind.OTHER,
            Doer.USER,
            "correct what the kubelet names",
            amended(case, {})[0],
            Patch(PatchOp.SIGNAL, {"message": each.message}),
        )
    )
    return Finding(
        "create-config-error",
        CauseVerdict.MISCONFIGURED,
        f"the container {each.status.name} of {each.pod.name} cannot be made: {quoted_message(each.message)}",
        facts={**each.facts(), "message": each.message, "reason": each.reason},
        evidence=(each.evidence("state.waiting.message", each.message),),
        proposals=(proposal,),
    )
