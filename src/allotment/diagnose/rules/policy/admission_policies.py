"""What the rules about ValidatingAdmissionPolicies share: which one refused, and what its expressions ask for.

The words of a refusal are the policy author's. What is asked for is read from the expressions, so far as they have the
usual forms; no CEL is run here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from allotment.diagnose.amending import sent_again
from allotment.diagnose.case import Case
from allotment.diagnose.finding import Proposal
from allotment.diagnose.reach import RefusedAttempt, refusals
from allotment.errors import spelled
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import LabelRequirement, Reference, Selector
from allotment.model.observed.namespaced import AdmissionBinding, AdmissionPolicy, Validation

_DENIED: Final = re.compile(
    r"ValidatingAdmissionPolicy '(?P<policy>[^']+)' with binding '(?P<binding>[^']+)' denied request: (?P<why>.*)",
    re.DOTALL,
)
_LABEL_IN: Final = re.compile(r"'(?P<key>[^']+)'\s+in\s+object\.metadata\.labels")
_LABEL_AT: Final = re.compile(r"object\.metadata\.\??labels\[\??'(?P<key>[^']+)'\]")
_HAS_LABEL: Final = re.compile(r"has\(object\.metadata\.labels\.(?P<key>[\w-]+)\)")
_MATCHES: Final = re.compile(r"labels\[\??'(?P<key>[^']+)'\]\.matches\('(?P<pattern>(?:[^'\\]|\\.)*)'\)")
_EQUALS: Final = re.compile(r"labels\[\??'(?P<key>[^']+)'\]\s*==\s*'(?P<value>[^']*)'")
_AMONG: Final = re.compile(r"labels\[\??'(?P<key>[^']+)'\]\s+in\s+\[(?P<values>[^\]]*)\]")
_NAMESPACE_LABEL: Final = re.compile(r"namespaceObject\.metadata\.labels")


@dataclass(frozen=True, slots=True)
class Denial:
    """A refusal by a policy.

    Attributes:
        why: the policy's message.
        policy, validation: as they were read; None if they were not.
    """

    refusal: RefusedAttempt
    name: str
    binding: str
    why: str
    policy: AdmissionPolicy | None
    validation: Validation | None

    @property
    def called(self) -> str:
        """The policy in a sentence."""
        return spelled(self.name)

    @property
    def expression(self) -> str:
        """The rule that refused; empty if it was not read."""
        return self.validation.expression if self.validation is not None else ""

    @property
    def selectors(self) -> tuple[Selector, ...]:
        """Namespaces that the policy looks at."""
        constraints = self.policy.spec.match_constraints if self.policy is not None else None
        return (
            () if constraints is None or constraints.namespace_selector is None else (constraints.namespace_selector,)
        )


@dataclass(frozen=True, slots=True)
class LabelRule:
    """A label that a policy asks for.

    Attributes:
        pattern: what its value must match (RE2); empty = anything.
        values: what its value may be; empty = anything.
    """

    key: str
    pattern: str = ""
    values: tuple[str, ...] = ()

    def allows(self, value: str | None) -> bool:
        """Whether a value will do."""
        if value is None or (self.values and value not in self.values):
            return False
        if not self.pattern:
            return True
        try:
            return re.search(self.pattern, value) is not None
        except re.error:
            return True


def denial(case: Case) -> Denial | None:
    """The policy that refused the subject, or the newest of its pods."""
    for each in refusals(case):
        said = _DENIED.search(each.message)
        if said is None:
            continue
        why = said["why"].strip()
        bound = next((one for one in case.index.objects.admission_bindings if one.name == said["binding"]), None)
        if bound is not None and "Deny" not in bound.spec.validation_actions:
            continue
        policy = next((one for one in case.index.objects.admission_policies if one.name == said["policy"]), None)
        validations = policy.spec.validations if policy is not None else ()
        found = next((one for one in validations if one.message and one.message.strip() in why), None)
        if found is None and len(validations) == 1:
            found = validations[0]
        return Denial(each, said["policy"], said["binding"], why, policy, found)
    return None


def label_rules(found: Denial) -> list[LabelRule]:
    """Labels of the object that the refusing expression asks for."""
    text = found.expression
    patterns = {match["key"]: match["pattern"].replace("\\\\", "\\") for match in _MATCHES.finditer(text)}
    values = {match["key"]: (match["value"],) for match in _EQUALS.finditer(text)}
    for match in _AMONG.finditer(text):
        values[match["key"]] = tuple(re.findall(r"'([^']*)'", match["values"]))
    keys = [match["key"] for form in (_LABEL_IN, _LABEL_AT, _HAS_LABEL) for match in form.finditer(text)]
    return [LabelRule(key, patterns.get(key, ""), values.get(key, ())) for key in dict.fromkeys(keys)]


def about_namespace(found: Denial) -> dict[str, str] | None:
    """Labels that would take a namespace out of the policy's reach, or let it pass; None if it is not about that."""
    wanted: dict[str, str] = {}
    for selector in found.selectors:
        for each in selector.match_expressions:
            wanted.update(_outside(each))
    if _NAMESPACE_LABEL.search(found.expression):
        for match in re.finditer(
            r"namespaceObject\.metadata\.labels\[\??'(?P<key>[^']+)'\](?:\.orValue\('[^']*'\))?\s*==\s*'(?P<value>[^']*)'",
            found.expression,
        ):
            wanted[match["key"]] = match["value"]
    if wanted:
        return wanted
    said = (
        None
        if found.refusal.by_event
        else re.search(r"namespaces? with (?:the )?label (?P<key>[\w./-]+)=(?P<value>[\w.-]+)", found.why)
    )
    if said is not None:
        return {said["key"]: said["value"]}
    return {} if _NAMESPACE_LABEL.search(found.expression) else None


def _outside(each: LabelRequirement) -> dict[str, str]:
    if each.operator == "NotIn" and each.values:
        return {each.key: each.values[0]}
    return {each.key: "true"} if each.operator == "DoesNotExist" else {}


def audit_only(case: Case, found: Denial) -> Iterator[Proposal]:
    """Let the policy only note what it would refuse; never for the word of an event."""
    if found.refusal.by_event:
        return
    target = Reference(
        api_version="admissionregistration.k8s.io/v1", kind="ValidatingAdmissionPolicyBinding", name=found.binding
    )
    yield Proposal(
        RemedyKind.OTHER,
        Doer.PLATFORM,
        f"except it: bind the policy {found.called} with the action Audit only",
        target,
        Patch(PatchOp.MERGE, {"spec": {"validationActions": ["Audit"]}}),
        effect=sent_again(case) if _bound(case, found) else (),
        cost=9,
    )


def _bound(case: Case, found: Denial) -> AdmissionBinding | None:
    return next((each for each in case.index.objects.admission_bindings if each.name == found.binding), None)
