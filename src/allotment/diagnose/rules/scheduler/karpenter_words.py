"""What Karpenter writes about pods: the node claim that a pod is meant for, or why no NodePool makes a node for it.

It writes events, and the same event of a pod no more than every few minutes, whatever has changed: they are taken apart
here, and whether they still hold is found out elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from allotment.diagnose.case import Case
from allotment.model.observed.namespaced import Event
from allotment.model.observed.pods import Pod

_FAILED: Final = "Failed to schedule pod, "
_MEANT: Final = "Pod should schedule on: "
_CLAIM: Final = re.compile(r"\bnodeclaim/([a-z0-9][a-z0-9.-]*)")
_POOL: Final = re.compile(
    r'\(NodePool=([^)\s]+)\)|karpenter\.sh/nodepool In \[([^\]\s]+)\]|nodepool:? "([^"]+)"|for nodepool:? ([a-z0-9.-]+)'
)
_UNKNOWN_LABEL: Final = re.compile(r'label "([^"]+)" does not have known values')
_OTHER_VALUE: Final = re.compile(r"incompatible requirements, key ([^,\s]+),")


class PoolBar(StrEnum):
    """What keeps a NodePool from making a node for a pod."""

    LIMIT = "limit"
    """One more node would be above its limits. Karpenter looks at nothing else then."""
    TAINT = "taint"
    LABEL = "label"
    """Its nodes are not what the pod selects."""
    SIZE = "size"
    """None of its machines is large enough."""
    STOCK = "stock"
    """The cloud has none of the machines that would do."""


_SAID: Final = (
    ("exceed limits", PoolBar.LIMIT),
    ("did not tolerate", PoolBar.TAINT),
    ("filtered out all available instance types", PoolBar.STOCK),
    (", had a required offering", PoolBar.STOCK),
    ("has the required offering", PoolBar.STOCK),
    ("had the required resources", PoolBar.SIZE),
    ("has enough resources", PoolBar.SIZE),
    ("instance type had enough resources or", PoolBar.SIZE),
    ("does not have known values", PoolBar.LABEL),
    ("incompatible requirements", PoolBar.LABEL),
    ("met all requirements", PoolBar.LABEL),
    ("met the scheduling requirements", PoolBar.LABEL),
    ("requirements/resources/offering tuple", PoolBar.LABEL),
)
"""Words of a refusal, and what they mean; the first that stand in it count, for some stand in several."""


@dataclass(frozen=True, slots=True)
class PoolRefusal:
    """Why one NodePool makes no node.

    Attributes:
        pool: its name; empty where the words do not tell.
        label: the label that it is about, for `PoolBar.LABEL`; empty where the words do not tell.
    """

    bar: PoolBar
    pool: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class KarpenterWord:
    """The last that Karpenter said of a pod.

    Attributes:
        claim: the node claim that the pod is meant for; empty where it is refused.
        refusals: of the NodePools, where it is refused.
    """

    pod: Pod
    event: Event
    claim: str = ""
    refusals: tuple[PoolRefusal, ...] = ()


def last_word(case: Case, pod: Pod) -> KarpenterWord | None:
    """The last that Karpenter said of a pod; None if it said nothing."""
    for event in reversed(case.events(pod)):
        if event.reason == "Nominated" and event.message.startswith(_MEANT):
            found = _CLAIM.search(event.message)
            return KarpenterWord(pod, event, claim=found[1]) if found is not None else None
        if event.reason == "FailedScheduling" and event.message.startswith(_FAILED):
            return KarpenterWord(pod, event, refusals=refusals_in(event.message.removeprefix(_FAILED)))
    return None


def refusals_in(text: str) -> tuple[PoolRefusal, ...]:
    """The refusals of a message, one for each NodePool that Karpenter looked at; what is not understood is left out."""
    return tuple(found for part in text.split("; ") if (found := _refusal(part)) is not None)


def _refusal(text: str) -> PoolRefusal | None:
    bar = next((bar for words, bar in _SAID if words in text), None)
    if bar is None:
        return None
    named = _POOL.search(text)
    label = _UNKNOWN_LABEL.search(text) or _OTHER_VALUE.search(text)
    pool = next(filter(None, named.groups()), "") if named is not None else ""
    return PoolRefusal(bar, pool, label[1] if label is not None and bar is PoolBar.LABEL else "")
