"""What the rules about node selectors share: which labels are asked for, which nodes have, and what was meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from allotment.diagnose.amending import changed_pods
from allotment.diagnose.case import Case
from allotment.diagnose.finding import Proposal
from allotment.diagnose.rules.scheduler.placing import Placing, placing
from allotment.diagnose.rules.scheduler.reshaping import anywhere, selecting, tolerating_all
from allotment.model.explanation import RemedyKind
from allotment.model.observed.base import LabelRequirement, Names
from allotment.model.observed.nodes import Node
from allotment.model.observed.pods import PodSpec
from allotment.model.spelling import nearest
from allotment.scheduling.kinds import requirement_matches
from allotment.scheduling.snapshot.placement_shapes import requirement

_FIELDS_BY_NAME: Final = "metadata.name"


@dataclass(frozen=True, slots=True)
class Asked:
    """A label value that a pod asks of its node.

    Attributes:
        alone: whether no node at all has it; otherwise only together with the others of the pod.
        by_kueue: whether a flavor put it in, not the asker.
    """

    key: str
    value: str
    alone: bool
    by_kueue: bool


def unmatched(case: Case) -> tuple[Asked, ...]:
    """The pairs of the node selector that keep every node away, those that no node has first.

    None where some node has them all: then it is the node affinity that keeps it away.
    """
    it = placing(case)
    if it.refused is None or it.matching:
        return ()
    selector = it.refused.pod.spec.node_selector
    nodes = list(case.index.nodes.values())
    each_somewhere = all(value in case.index.node_labels.get(key, ()) for key, value in selector.items())
    if each_somewhere and any(selector.items() <= node.metadata.labels.items() for node in nodes):
        return ()
    found = [
        Asked(key, value, value not in case.index.node_labels.get(key, ()), _by_kueue(case, key, value))
        for key, value in sorted(selector.items())
    ]
    guilty = [each for each in found if each.alone]
    return tuple(guilty or [each for each in found if _alone_to_blame(each, selector, nodes)] or found)


def _alone_to_blame(asked: Asked, selector: Names, nodes: Iterable[Node]) -> bool:
    rest = {key: value for key, value in selector.items() if key != asked.key}
    return any(rest.items() <= node.metadata.labels.items() for node in nodes)


def _by_kueue(case: Case, key: str, value: str) -> bool:
    workload = case.workload
    if workload is None:
        return False
    own = any(part.template.spec.node_selector.get(key) == value for part in workload.spec.pod_sets)
    return not own and any(each.spec.node_labels.get(key) == value for each in case.index.objects.flavors)


def selector_fixes(case: Case, asked: Asked) -> Iterator[Proposal]:
    """Other values for a label with which the pods find a place: the one that was probably meant first, or none."""
    it = placing(case)
    known = sorted(case.index.node_labels.get(asked.key, frozenset()) - {"", asked.value})
    meant = nearest(asked.value, known)
    fit = [value for value in known if it.fits(partial(selecting, key=asked.key, value=value))]
    order = [meant] * (meant in fit) + [value for value in fit if value != meant]
    for cost, value in enumerate(order[:4]):
        what = f"nodeSelector {asked.key}: {asked.value} → {value}"
        yield changed_pods(RemedyKind.FIX_SELECTOR, what, case, {"nodeSelector": {asked.key: value}}, cost)
    yield from key_fixes(case, asked)
    what = f"drop {asked.key}={asked.value} from the node selector"
    yield changed_pods(RemedyKind.FIX_SELECTOR, what, case, {"nodeSelector": {asked.key: None}}, 10)


def key_fixes(case: Case, asked: Asked) -> Iterator[Proposal]:
    """Another key, where no node has a label of that name but some has one that is written nearly so."""
    known = case.index.node_labels
    if asked.key in known:
        return
    meant = nearest(asked.key, sorted(known))
    values = sorted(known[meant] - {""}) if meant else []
    value = asked.value if asked.value in values else nearest(asked.value, values)
    if value:
        what = f"nodeSelector {asked.key}: {asked.value} → {meant}: {value}"
        change = {"nodeSelector": {asked.key: None, meant: value}}
        yield changed_pods(RemedyKind.FIX_SELECTOR, what, case, change, 4)


def meant_another(case: Case, asked: Asked) -> bool:
    """Whether a value or a key that nodes have is written nearly as the one asked for."""
    known = case.index.node_labels
    if nearest(asked.value, sorted(known.get(asked.key, frozenset()) - {""})):
        return True
    return asked.key not in known and bool(nearest(asked.key, sorted(known)))


def fits_elsewhere(it: Placing) -> bool:
    """Whether some node would do if it were not for where the pod wants to run."""
    return it.fits(anywhere) or it.fits(lambda shape: tolerating_all(anywhere(shape)))


def required_terms(spec: PodSpec) -> tuple[tuple[LabelRequirement, ...], ...]:
    """The alternatives of the required node affinity, each with its conditions on labels and names."""
    affinity = spec.affinity.node_affinity if spec.affinity else None
    if affinity is None or affinity.required is None:
        return ()
    return tuple((*each.match_expressions, *each.match_fields) for each in affinity.required.node_selector_terms)


def unmet(case: Case) -> list[LabelRequirement]:
    """Conditions of the required node affinity that no node meets.

    Where each is met by some node: those that no node meets of which the node selector is true.
    """
    it = placing(case)
    if it.refused is None:
        return []
    spec = it.refused.pod.spec
    asked = [each for term in required_terms(spec) for each in term]
    nodes = list(case.index.nodes.values())
    selected = [node for node in nodes if spec.node_selector.items() <= node.metadata.labels.items()]
    return _met_by_none(asked, nodes) or (_met_by_none(asked, selected) if selected else [])


def _met_by_none(asked: Iterable[LabelRequirement], nodes: Iterable[Node]) -> list[LabelRequirement]:
    labels = [{**node.metadata.labels, _FIELDS_BY_NAME: node.name} for node in nodes]
    return [each for each in asked if not any(requirement_matches(requirement(each), one) for one in labels)]


def named_nodes(spec: PodSpec) -> tuple[str, ...]:
    """Nodes that a pod names: by its host name, or by name in its affinity."""
    found = [spec.node_selector[key] for key in ("kubernetes.io/hostname",) if key in spec.node_selector]
    for term in required_terms(spec):
        found += [
            value
            for each in term
            if each.key in {_FIELDS_BY_NAME, "kubernetes.io/hostname"} and each.operator == "In"
            for value in each.values
        ]
    return tuple(dict.fromkeys(found))


def written(requirement: LabelRequirement) -> str:
    """A condition in words."""
    values = f" ({', '.join(requirement.values)})" if requirement.values else ""
    return f"{requirement.key} {requirement.operator}{values}"
