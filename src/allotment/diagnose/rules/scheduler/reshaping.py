"""Shapes of pods that ask for less: what a pod would have to give up is tried one by one."""

from __future__ import annotations

from dataclasses import replace

from allotment.scheduling.kinds import Toleration
from allotment.scheduling.placement.model import NodeAffinity, PodAffinity, PodShape
from allotment.scheduling.placement.selectors import selector_matches


def asking(shape: PodShape, amounts: dict[str, int]) -> PodShape:
    """A pod that asks for other amounts."""
    return replace(shape, requests=tuple(sorted({**dict(shape.requests), **amounts}.items())))


def tolerating_all(shape: PodShape) -> PodShape:
    """A pod that no taint keeps away."""
    return replace(shape, tolerations=(Toleration(exists=True),))


def selecting(shape: PodShape, key: str, value: str) -> PodShape:
    """A pod whose node selector has another value for a label."""
    rules = shape.node_affinity
    return replace(
        shape, node_affinity=replace(rules, selector=tuple(sorted({**dict(rules.selector), key: value}.items())))
    )


def anywhere(shape: PodShape) -> PodShape:
    """A pod that asks for no particular node."""
    return replace(shape, node_affinity=NodeAffinity())


def without_volumes(shape: PodShape) -> PodShape:
    """A pod without volumes."""
    return replace(shape, volumes=(), volume_problem=None)


def without_spread(shape: PodShape) -> PodShape:
    """A pod that need not be spread."""
    return replace(shape, spread=tuple(each for each in shape.spread if not each.hard))


def without_ports(shape: PodShape) -> PodShape:
    """A pod without ports on the node."""
    return replace(shape, host_ports=())


def without_affinity(shape: PodShape) -> PodShape:
    """A pod that needs no others beside it."""
    rules = shape.affinity
    return replace(shape, affinity=PodAffinity((), rules.required_anti, rules.preferred, rules.preferred_anti))


def without_anti_affinity(shape: PodShape) -> PodShape:
    """A pod that keeps away from none."""
    rules = shape.affinity
    return replace(shape, affinity=PodAffinity(rules.required, (), rules.preferred, rules.preferred_anti))


def unlabelled(shape: PodShape) -> PodShape:
    """A pod that no rule of others is about, as far as labels say; where its own wish is for its like, it has that."""
    rules, labels = shape.affinity, dict(shape.labels)
    others = tuple(each for each in rules.required if not selector_matches(each.selector, labels))
    return replace(shape, labels=(), affinity=replace(rules, required=others))


def beside_anyone(shape: PodShape) -> PodShape:
    """A pod that keeps away from none, and none from it: pods of one work carry the same rule."""
    return unlabelled(without_anti_affinity(shape))
