"""Quota would be there, and no flavor may be used: a taint is not tolerated, or selectors match none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from allotment.diagnose.amending import amended
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.queue.queued import other_queues
from allotment.diagnose.rules.quota.finding_of import quota_finding
from allotment.diagnose.rules.quota.refused import QuotaCause, QuotaRefusal, refused_as
from allotment.diagnose.shortage import FlavorRow
from allotment.model.explanation import CauseVerdict, Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.nodes import NodeTaint
from allotment.model.observed.pods import PodSpec
from allotment.model.spelling import nearest

_KEEPS_AWAY: Final = ("NoSchedule", "NoExecute")


def taint(case: Case) -> Finding | None:
    """The flavor that was meant has a taint that the pods do not tolerate."""
    found = refused_as(case, QuotaCause.TAINT)
    if found is None or found.row is None:
        return None
    row = found.row
    spec = _spec(case, found)
    flavor = case.index.flavors[row.flavor]
    missing = [each for each in flavor.spec.node_taints if each.effect in _KEEPS_AWAY and not _tolerated(each, spec)]
    tolerations = [msgspec.to_builtins(each) for each in spec.tolerations] if spec is not None else []
    return quota_finding(
        case,
        found,
        CauseVerdict.MISCONFIGURED,
        f"the flavor {row.flavor} of the ClusterQueue {found.queue} has the taint {row.about}, which its pods"
        f"{_of_part(found)} do not tolerate",
        {"taint": row.about, "tolerations_of_job": tolerations},
        _tolerating(case, found, missing, tolerations),
    )


def _of_part(found: QuotaRefusal, before: str = "") -> str:
    """Which of its kinds of pods it is, where it has several."""
    if len(found.lacks.workload.pod_sets) < 2:
        return ""
    return f" {before} of {found.lacks.pod_set.name}".replace("  ", " ")


def _tolerated(each: NodeTaint, spec: PodSpec | None) -> bool:
    for have in spec.tolerations if spec is not None else ():
        same = not have.key or have.key == each.key
        value = have.operator == "Exists" or have.value == each.value
        if same and value and have.effect in ("", each.effect):
            return True
    return False


def _tolerating(
    case: Case, found: QuotaRefusal, missing: list[NodeTaint], tolerations: list[Any]
) -> Iterator[Proposal]:
    row = found.row
    if row is None or not missing:
        return
    more = [
        {"key": each.key, "operator": "Equal" if each.value else "Exists", "effect": each.effect}
        | ({"value": each.value} if each.value else {})
        for each in missing
    ]
    said = ", ".join(f"{each.key}{f'={each.value}' if each.value else ''}:{each.effect}" for each in missing)
    target, patch = amended(case, {"tolerations": [*tolerations, *more]})
    what = f"tolerate {said}{_of_part(found, 'in the pods')}"
    yield Proposal(RemedyKind.ADD_TOLERATION, Doer.USER, what, target, patch)
    flavor = case.index.flavors[row.flavor]
    if flavor.spec.topology_name:
        return  # a flavor with a topology cannot be changed
    had = [msgspec.to_builtins(each) for each in flavor.spec.tolerations]
    yield Proposal(
        RemedyKind.OTHER,
        Doer.PLATFORM,
        f"let the flavor {row.flavor} carry the toleration for its jobs",
        reference_of(flavor),
        Patch(PatchOp.MERGE, {"spec": {"tolerations": [*had, *more]}}),
    )


def mismatch(case: Case) -> Finding | None:
    """No flavor of the queue has the labels that the pods' selector or affinity asks for."""
    found = refused_as(case, QuotaCause.MISMATCH)
    if found is None or found.row is None:
        return None
    spec = _spec(case, found)
    asked = dict(spec.node_selector) if spec is not None else {}
    keys = {key for row in found.lacks.rows if row.offers for key in _labels(case, row)}
    about = {key: value for key, value in asked.items() if key in keys}
    offered = {row.flavor: _labels(case, row) for row in found.lacks.rows if row.offers}
    said = ", ".join(f"{key}={value}" for key, value in about.items()) or "its node affinity"
    has = "; ".join(
        f"{name} ({', '.join(f'{key}={value}' for key, value in labels.items())})" for name, labels in offered.items()
    )
    return quota_finding(
        case,
        found,
        CauseVerdict.MISCONFIGURED,
        f"no flavor of the ClusterQueue {found.queue} matches {said}: it has {has or 'none of that kind'}",
        {"node_selector": asked, "flavors": list(offered), "labels": offered},
        (*_selecting(case, found, about, spec), *other_queues(case, cost=len(offered)), *_given(case, found, about)),
    )


def _labels(case: Case, row: FlavorRow) -> dict[str, str]:
    flavor = case.index.flavors.get(row.flavor)
    return {} if flavor is None else dict(flavor.spec.node_labels)


def _selecting(case: Case, found: QuotaRefusal, about: dict[str, str], spec: PodSpec | None) -> Iterator[Proposal]:
    """The selector of a flavor that the queue has: the one called most alike first, then those that fit now.

    What was asked for is another flavor where machines have it, and a wrong selector where none has.
    """
    if spec is None:
        return
    rows = [row for row in found.lacks.rows if row.offers and row.obstacle == "affinity"]
    values = {value for row in rows for value in _labels(case, row).values()}
    alike = {nearest(value, values) for value in about.values()} - {""}
    rows.sort(
        key=lambda row: (
            not alike & set(_labels(case, row).values()),
            any(each.short for each in row.needs),
            row.beyond,
        )
    )
    there = all(value in case.index.node_labels.get(key, ()) for key, value in about.items())
    kind = RemedyKind.CHANGE_FLAVOR if there else RemedyKind.FIX_SELECTOR
    for position, row in enumerate(rows[:3]):
        labels = _labels(case, row)
        change: dict[str, Any] = {"nodeSelector": {key: labels[key] for key in about if key in labels}}
        if not about and spec.affinity is not None and labels:
            change = {"nodeSelector": labels, "affinity": {"nodeAffinity": None}}
        if not labels or not change["nodeSelector"]:
            continue
        said = ", ".join(f"{key}={value}" for key, value in change["nodeSelector"].items())
        target, patch = amended(case, change)
        yield Proposal(
            kind,
            Doer.USER,
            f"select {said}: the flavor {row.flavor}",
            target,
            patch,
            cost=position,
        )


def _given(case: Case, found: QuotaRefusal, about: dict[str, str]) -> Iterator[Proposal]:
    """A flavor that has these labels and is not in the queue, with as much quota as is asked for."""
    queue = case.index.cluster_queues.get(found.queue)
    row = found.row
    if queue is None or row is None or not about:
        return
    listed = {each.name for group in queue.spec.resource_groups for each in group.flavors}
    for flavor in case.index.objects.flavors:
        labels = flavor.spec.node_labels
        fits = all(labels[key] == value for key, value in about.items() if key in labels)
        if flavor.name in listed or not fits or not set(about) & set(labels):
            continue
        covered = queue.spec.resource_groups[row.group].covered_resources
        wanted = {need.resource: need.text(need.wanted) for need in row.needs}
        value = {
            "name": flavor.name,
            "resources": [{"name": name, "nominalQuota": wanted.get(name, "0")} for name in covered],
        }
        yield Proposal(
            RemedyKind.ADD_FLAVOR,
            Doer.PLATFORM,
            f"give the ClusterQueue {queue.name} quota of the flavor {flavor.name}",
            reference_of(queue),
            Patch(PatchOp.JSON, [{"op": "add", "path": f"/spec/resourceGroups/{row.group}/flavors/-", "value": value}]),
        )
        return


def _spec(case: Case, found: QuotaRefusal) -> PodSpec | None:
    name = found.lacks.pod_set.name
    parts = {each.name: each.template.spec for each in case.to_come}
    return parts.get(name, next(iter(parts.values()), None))
