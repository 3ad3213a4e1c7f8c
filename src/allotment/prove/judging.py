"""From what happened to a verdict: pure, so that every combination can be tested without a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from allotment.model.labels import DOMAIN
from allotment.model.manifest import Body
from allotment.model.policy import PolicyName
from allotment.prove.probes import Expectation, MayPass, MustAccept, MustHold, MustRefuse, MustWarn, OnlyWarns, Probe
from allotment.prove.refusers import Refuser, RefuserKind, refuser_of
from allotment.prove.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Allowed:
    """The server agreed."""

    body: Body
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Denied:
    """The server refused, in these words."""

    message: str


@dataclass(frozen=True, slots=True)
class Found:
    """What an attempt that looks for faults found; no faults is good.

    Attributes:
        note: what was seen, when nothing is wrong.
        unseen: what could not be looked at; then nothing is proved.
        kept: faults by what an adoption left to its owner on purpose.
    """

    faults: tuple[str, ...]
    note: str = ""
    unseen: str = ""
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """The attempt came to this because of what an adoption left to its owner on purpose."""

    by: str
    message: str


@dataclass(frozen=True, slots=True)
class NotTried:
    """There was no way to try.

    Attributes:
        harmless: the circumstances of the moment (a full queue) and nothing that is wrong.
    """

    why: str
    harmless: bool = False


Outcome = Allowed | Denied | Found | Kept | NotTried
Judged = tuple[Verdict, str]

_ADMITTED: Final = "admitted"
_WORK_FITS: Final = f"{PolicyName.WORK_FITS.value}.{DOMAIN}"

NOWHERE: Final = "none for work without accelerators"
"""Words of that policy where every node of a cluster is for accelerators: most probes ask for none."""

_POLICY_SUFFIX: Final = f".{DOMAIN}'"


def judge(probe: Probe, outcome: Outcome) -> Judged:
    """The verdict, and what to report as the answer."""
    if isinstance(outcome, NotTried):
        return (Verdict.NOT_PROVABLE if outcome.harmless else Verdict.ERROR), outcome.why
    if isinstance(outcome, Kept):
        return Verdict.KEPT, f"{outcome.message}; by {outcome.by}"
    if isinstance(outcome, Found):
        return _found(probe.expected, outcome)
    if isinstance(outcome, Denied):
        return _refused(probe, outcome)
    return _accepted(probe.expected, outcome)


def _found(expected: Expectation, outcome: Found) -> Judged:
    if outcome.faults:
        return Verdict.FAILED, "; ".join((*outcome.faults, *outcome.kept))
    if outcome.kept:
        return Verdict.KEPT, "; ".join(filter(None, (*outcome.kept, outcome.unseen)))
    unproved = outcome.unseen or (expected.unproved if isinstance(expected, MustHold) else "")
    if unproved:
        return Verdict.NOT_PROVABLE, unproved
    return Verdict.PROVED, outcome.note


def _refused(probe: Probe, outcome: Denied) -> Judged:
    expected, refuser = probe.expected, refuser_of(outcome.message)
    if NOWHERE in outcome.message and refuser.name == _WORK_FITS and not _is(refuser, expected):
        return Verdict.NOT_PROVABLE, f"nothing can be tried here with work that needs no device: {outcome.message}"
    if isinstance(expected, OnlyWarns) and refuser.name != expected.name:
        return Verdict.NOT_PROVABLE, f"{_softened(expected)}; this was refused by {refuser}: {outcome.message}"
    if not isinstance(expected, MustRefuse):
        if refuser.kind is RefuserKind.QUOTA and "exceeded quota" in outcome.message:
            return Verdict.NOT_PROVABLE, f"the team's quota is used up at the moment: {outcome.message}"
        return Verdict.FAILED, outcome.message
    if _is(refuser, expected) and expected.says in outcome.message:
        return Verdict.PROVED, outcome.message
    if probe.persona.is_ourselves and refuser.kind is RefuserKind.POLICY and expected.by is not RefuserKind.POLICY:
        return Verdict.ERROR, (
            f"prove has to be run by a platform engineer, and this policy binds whoever runs it: {outcome.message}"
        )
    return Verdict.FAILED, f"refused, but by {refuser}: the guardrail itself was not seen. {outcome.message}"


def _softened(expected: OnlyWarns) -> str:
    return f"nothing is refused yet in namespace {expected.namespace}, where policies about work only warn"


def _is(refuser: Refuser, expected: Expectation) -> bool:
    if not isinstance(expected, MustRefuse):
        return False
    return refuser.kind is expected.by and (not expected.name or refuser.name == expected.name)


def _accepted(expected: Expectation, outcome: Allowed) -> Judged:
    match expected:
        case MustRefuse():
            return Verdict.FAILED, _with_warnings(_ADMITTED, outcome.warnings)
        case MustWarn():
            warned = [text for text in outcome.warnings if refuser_of_warning(text) == expected.name]
            return (Verdict.PROVED, warned[0]) if warned else (Verdict.FAILED, "admitted without a warning")
        case OnlyWarns():
            warned = [text for text in outcome.warnings if refuser_of_warning(text) == expected.name]
            if not warned:
                return Verdict.FAILED, "admitted without a warning"
            return Verdict.NOT_PROVABLE, _softened(expected)
        case MayPass():
            if any(refuser_of_warning(text) == expected.name for text in outcome.warnings):
                return Verdict.FAILED, "admitted with a warning, though the policy should be in audit mode"
            return Verdict.NOT_PROVABLE, (
                "admitted; in audit mode a violation is seen in the API server's audit log only"
            )
        case MustAccept():
            ours = [text for text in outcome.warnings if _POLICY_SUFFIX in text]
            fault = "; ".join(ours) or (expected.fault(outcome.body) if expected.fault else "")
            return (Verdict.FAILED, fault) if fault else (Verdict.PROVED, expected.what)
        case MustHold():
            return Verdict.PROVED, _ADMITTED


def refuser_of_warning(text: str) -> str:
    """The policy that a Warning header speaks for; empty for other warnings."""
    refuser = refuser_of(text)
    return refuser.name if refuser.kind is RefuserKind.POLICY else ""


def _with_warnings(text: str, warnings: tuple[str, ...]) -> str:
    return f"{text}, with the warning: {'; '.join(warnings)}" if warnings else text
