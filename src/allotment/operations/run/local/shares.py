"""This machine as one small cluster: a queue for each team, with quota as the platform shares out its own.

Each team is guaranteed a part of every resource, in proportion to what it is guaranteed over all clusters of the
platform; whatever is left over goes to the largest remainders, so that the guarantees sum to the machine. All queues
are in one cohort without limits: what one team does not use the others do, and it comes back at once when it is asked
for, by the rules that `render.kueue` writes for every cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from allotment.accounting.capacity import largest_remainder
from allotment.model.labels import ACCELERATOR
from allotment.model.platform import Platform
from allotment.model.quantity import SLOTS, Bytes, MilliCpu
from allotment.model.team import Placement, Team
from allotment.scheduling.queueing.inputs import (
    ClusterQueue,
    ClusterState,
    Cohort,
    EngineSettings,
    FlavorQuotas,
    PreemptionPolicy,
    ResourceFlavor,
    ResourceGroup,
    ResourceQuota,
)

CPU: Final = "cpu"
MEMORY: Final = "memory"
DEVICE: Final = "device"
"""Resource names of the machine's queues; a device is one whole accelerator, or one slot that stands for it."""
MACHINE_FLAVOR: Final = "machine"
"""Flavor of CPU and memory."""
_COHORT: Final = "machine"
SETTINGS: Final = EngineSettings()


@dataclass(frozen=True, slots=True)
class MachineSize:
    """What the machine gives to jobs.

    Attributes:
        devices: number by class of the catalogue; under `SLOTS` those that only stand for accelerators.
    """

    cpu: MilliCpu
    memory: Bytes
    devices: Mapping[str, int]


def machine_state(platform: Platform, size: MachineSize) -> ClusterState:
    """The machine's queues.

    Teams that are leaving get none: what they submit is refused before it comes here.
    """
    teams = [team for team in platform.teams if team.offboarding is None]
    cpu = _shares(size.cpu, teams, lambda placement: placement.cpu.nominal)
    memory = _shares(size.memory, teams, lambda placement: placement.memory.nominal)
    devices = {name: _shares(count, teams, _guaranteed_devices) for name, count in size.devices.items()}
    return ClusterState(
        flavors=(
            ResourceFlavor(MACHINE_FLAVOR),
            # Without a label a flavor is every class at once: that is what a slot is.
            *(ResourceFlavor(name, () if name == SLOTS else ((ACCELERATOR, name),)) for name in size.devices),
        ),
        cluster_queues=tuple(
            ClusterQueue(
                name=team.name,
                resource_groups=tuple(
                    _groups(
                        cpu[team.name], memory[team.name], {name: part[team.name] for name, part in devices.items()}
                    )
                ),
                cohort=_COHORT,
                within_cluster_queue=PreemptionPolicy.LOWER_PRIORITY,
                reclaim_within_cohort=PreemptionPolicy.ANY,
            )
            for team in teams
        ),
        cohorts=(Cohort(_COHORT),),
    )


def _groups(cpu: int, memory: int, devices: Mapping[str, int]) -> Iterable[ResourceGroup]:
    plain = ((CPU, ResourceQuota(cpu)), (MEMORY, ResourceQuota(memory)))
    yield ResourceGroup((CPU, MEMORY), (FlavorQuotas(MACHINE_FLAVOR, plain),))
    if devices:
        flavors = (FlavorQuotas(name, ((DEVICE, ResourceQuota(count)),)) for name, count in devices.items())
        yield ResourceGroup((DEVICE,), tuple(flavors))


def _shares(total: int, teams: Iterable[Team], guaranteed: Callable[[Placement], int]) -> dict[str, int]:
    """Parts of a total by team; equal ones where nobody is guaranteed anything."""
    weights = {team.name: sum(map(guaranteed, team.placements)) for team in teams}
    if not any(weights.values()):
        weights = dict.fromkeys(weights, 1)
    return largest_remainder(total, weights) if weights else {}


def _guaranteed_devices(placement: Placement) -> int:
    return sum(entry.devices.nominal for entry in placement.accelerators)
