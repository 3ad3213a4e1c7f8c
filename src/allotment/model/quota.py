"""Quota: how much of a resource a queue or a cohort is guaranteed, may borrow and lends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Allowance:
    """Quota of one resource in one flavor: Kueue's nominal, borrowing limit, lending limit.

    Units are the resource's own: milli-CPU, bytes, devices. A limit of None is "no limit".
    """

    nominal: int
    borrowing_limit: int | None
    lending_limit: int | None


@dataclass(frozen=True, slots=True)
class FlavorAllowance:
    """Quota of devices in one flavor."""

    flavor: str
    devices: Allowance


@dataclass(frozen=True, slots=True)
class Quota:
    """Quota of one queue or cohort in a cluster.

    Attributes:
        cpu: milli-CPU in the cluster's CPU flavor.
        memory: bytes in the cluster's CPU flavor.
        accelerators: one entry for each flavor, in order of preference.
    """

    cpu: Allowance
    memory: Allowance
    accelerators: tuple[FlavorAllowance, ...]

    def of(self, flavor: str) -> int:
        """Guaranteed devices of a flavor."""
        return sum(entry.devices.nominal for entry in self.accelerators if entry.flavor == flavor)


NOTHING: Final = Allowance(0, None, None)
NO_QUOTA: Final = Quota(NOTHING, NOTHING, ())
