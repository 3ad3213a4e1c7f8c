"""What the queues say of a job that waits, in plain words and units: their own stand in JSON, and in what `why` tells.

The queues speak as Kueue does, so that both can be compared word by word; who only wants to know what is missing reads
these.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from allotment.model.grammar import count
from allotment.model.quantity import parse_quantity, said_amount

_UNASSIGNED: Final = re.compile(r"couldn't assign flavors to pod set [^\s:]+: ")
_TOO_LARGE: Final = re.compile(
    r"insufficient quota for (?P<resource>\S+) in flavor (?P<flavor>[^\s,;]+), previously considered podsets requests "
    r"\((?P<before>\S+)\) \+ current podset request \((?P<asked>\S+)\) > maximum capacity \((?P<most>\S+)\)"
)
_SHORT: Final = re.compile(
    r"insufficient unused quota for (?P<resource>\S+) in flavor (?P<flavor>[^\s,;]+), (?P<missing>\S+) more needed"
)
_NOT_MEANT: Final = re.compile(
    r"flavor [^\s,]+ doesn't match node affinity(?:, |$)|, flavor [^\s,]+ doesn't match node affinity(?=[,.]|$)"
)
_LOST_PLACE: Final = "Workload no longer fits after processing another workload"
_PENDING: Final = re.compile(r"\. Pending the preemption of (?P<number>\d+) workload\(s\)")
_MADE_ROOM: Final = re.compile(
    r"(?:Previously: )?Preempted to accommodate a workload \(UID: [^)]*\) due to (?P<why>[^;]+)"
    r"(?:; preemptor path: [^;]*)?(?:; preemptee path: [^;]*)?(?:; preemptor: (?P<name>[^;]+))?"
)
_AGAIN: Final = re.compile(r"(?P<said>.*); (?P<often>displaced \d+ times so far(?:, last by [^;]+)?)", re.DOTALL)
"""What a back end adds to them of a job that is displaced again and again."""
_MEANT: Final = {
    _LOST_PLACE: "another job got its place; it starts when there is room again",
    "Workload has overlapping preemption targets with another workload": "others make room for a job before it",
    "Workload has overlapping preemption targets with another workload, but will fit after these preemptions "
    "complete": "it starts when the jobs that are told to end have made room",
    "ContainerCreating": "its containers are being made",
    "PodInitializing": "its containers are being prepared",
    "ErrImagePull": "its image could not be fetched",
    "ImagePullBackOff": "its image could not be fetched; that is tried again",
}
"""Whole sentences of the queues, and of what starts containers."""


@lru_cache(2048)
def plain_reason(said: str) -> str:
    """The same in plain words; what has another form stays as it is."""
    again = _AGAIN.fullmatch(said)
    if again is not None:
        return f"{again['often']}: {plain_reason(again['said'])}"
    if said in _MEANT:
        return _MEANT[said]
    text = _UNASSIGNED.sub("", said)
    # A flavor that was not asked for is no reason where there is another.
    text = _NOT_MEANT.sub("", text) or text
    text = _TOO_LARGE.sub(_too_large, text)
    text = _PENDING.sub(_making_room, text)
    text = _MADE_ROOM.sub(_made_room, text)
    return _SHORT.sub(_short, text)


def too_large(said: str) -> bool:
    """Whether more is asked for than the queue can ever have."""
    return _TOO_LARGE.search(said) is not None


def lacks_room(said: str) -> bool:
    """Whether others hold what is missing."""
    again = _AGAIN.fullmatch(said)
    return (said if again is None else again["said"]) == _LOST_PLACE or _SHORT.search(said) is not None


def _making_room(found: re.Match[str]) -> str:
    number = int(found["number"])
    return f"; {count(number, 'job')} {'makes' if number == 1 else 'make'} room for it"


def _made_room(found: re.Match[str]) -> str:
    return f"it made room for {found['name'] or 'other work'} ({found['why']})"


def _too_large(found: re.Match[str]) -> str:
    asked = _amount(found["resource"], found["flavor"], found["asked"])
    most = _amount(found["resource"], found["flavor"], found["most"])
    beside = "" if found["before"] == "0" else f" beside {found['before']}"
    return f"it asks for {asked}{beside}, and {most} is the most that it can have here"


def _short(found: re.Match[str]) -> str:
    return f"{_amount(found['resource'], found['flavor'], found['missing'])} short"


def _amount(resource: str, flavor: str, text: str) -> str:
    """With its unit: ``0.25 CPU``, ``2.8 GiB of memory``, ``2 a100``."""
    try:
        amount = parse_quantity(text)
    except ValueError:
        return f"{text} of {resource}"
    return said_amount(resource, flavor, amount)
