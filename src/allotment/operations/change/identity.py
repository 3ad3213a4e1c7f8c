"""Is this the cluster that is meant? A context is a word in somebody's file; the cluster's own mark is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from allotment.errors import ConflictError
from allotment.model.cluster import Cluster
from allotment.model.manifest import ObjectKey
from allotment.model.mark import MARK, Mark, mark_of
from allotment.model.platform import Platform
from allotment.plan.changes import PlanWarning, WarningCode, place_of
from allotment.plan.nodes import DeclaredNodes, declared_nodes
from allotment.plan.resemblance import Doubt, by_contexts, by_nodes
from allotment.ports.kube import AccessRefusedError, KubePort, RefusedError

OVERRIDE: Final = "--override-identity"

NOTHING: Final[frozenset[ObjectKey]] = frozenset()


def admitted(kube: KubePort, mark: Mark, override: str = "") -> frozenset[ObjectKey]:
    """Compare a cluster's mark with the one that we would give it.

    A cluster without a mark is new to us; who may not read the mark may not apply either.

    Args:
        kube: the cluster.
        mark: platform and cluster that are meant.
        override: another mark, ``platform/cluster``, that may be replaced all the same; empty for none.

    Returns:
        Objects to take over although they are another platform's: the mark itself, where it may be replaced.

    Raises:
        ConflictError: it is another cluster than is meant.
    """
    try:
        namespace = kube.get("v1", MARK)
    except AccessRefusedError:
        return NOTHING
    found = mark_of(namespace) if namespace is not None else None
    if found is None or found == mark:
        return NOTHING
    if override == str(found):
        return frozenset({MARK})
    raise ConflictError(
        f"this is the cluster {found}, not {mark}",
        why=f"{kube.endpoint()} says so itself, in the labels of its namespace {MARK.name}: it was last applied as "
        f"{_told(found, mark)}" + (f"; {OVERRIDE} names {override}" if override else ""),
        fix=f"choose the right context with --context, or the right cluster with --cluster; if {mark} shall take this "
        f"cluster over, say so with {OVERRIDE} {found}",
    )


def _told(found: Mark, mark: Mark) -> str:
    if found.platform == mark.platform:
        return f"cluster {found.cluster} of this platform"
    return f"cluster {found.cluster} of the platform {found.platform}"


@dataclass(frozen=True, slots=True)
class Meant:
    """A cluster as the directory describes it, to know one again that carries no mark.

    Attributes:
        context: that the directory gives it.
        others: the contexts of the platform's other clusters, by their names.
    """

    mark: Mark
    context: str
    others: Mapping[str, str]
    nodes: DeclaredNodes


def meant(platform: Platform, cluster: Cluster) -> Meant:
    """What a cluster of a platform can be known by."""
    others = {other.name: other.context for other in platform.clusters if other.name != cluster.name}
    return Meant(Mark(platform.name, cluster.name), cluster.context, others, declared_nodes(platform, cluster))


def doubts(kube: KubePort, wanted: Meant) -> tuple[PlanWarning, ...]:
    """Signs that a cluster without a mark is another one than is meant; one with any mark is `admitted` or not.

    Who may not read the mark or the nodes learns nothing: he may not apply either, or is told so by the plan.
    """
    try:
        namespace = kube.get("v1", MARK)
    except AccessRefusedError:
        return ()
    if namespace is not None and mark_of(namespace) is not None:
        return ()
    return tuple(
        PlanWarning(WarningCode.ANOTHER_CLUSTER if one.grave else WarningCode.PERHAPS_ANOTHER, MARK, one.message)
        for one in _signs(kube, wanted)
    )


def _signs(kube: KubePort, wanted: Meant) -> Iterator[Doubt]:
    at = kube.endpoint()
    ways = by_contexts(wanted.mark.cluster, wanted.context, wanted.others, {at.context, *at.aliases} - {""})
    if ways is not None:
        yield ways
    try:
        nodes = tuple(kube.list("v1", "Node"))
    except RefusedError:
        return
    found = by_nodes(wanted.nodes, nodes, place_of("", at.url, at.context).removeprefix(" at "))
    if found is not None:
        yield found


def require_word(doubted: bool, mark: Mark, word: str, said: str) -> None:  # noqa: FBT001 (a fact, no flag)
    """Write to a doubtful cluster only where somebody has said which one it is.

    Raises:
        ConflictError: nobody has.
    """
    if doubted and word != str(mark):
        raise ConflictError(
            f"this may be another cluster than {mark}, and nothing was changed",
            why=said,
            fix=f"choose the right context with --context, or the right cluster with --cluster; if this is {mark}, "
            f"say so with {OVERRIDE} {mark}",
        )


def require_right_cluster(platform: Platform, cluster: Cluster, kube: KubePort, override: str) -> None:
    """Nothing is taken over in a cluster without a mark that looks like another one, before somebody has said so.

    Raises:
        ConflictError: it looks like another one, and `override` does not say that it is the one meant.
    """
    found = doubts(kube, meant(platform, cluster))
    grave = any(one.code is WarningCode.ANOTHER_CLUSTER for one in found)
    require_word(grave, Mark(platform.name, cluster.name), override, "; ".join(one.message for one in found))
