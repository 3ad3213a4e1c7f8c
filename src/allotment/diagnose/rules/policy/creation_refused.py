"""The object, or the newest of its pods, was refused for a reason that no other cause knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import refusals
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.work import Owner

_RECOMPUTED: Final = tuple(
    (re.compile(words), kinds)
    for words, kinds in (
        (r"violates PodSecurity", ("namespaces",)),
        (r"exceeded quota|failed quota", ("resourcequotas", "limitranges", "pods")),
        (r"usage per|to request ratio", ("limitranges",)),
        (r"ValidatingAdmissionPolicy", ("validatingadmissionpolicies", "validatingadmissionpolicybindings")),
        (r"serviceaccount \"|service account", ("serviceaccounts",)),
        (r"PriorityClass", ("priorityclasses",)),
    )
)
"""Words of causes that are recomputed, and from which kinds."""
_PASSING: Final = re.compile(
    r"etcdserver: |request did not complete within|context deadline exceeded|connection refused|unexpected EOF|"
    r"the server is currently unable to handle the request|too many requests|Too many requests|i/o timeout|"
    r"try again later|please apply your changes to the latest version"
)
"""What the API server says while it is not well: the object has nothing to do with it."""


def recomputed(case: Case, message: str) -> bool:
    """Whether such words are of a cause that is recomputed: where none of those holds, they are of an earlier try."""
    of = [kinds for words, kinds in _RECOMPUTED if words.search(message)]
    return bool(of) and all(case.seen(each) for kinds in of for each in kinds)


def find(case: Case) -> Finding | None:
    """The server's words as they are; never for sure, for what they mean is not known."""
    said = refusals(case)
    if case.supposed or not said or (case.subject is not None and recomputed(case, said[0].message)):
        return None
    first = said[0]
    passing = _PASSING.search(first.message) is not None
    made = "what is made" if isinstance(case.work, Owner) else "a pod"
    what = (
        f"{case.reference.kind} {case.reference.name}" if case.subject is None else f"{made} of {case.reference.name}"
    )
    return Finding(
        "creation-refused",
        CauseVerdict.BROKEN if passing else CauseVerdict.MISCONFIGURED,
        f"the API server {'could not make' if passing else 'refused'} {what}: {quoted_message(first.message)}",
        facts={"message": first.message, "namespace": case.namespace},
        evidence=(Evidence(first.object, first.field, first.message),),
        confidence=Confidence.LIKELY,
        proposals=tuple(_tried_again(case) if passing else (_mended(case, first.message),)),
    )


def _mended(case: Case, message: str) -> Proposal:
    return Proposal(
        RemedyKind.OTHER,
        Doer.USER,
        "mend what the message names, and submit again",
        case.reference,
        Patch(PatchOp.SIGNAL, {"message": message}),
    )


def _tried_again(case: Case) -> Iterator[Proposal]:
    """It passes by itself, or the API server has to be looked after."""
    again = "submit it again" if case.subject is None else "wait until its controller tries again"
    op = Patch(PatchOp.SIGNAL, {}) if case.subject is None else Patch(PatchOp.WAIT, {"until": "created"})
    yield Proposal(RemedyKind.OTHER, Doer.USER, again, case.reference, op)
    what = "look after the API server and its etcd, where that goes on"
    yield Proposal(RemedyKind.OTHER, Doer.PLATFORM, what, None, Patch(PatchOp.SIGNAL, {}))
