"""Is this the cluster that is meant? A context is a word in somebody's file; the cluster's own mark is not."""

from __future__ import annotations

from typing import Final

from allotment.errors import ConflictError
from allotment.model.manifest import ObjectKey
from allotment.model.mark import MARK, Mark, mark_of
from allotment.operations.ports import AccessRefusedError, KubePort

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
        why=f"{kube.endpoint()} carries the mark {found}: it was last applied as {_told(found, mark)}"
        + (f"; {OVERRIDE} names {override}" if override else ""),
        fix=f"choose the right context with --context, or the right cluster with --cluster; if {mark} shall take this "
        f"cluster over, say so with {OVERRIDE} {found}",
    )


def _told(found: Mark, mark: Mark) -> str:
    if found.platform == mark.platform:
        return f"cluster {found.cluster} of this platform"
    return f"cluster {found.cluster} of the platform {found.platform}"
