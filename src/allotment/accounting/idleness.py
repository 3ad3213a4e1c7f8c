"""When a held device is idle: below a share of use for long enough, by the kind of work that holds it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from allotment.accounting.ledger import MS_PER_HOUR
from allotment.model.moments import moment
from allotment.model.observed.snapshot import DeviceUse


@dataclass(frozen=True, slots=True)
class IdleRule:
    """Idle is what was below `below` (0 to 1) for `minutes`."""

    below: float = 0.2
    minutes: int = 30

    @property
    def ms(self) -> int:
        """How long, in milliseconds."""
        return self.minutes * MS_PER_HOUR // 60


USUAL: Final = IdleRule()


@dataclass(frozen=True, slots=True)
class IdleRules:
    """A rule for each kind of work."""

    by_kind: Mapping[str, IdleRule] = field(default_factory=dict)

    def of(self, kind: str) -> IdleRule:
        """The rule of ``job``, ``notebook`` or ``service``."""
        return self.by_kind.get(kind, USUAL)


USUAL_RULES: Final = IdleRules()


class Use(Enum):
    """What a measurement says of a device."""

    BUSY = "busy"
    LOW = "low"
    """Below the threshold, and not known to be for long enough."""
    IDLE = "idle"


def use_of(measured: DeviceUse, rule: IdleRule, now: int) -> Use:
    """What one measurement says.

    Args:
        measured: how busy the device was.
        rule: of its holder's kind of work.
        now: milliseconds since 1970.
    """
    if measured.busy >= rule.below:
        return Use.BUSY
    since = moment(measured.idle_since)
    long = measured.over * 1000 >= rule.ms or (since is not None and now - since >= rule.ms)
    return Use.IDLE if long else Use.LOW


class MeasuredUses:
    """What is measured of devices, by who holds them."""

    def __init__(self, uses: Iterable[DeviceUse]) -> None:
        self._found: dict[tuple[str, str], list[DeviceUse]] = {}
        for each in sorted(uses, key=lambda use: use.device):
            self._found.setdefault((each.node, each.pod), []).append(each)

    def of(self, node: str, pod: str, held: Mapping[str, int], *, alone: bool) -> dict[str, Sequence[DeviceUse]]:
        """What is measured of a pod's devices on a node, by resource.

        Args:
            node: its name.
            pod: namespace/name.
            held: units that it holds there. Where more devices name it, nobody knows which are its own.
            alone: whether it has all devices of the node: then those are its own, too, that name nobody.
        """
        found: Sequence[DeviceUse] = self._found.get((node, pod), ())
        if not found and alone:
            found = self._found.get((node, ""), ())
        if len(found) > sum(held.values()):
            return {}
        told: dict[str, Sequence[DeviceUse]] = {}
        for resource, units in sorted(held.items()):
            # What is measured of a pod with devices of two kinds counts once.
            told[resource], found = found[:units], found[units:]
        return told
