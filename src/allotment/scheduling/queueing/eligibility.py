"""May pods of a PodSet use a flavor at all? Taints, tolerations and node affinity, apart from any quota."""

from __future__ import annotations

from collections.abc import Mapping

from allotment.scheduling.kinds import Requirement, first_untolerated, requirement_matches
from allotment.scheduling.queueing.inputs import PodSet, ResourceFlavor
from allotment.scheduling.queueing.reasons import Detail, DetailKind


def matches_affinity(labels: Mapping[str, str], terms: tuple[tuple[Requirement, ...], ...]) -> bool:
    """Required node affinity: any term, all of its expressions; no terms match everything."""
    return not terms or any(all(requirement_matches(each, labels) for each in term) for term in terms)


def flavor_obstacle(pod_set: PodSet, flavor: ResourceFlavor) -> Detail | None:
    """Why the PodSet's pods cannot run on nodes of this flavor, or None.

    Only selector and affinity expressions about the flavor's own label keys count; the rest is left to the
    cluster's scheduler.
    """
    taint = first_untolerated(flavor.taints, pod_set.tolerations + flavor.tolerations)
    if taint is not None:
        subject = f"{{{taint.key} {taint.value} {taint.effect.value} <nil>}}"
        return Detail(DetailKind.UNTOLERATED_TAINT, flavor.name, subject=subject)
    labels = dict(flavor.node_labels)
    selected = all(labels[key] == value for key, value in pod_set.node_selector if key in labels)
    if not selected or not matches_affinity(labels, _known_terms(pod_set.required_affinity, labels)):
        return Detail(DetailKind.AFFINITY_MISMATCH, flavor.name)
    return None


def _known_terms(
    terms: tuple[tuple[Requirement, ...], ...], labels: Mapping[str, str]
) -> tuple[tuple[Requirement, ...], ...]:
    """Terms reduced to the flavor's keys; one empty term makes the affinity match any flavor."""
    kept = tuple(tuple(each for each in term if each.key in labels) for term in terms)
    return () if any(not term for term in kept) else kept
