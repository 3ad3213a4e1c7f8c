"""What a Slurm showed at a moment, as a source of a snapshot keeps it beside its nodes and jobs."""

from __future__ import annotations

from allotment.model.observed.base import Part
from allotment.model.slurm.seen import (
    SlurmAssociation,
    SlurmJob,
    SlurmLicense,
    SlurmNode,
    SlurmPartition,
    SlurmQos,
    SlurmReservation,
)


class SlurmNodeFacts(Part, frozen=True):
    """A node; the fields mean what those of `SlurmNode` do, devices are named ``gpu:a100``."""

    name: str = ""
    states: tuple[str, ...] = ()
    reason: str = ""
    usable: bool = True
    partitions: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    cpus: int = 0
    cpus_used: int = 0
    memory_mib: int = 0
    memory_used_mib: int = 0
    gres: dict[str, int] = {}
    gres_used: dict[str, int] = {}


class SlurmFacts(Part, frozen=True):
    """Everything that answers about a Slurm rest on.

    Attributes:
        user: as whom it was asked; empty where nobody knows.
        named: number of a job by its namespace and name, as the source's objects have them.
        jobs: all that slurmctld knows, those that ended lately included.
        associations: empty where no accounting is kept.
        accounted: whether it is kept, and may be read.
    """

    user: str = ""
    named: dict[str, int] = {}
    jobs: tuple[SlurmJob, ...] = ()
    nodes: tuple[SlurmNodeFacts, ...] = ()
    partitions: tuple[SlurmPartition, ...] = ()
    associations: tuple[SlurmAssociation, ...] = ()
    qualities: tuple[SlurmQos, ...] = ()
    reservations: tuple[SlurmReservation, ...] = ()
    licenses: tuple[SlurmLicense, ...] = ()
    accounted: bool = False


def node_facts(node: SlurmNode) -> SlurmNodeFacts:
    """A node as a snapshot keeps it."""
    return SlurmNodeFacts(
        name=node.name,
        states=node.states,
        reason=node.reason,
        usable=node.usable,
        partitions=node.partitions,
        features=node.features,
        cpus=node.cpus,
        cpus_used=node.cpus_used,
        memory_mib=node.memory_mib,
        memory_used_mib=node.memory_used_mib,
        gres={":".join(filter(None, key)): count for key, count in node.gres.items()},
        gres_used={":".join(filter(None, key)): count for key, count in node.gres_used.items()},
    )
