"""What of a kind could be read: in one namespace, or everywhere. Where it could not, absence means nothing."""

from __future__ import annotations

from typing import Final

from allotment.model.observed.snapshot import Gap, Source
from allotment.observe.kinds import KINDS

_IN_NAMESPACES: Final = frozenset(each.plural for each in KINDS if each.namespaced)


def seen_everywhere(source: Source, plural: str) -> bool:
    """Whether all objects of a kind could be read."""
    return not any(gap.what == plural and gap.reason != "damaged" for gap in source.gaps)


def seen_in(source: Source, plural: str, namespace: str) -> bool:
    """Whether all objects of a kind could be read that a namespace has, or the cluster, where it is none of namespaces.

    Where a kind may not be listed everywhere, the namespaces that the asker named were read one by one; and a view
    leaves its own namespaces whole.
    """
    return not any(
        gap.what == plural and gap.reason != "damaged" and _hides(source, gap, namespace) for gap in source.gaps
    )


def _hides(source: Source, gap: Gap, namespace: str) -> bool:
    if gap.namespace:
        return gap.namespace == namespace
    if gap.what not in _IN_NAMESPACES or not namespace:
        return True
    return gap.reason != "hidden" and not (gap.reason == "forbidden" and namespace in source.namespaces)
