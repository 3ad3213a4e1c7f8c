"""May pods of a PodSet use a flavor at all? Taints, tolerations and node affinity, apart from any quota."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from allotment.scheduling.queueing.inputs import LabelRequirement, PodSet, ResourceFlavor, Taint, Toleration
from allotment.scheduling.queueing.reasons import Detail, DetailKind

_HARD_EFFECTS = ("NoSchedule", "NoExecute")


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Kubernetes' matching rule of one toleration against one taint."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return toleration.operator in ("", "Equal") and toleration.value == taint.value


def first_untolerated(taints: Iterable[Taint], tolerations: tuple[Toleration, ...]) -> Taint | None:
    """The first hard taint no toleration covers."""
    for taint in taints:
        if taint.effect in _HARD_EFFECTS and not any(tolerates(each, taint) for each in tolerations):
            return taint
    return None


def matches_requirement(labels: Mapping[str, str], requirement: LabelRequirement) -> bool:
    """One node-selector expression against a node's labels."""
    value = labels.get(requirement.key)
    operator = requirement.operator
    if operator == "In":
        return value in requirement.values
    if operator == "NotIn":
        return value not in requirement.values
    if operator == "Exists":
        return value is not None
    if operator == "DoesNotExist":
        return value is None
    if value is None or not _is_integer(value) or len(requirement.values) != 1:
        return False
    bound = int(requirement.values[0]) if _is_integer(requirement.values[0]) else None
    if bound is None:
        return False
    return int(value) > bound if operator == "Gt" else operator == "Lt" and int(value) < bound


def _is_integer(text: str) -> bool:
    return text.removeprefix("-").isdigit()


def matches_affinity(labels: Mapping[str, str], terms: tuple[tuple[LabelRequirement, ...], ...]) -> bool:
    """Required node affinity: any term, all of its expressions; no terms match everything."""
    return not terms or any(all(matches_requirement(labels, each) for each in term) for term in terms)


def flavor_obstacle(pod_set: PodSet, flavor: ResourceFlavor) -> Detail | None:
    """Why the PodSet's pods cannot run on nodes of this flavor, or None.

    Only selector and affinity expressions about the flavor's own label keys count; the rest is left to the
    cluster's scheduler.
    """
    taint = first_untolerated(flavor.taints, pod_set.tolerations + flavor.tolerations)
    if taint is not None:
        subject = f"{{{taint.key} {taint.value} {taint.effect} <nil>}}"
        return Detail(DetailKind.UNTOLERATED_TAINT, flavor.name, subject=subject)
    labels = dict(flavor.node_labels)
    selected = all(labels[key] == value for key, value in pod_set.node_selector if key in labels)
    if not selected or not matches_affinity(labels, _known_terms(pod_set.required_affinity, labels)):
        return Detail(DetailKind.AFFINITY_MISMATCH, flavor.name)
    return None


def _known_terms(
    terms: tuple[tuple[LabelRequirement, ...], ...], labels: Mapping[str, str]
) -> tuple[tuple[LabelRequirement, ...], ...]:
    """Terms reduced to the flavor's keys; one empty term makes the affinity match any flavor."""
    kept = tuple(tuple(each for each in term if each.key in labels) for term in terms)
    return () if any(not term for term in kept) else kept
