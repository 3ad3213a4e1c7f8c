"""What a team has used of its grants: what it held in a cluster beyond what is its own there.

Which device belongs to which grant nothing says, as nothing moves when a grant begins or ends. So what a team holds
counts towards its own guarantee first, and then towards its grants, the one that began first before the others.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from allotment.accounting.capacity import PER_DEVICE
from allotment.accounting.need import DeviceSpan
from allotment.model.requests.grant import TeamGrant

_PART_MS: Final = PER_DEVICE * 1000


def seconds_used(
    grants: Sequence[TeamGrant], own: Mapping[str, int], held: Mapping[str, Sequence[DeviceSpan]], now: int
) -> dict[str, int]:
    """Device-seconds by the grant's id; of a grant in a cluster of which nothing is known it is not in there.

    Args:
        grants: of one team.
        own: devices that it is guaranteed without them, by cluster.
        held: what it held, by cluster that anything is known of.
        now: milliseconds since the epoch.
    """
    asked = [each for each in grants if each.terms.devices and {one.cluster for one in each.terms.shares} <= set(held)]
    used = Counter[str]({each.id: 0 for each in asked})
    first = sorted(asked, key=lambda each: (each.terms.since, each.id))
    for cluster, spans in held.items():
        given = [(each, sum(one.devices for one in each.terms.shares if one.cluster == cluster)) for each in first]
        for since, until, parts in _steps(spans, [each for each, _ in given], now):
            left = max(0, parts - own.get(cluster, 0) * PER_DEVICE)
            for each, devices in given:
                if each.terms.since <= since and (each.terms.until is None or until <= each.terms.until):
                    taken = min(left, devices * PER_DEVICE)
                    used[each.id] += taken * (until - since)
                    left -= taken
    return {name: each // _PART_MS for name, each in used.items()}


def _steps(spans: Sequence[DeviceSpan], grants: Sequence[TeamGrant], now: int) -> Iterator[tuple[int, int, int]]:
    """Times between which neither what is held nor what is granted changes, with what is held in parts of devices."""
    changes = Counter[int]()
    for span in spans:
        changes[span.since] += span.parts
        changes[span.until] -= span.parts
    ends = {moment for each in grants for moment in (each.terms.since, each.terms.until) if moment is not None}
    moments = sorted(each for each in {*changes, *ends, now} if each <= now)
    parts = 0
    for since, until in itertools.pairwise(moments):
        parts += changes[since]
        yield since, until, parts
