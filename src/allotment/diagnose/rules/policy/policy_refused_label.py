"""An admission policy asks for a label that the work lacks, or has with a value that it does not take."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from allotment.diagnose.amending import labelled_pods, labelled_runs, template_of
from allotment.diagnose.case import Case, queued_labels, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import refused_run
from allotment.diagnose.rules.policy.admission_policies import Denial, LabelRule, audit_only, denial, label_rules
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.labels import KUEUE_PRIORITY, KUEUE_QUEUE
from allotment.model.observed.base import Reference

_SAID: Final = re.compile(r"label[s]? ['\"`]?(?P<key>[a-z][\w./-]*[\w])['\"`]?(?:=(?P<value>[\w.-]+))?")
_MOST: Final = 3
"""Values that are proposed."""


def find(case: Case) -> Finding | None:
    """The refusing expression names labels of the object; one that it lacks is what it wants."""
    found = denial(case)
    if found is None:
        return None
    labels = _labels(case)
    rules = label_rules(found) or _from_words(found)
    broken = [rule for rule in rules if not rule.allows(labels.get(rule.key))]
    if not broken:
        return None
    rule = broken[0]
    if rule.key == KUEUE_QUEUE and rule.key not in labels:
        return None
    given = labels.get(rule.key)
    values = _values(case, rule)
    looked_at = _looked_at(case)
    required = values[0] if values and given is None and not rule.pattern else _wanted(found, rule, values)
    has = f"it has {given!r}" if given is not None else "it has none"
    return Finding(
        "policy-refused-label",
        CauseVerdict.MISCONFIGURED,
        f"the policy {found.called} asks for the label {rule.key}, and {has}: {quoted_message(found.why)}",
        facts={
            "policy": found.name,
            "label": rule.key,
            "given": given,
            "required": required or None,
            "namespace": case.namespace,
        },
        evidence=(
            Evidence(found.refusal.object, found.refusal.field, found.refusal.message),
            Evidence(looked_at[0], f"{looked_at[1]}metadata.labels[{rule.key}]", given, "what the policy looks at"),
        ),
        confidence=found.refusal.sureness,
        proposals=(*_labelled(case, rule, values), *audit_only(case, found)),
    )


def _labels(case: Case) -> dict[str, str]:
    if case.subject is not None:
        # The object itself was let in: it is its pods that are refused, or a run of a CronJob.
        cron = refused_run(case)
        if cron is not None:
            return dict(queued_labels(cron))
        return dict(case.to_come[0].template.metadata.labels) if case.to_come else {}
    sent = case.submission.manifest if case.submission else None
    return dict(sent.metadata.labels) if sent is not None else {}


def _looked_at(case: Case) -> tuple[Reference, str]:
    """The object in which the labels stand, and the path in it, with its dot, of what the policy looks at."""
    cron = refused_run(case)
    if cron is not None:
        return reference_of(cron), "spec.jobTemplate."
    if case.subject is None:
        return case.reference, ""
    where, path = template_of(case)
    return where, path.removesuffix("spec") if path.endswith(".spec") else ""


def _from_words(found: Denial) -> list[LabelRule]:
    if found.expression:
        return []
    said = _SAID.search(found.why)
    return [LabelRule(said["key"])] if said is not None and "namespace" not in found.why else []


def _wanted(found: Denial, rule: LabelRule, values: list[str]) -> str:
    said = re.search(rf"{re.escape(rule.key)}=(?P<value>[\w.-]+)", found.why)
    return said["value"] if said is not None else rule.pattern or next(iter(values), "")


def _values(case: Case, rule: LabelRule) -> list[str]:
    """Values that will do, the likeliest first: what the namespace has, then what other work of it has."""
    counted: Counter[str] = Counter()
    namespace = case.namespace_object
    if namespace is not None and rule.key in namespace.metadata.labels:
        counted[namespace.metadata.labels[rule.key]] += 1 << 20
    for each in (*case.index.all_work(), *case.index.objects.pods):
        if each.namespace == case.namespace and rule.key in each.metadata.labels:
            counted[each.metadata.labels[rule.key]] += 1
    if rule.key == KUEUE_QUEUE:
        counted.update(each.name for each in case.index.objects.local_queues if each.namespace == case.namespace)
    if rule.key == KUEUE_PRIORITY:
        counted.update(case.index.workload_priority_classes)
    known = [value for value, _ in counted.most_common()]
    return [value for value in dict.fromkeys((*known, *rule.values)) if rule.allows(value)][:_MOST]


def _relabelled(case: Case, labels: dict[str, str]) -> tuple[Reference, Patch]:
    if case.subject is None:
        return case.reference, Patch(PatchOp.RESUBMIT, {"metadata": {"labels": labels}})
    cron = refused_run(case)
    return labelled_pods(case, labels) if cron is None else labelled_runs(cron, labels)


def _place(case: Case) -> str:
    """Where labels are to stand that are not the work's own."""
    path = _looked_at(case)[1]
    return f" in {path}metadata.labels" if path else ""


def _labelled(case: Case, rule: LabelRule, values: list[str]) -> list[Proposal]:
    found = [
        Proposal(
            RemedyKind.FIX_POLICY_VIOLATION,
            Doer.USER,
            f"submit it with the label {rule.key}={value}{_place(case)}",
            *_relabelled(case, {rule.key: value}),
            cost=position,
        )
        for position, value in enumerate(values)
    ]
    if found:
        return found
    like = f" that matches {rule.pattern}" if rule.pattern else ""
    place = f"{_place(case)}, with" if _place(case) else " and"
    return [
        Proposal(
            RemedyKind.FIX_POLICY_VIOLATION,
            Doer.USER,
            f"submit it with the label {rule.key}{place} a value{like}",
            _looked_at(case)[0],
            Patch(PatchOp.SIGNAL, {"metadata": {"labels": {rule.key: "…"}}}),
        )
    ]
