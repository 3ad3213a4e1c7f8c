"""What somebody asks for, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.requests.team import NewTeam


class RequestKind(Enum):
    """What is asked for; the text is what users write and what is kept."""

    GPUS = "gpus"
    """More guaranteed devices in a team's queues, for a time."""
    NAMESPACE = "namespace"
    ENDPOINT = "endpoint"
    """A service that others call."""
    CLUSTER = "cluster"
    VOLUME = "volume"
    NOTEBOOK = "notebook"
    MODEL_API = "model-api"
    """An endpoint of somebody else's models, paid by use."""
    TEAM = "team"
    """A team that is not there yet, with all that it needs to run its first job."""
    LEAVE = "leave"
    """That a team leaves; its data stay until a day."""


class WorkloadType(Enum):
    """What it is asked for."""

    TRAINING = "training"
    EXPERIMENT = "experiment"
    SERVING = "serving"
    BATCH = "batch"
    NOTEBOOK = "notebook"


@dataclass(frozen=True, slots=True)
class QuotaShare:
    """Guaranteed quota of a team in one cluster.

    Attributes:
        cluster: name in the platform directory.
        flavor: of the cluster; its accelerator and how it is bought.
        devices: how many, 0 or more.
        cpu: that comes with them.
        memory: that comes with them.
    """

    cluster: str
    flavor: str
    devices: int
    cpu: MilliCpu
    memory: Bytes


@dataclass(frozen=True, slots=True)
class TakenShare:
    """Guaranteed quota that another team does without meanwhile."""

    team: str
    share: QuotaShare


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms something is asked for, offered or granted; two that say the same are equal.

    Attributes:
        shares: quota, at most one for each cluster and flavor, in the order of their names; empty where none is asked.
        taken: of whom, in the order of their names.
        since: when it begins, milliseconds since the epoch.
        until: when it ends; None for good.
        price: of the whole time, in millionths of the platform's currency; None where it is not known.
    """

    shares: tuple[QuotaShare, ...]
    taken: tuple[TakenShare, ...]
    since: int
    until: int | None
    price: int | None

    @property
    def devices(self) -> int:
        """All devices together."""
        return sum(each.devices for each in self.shares)

    @property
    def lasts(self) -> int | None:
        """Milliseconds; None for good."""
        return None if self.until is None else self.until - self.since

    def within(self, other: Terms) -> bool:
        """Whether these give nothing, at no moment, that the others do not give as well."""
        given = {(each.cluster, each.flavor): each for each in other.shares}
        for each in self.shares:
            most = given.get((each.cluster, each.flavor))
            if most is None:
                return False
            if each.devices > most.devices or each.cpu > most.cpu or each.memory > most.memory:
                return False
        ends = other.until is None or (self.until is not None and self.until <= other.until)
        return ends and self.since >= other.since


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for, apart from its terms.

    Attributes:
        kind: what it is.
        team: for whom; its name in the platform directory.
        workload: what for.
        justification: why, in the requester's words; foreign text.
        subject: name of the namespace, endpoint, cluster, volume or notebook; empty for devices.
        environment: in which it is to be; empty where that says nothing.
        new_team: what a team is to be that is asked for; None for every other kind.
        keep_data_until: of a team that is to leave, the last day on which its data are kept, such as ``2027-01-31``.
        size: bytes of a volume; 0 for every other kind.
        clusters: in which a namespace, a volume or a notebook is to be; empty for every other kind.
        image: that a notebook runs; empty for every other kind.
        accelerator: class of the device of a notebook; empty for none.
    """

    kind: RequestKind
    team: str
    workload: WorkloadType
    justification: str
    subject: str = ""
    environment: str = ""
    new_team: NewTeam | None = None
    keep_data_until: str = ""
    size: int = 0
    clusters: tuple[str, ...] = ()
    image: str = ""
    accelerator: str = ""
