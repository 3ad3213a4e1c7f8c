"""Use case: which work do our policies keep controllers from making? One bounded list of events is read for it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import islice
from typing import Final

from allotment.plan.refused import Refusals, refusals
from allotment.plan.strangers.stranger import Unread
from allotment.ports.kube import KubePort, RefusedError

MOST: Final = 2000
"""Events that are read at most."""

_FAILED: Final = "reason=FailedCreate"
"""How the controllers of Jobs, CronJobs, ReplicaSets, StatefulSets and DaemonSets put it."""


@dataclass(frozen=True, slots=True)
class RefusedLook:
    """What events say.

    Attributes:
        refusals: by namespace and policy.
        unread: why nothing is known; None if it is.
        cut: whether there were more events than are read.
    """

    refusals: tuple[Refusals, ...]
    unread: Unread | None = None
    cut: bool = False


def look_at_refusals(kube: KubePort, now: dt.datetime) -> RefusedLook:
    """Look; who may not list events is told so, and learns all else.

    Raises:
        UnreachableError: the server does not answer.
        NotSignedInError: no valid credentials.
    """
    try:
        events = list(islice(kube.list("v1", "Event", fields=_FAILED), MOST + 1))
    except RefusedError as error:
        return RefusedLook((), Unread("Event", f"whether policies refuse work is not known: {error.message}"))
    return RefusedLook(refusals(events[:MOST], now), cut=len(events) > MOST)
