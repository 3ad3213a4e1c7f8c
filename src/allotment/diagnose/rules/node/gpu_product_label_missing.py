"""Nodes with the accelerator that is asked for lack the label that says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import msgspec

from allotment.diagnose import by_hand
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.machines import INSTANCE_TYPE, pool_of
from allotment.diagnose.rules.scheduler.answering import about_room, together
from allotment.diagnose.rules.scheduler.holders import waits
from allotment.diagnose.rules.scheduler.placing import Placing, placing
from allotment.diagnose.rules.scheduler.rooms import devices_of, is_product_label, listed
from allotment.diagnose.rules.scheduler.selecting import required_terms
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.index import Index
from allotment.model.observed.nodes import Node
from allotment.scheduling.snapshot.placement import FoundPlace, PlacementView, place, placement_view

_MODEL: Final = re.compile(r"[a-z]+\d+[a-z]*|\d+[a-z]+")
"""A word of a product's name that tells it from others: letters with digits, such as h100 or a10g."""
_NAMES: Final = frozenset({"kubernetes.io/hostname", "kubernetes.io/arch", "kubernetes.io/os"})
"""Labels that hold a name, or what has nothing to do with devices."""
_MOST: Final = 64
"""Nodes that are named as lacking the label."""


def find(case: Case) -> Finding | None:
    """Had they the label, the subject would start."""
    it = placing(case)
    if it.refused is None or it.by_volume:
        return None
    for key, value in _wanted(it):
        likely = [node for node in _lacking(case.index, key) if _alike(case, node, key, value)]
        chosen = _first_that_helps(it, likely, key, value) if likely else None
        if chosen is not None:
            return _finding(it, key, value, likely, chosen)
    return None


class _Lacking(dict[str, list[Node]]):
    """Nodes with accelerators that lack a label, by the label."""


def _lacking(index: Index, key: str) -> list[Node]:
    kept = index.beside.once(_Lacking, _Lacking)
    if key not in kept:
        kept[key] = [node for node in index.nodes.values() if key not in node.metadata.labels and devices_of(node)]
    return kept[key]


def _wanted(it: Placing) -> Iterator[tuple[str, str]]:
    """Label values that the pod asks for and that say which accelerator a node has, or stand for a flavor."""
    assert it.refused is not None  # noqa: S101  asked only then
    spec = it.refused.pod.spec
    of_flavors = {key for each in it.case.index.objects.flavors for key in each.spec.node_labels}
    for key, value in sorted(spec.node_selector.items()):
        if is_product_label(key) or key in of_flavors:
            yield key, value
    for term in required_terms(spec):
        for each in term:
            if each.operator == "In" and (is_product_label(each.key) or each.key in of_flavors):
                yield from ((each.key, value) for value in each.values)


def _alike(case: Case, node: Node, key: str, value: str) -> bool:
    """Whether a node is probably one with that value: its pool or machine type has it, or its other labels say so."""
    kind = node.metadata.labels.get(INSTANCE_TYPE, ""), pool_of(node)
    if any(kind):
        peers = {
            other.metadata.labels[key]
            for other in case.index.nodes.values()
            if key in other.metadata.labels and (other.metadata.labels.get(INSTANCE_TYPE, ""), pool_of(other)) == kind
        }
        if peers:
            return value in peers
    words = set(_MODEL.findall(value.lower())) - {"80gb", "40gb", "24gb", "16gb"}
    others = (other for label, other in node.metadata.labels.items() if label not in _NAMES)
    said = {word for other in others for word in _MODEL.findall(other.lower())}
    return bool(words & said)


class LabelledViews:
    """The cluster with a label put on the nodes that lack it, by label and value; made once for a source."""

    def __init__(self) -> None:
        """None yet."""
        self.made: dict[tuple[str, str], PlacementView] = {}


def _first_that_helps(it: Placing, nodes: list[Node], key: str, value: str) -> Node | None:
    """Of the nodes without the label the one that the refused pod would go to; None if not even all of them help."""
    view = _with_label(it, nodes, key, value)
    if it.refused is None or not it.fits(view=view):
        return None
    answer = place(view, it.refused.pod.waiting)
    best = set(answer.best) if isinstance(answer, FoundPlace) else set()
    return next((node for node in nodes if node.name in best), nodes[0])


def _with_label(it: Placing, nodes: list[Node], key: str, value: str) -> PlacementView:
    index = it.case.index
    views = index.beside.once(LabelledViews, LabelledViews)
    if (key, value) not in views.made:
        names = {node.name for node in nodes}
        labelled = tuple(_labelled(node, key, value) if node.name in names else node for node in index.objects.nodes)
        objects = msgspec.structs.replace(index.objects, nodes=labelled)
        source = msgspec.structs.replace(index.source, objects=objects)
        views.made[key, value] = placement_view(Index(source, index), it.view)
    return views.made[key, value]


def _labelled(node: Node, key: str, value: str) -> Node:
    metadata = msgspec.structs.replace(node.metadata, labels={**node.metadata.labels, key: value})
    return msgspec.structs.replace(node, metadata=metadata)


def _finding(it: Placing, key: str, value: str, lacking: list[Node], chosen: Node) -> Finding:
    flavor = next((e.name for e in it.case.index.objects.flavors if e.spec.node_labels.get(key) == value), "")
    finding = about_room(
        "gpu-product-label-missing",
        CauseVerdict.BROKEN,
        f"the pod needs a node with {key}={value}; {listed(node.name for node in lacking)} "
        f"{'has' if len(lacking) == 1 else 'have'} such GPUs and not that label",
        it,
        together(_repairs(lacking, chosen, key, value), waits(it)),
        {
            "missing_label": key,
            "expected_value": value,
            "nodes_without_label": sorted(node.name for node in lacking),
            "flavor": flavor,
        },
        (Evidence(reference_of(chosen), f"metadata.labels[{key}]", None, f"should be {value}"),),
    )
    # A label that names no model may be kept from a node on purpose.
    sure = is_product_label(key) or bool(_MODEL.search(value.lower()))
    return finding if sure else replace(finding, confidence=Confidence.LIKELY)


def _repairs(lacking: list[Node], chosen: Node, key: str, value: str) -> Iterator[Proposal]:
    body = {"metadata": {"labels": {key: value}}}
    also = len(lacking) - 1
    others = [node for node in lacking if node is not chosen][:_MOST]
    names = (f"node/{node.name}" for node in (chosen, *others))
    yield Proposal(
        RemedyKind.FIX_LABEL,
        Doer.PLATFORM,
        f"put the label {key}={value} back on node {chosen.name} (restart gpu-feature-discovery)"
        + (f", and on {also} more" if also else ""),
        reference_of(chosen),
        Patch(PatchOp.MERGE, body),
        then=tuple((reference_of(node), Patch(PatchOp.MERGE, body)) for node in others),
        command=by_hand.line("kubectl", "label", "--overwrite", *names, f"{key}={value}"),
    )
