"""The nouns of placement: nodes, pods and what pods ask for, as frozen values.

Quantities are integers: milli-CPU for `cpu`, bytes for `memory` and `ephemeral-storage`, whole units for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from allotment.model.cluster import Taint
from allotment.scheduling.kinds import Requirement, Toleration

Pairs = tuple[tuple[str, str], ...]
"""Labels as a sorted tuple of pairs: hashable, so that equal pods share their compiled form."""

CPU: Final = "cpu"
MEMORY: Final = "memory"
EPHEMERAL_STORAGE: Final = "ephemeral-storage"
PODS: Final = "pods"
HOSTNAME_LABEL: Final = "kubernetes.io/hostname"
ZONE_LABEL: Final = "topology.kubernetes.io/zone"
REGION_LABEL: Final = "topology.kubernetes.io/region"
NAME_FIELD: Final = "metadata.name"
NAMESPACE_NAME_LABEL: Final = "kubernetes.io/metadata.name"
UNSCHEDULABLE_TAINT_KEY: Final = "node.kubernetes.io/unschedulable"


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All requirements must hold; without requirements it matches every object."""

    requirements: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeSelectorTerm:
    """One alternative of a node affinity; an empty term matches no node."""

    expressions: tuple[Requirement, ...] = ()
    fields: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True)
class PreferredNodeTerm:
    """A node preference with its weight (1-100)."""

    weight: int
    term: NodeSelectorTerm


@dataclass(frozen=True, slots=True)
class NodeAffinity:
    """Where a pod may run and where it would like to.

    Attributes:
        selector: the pod's `nodeSelector`.
        required: alternatives, one of which must match; `None` = no such condition (an empty tuple matches nothing).
        preferred: weighted preferences.
    """

    selector: Pairs = ()
    required: tuple[NodeSelectorTerm, ...] | None = None
    preferred: tuple[PreferredNodeTerm, ...] = ()


@dataclass(frozen=True, slots=True)
class AffinityTerm:
    """A (anti-)affinity to other pods within one topology domain.

    Attributes:
        topology_key: the node label whose value names the domain.
        selector: which pods; `None` matches none.
        namespaces: namespaces named in the term.
        namespace_selector: further namespaces by their labels; `None` = none. With neither, the pod's own namespace.
    """

    topology_key: str
    selector: LabelSelector | None = None
    namespaces: tuple[str, ...] = ()
    namespace_selector: LabelSelector | None = None


@dataclass(frozen=True, slots=True)
class WeightedTerm:
    """A preferred affinity term with its weight (1-100)."""

    weight: int
    term: AffinityTerm


@dataclass(frozen=True, slots=True)
class PodAffinity:
    """All inter-pod terms of a pod."""

    required: tuple[AffinityTerm, ...] = ()
    required_anti: tuple[AffinityTerm, ...] = ()
    preferred: tuple[WeightedTerm, ...] = ()
    preferred_anti: tuple[WeightedTerm, ...] = ()


@dataclass(frozen=True, slots=True)
class SpreadConstraint:
    """A topology spread constraint.

    Attributes:
        hard: `DoNotSchedule` (filters) rather than `ScheduleAnyway` (scores).
        honor_affinity: count only nodes the pod's node affinity admits (default of Kubernetes).
        honor_taints: count only nodes whose taints the pod tolerates.
    """

    topology_key: str
    max_skew: int
    hard: bool
    selector: LabelSelector | None
    min_domains: int = 1
    honor_affinity: bool = True
    honor_taints: bool = False


@dataclass(frozen=True, slots=True)
class HostPort:
    """A port on the node itself."""

    port: int
    protocol: str = "TCP"
    ip: str = "0.0.0.0"  # noqa: S104  the API's own default: every address


@dataclass(frozen=True, slots=True)
class VolumePlaces:
    """Nodes on which one of a pod's volumes can be used.

    Attributes:
        terms: alternatives, one of which a node must match; none = no node will do.
        bound: the volume is there and lies where it lies; otherwise its claim waits for a pod, and this is where a
            volume for it could be found or made.
    """

    terms: tuple[NodeSelectorTerm, ...]
    bound: bool


@dataclass(frozen=True, slots=True)
class PodShape:
    """Everything about a pod that placement looks at, except its name, rank and age.

    Attributes:
        requests: resource and quantity; an absent resource is unset (scores use a default), an explicit 0 is 0.
        images: images of the containers, for image locality.
        volume_problem: why the pod's volumes cannot be used on any node, if that is so.
        volumes: where they can be used; those that can be used everywhere are left out.
    """

    namespace: str = "default"
    labels: Pairs = ()
    requests: tuple[tuple[str, int], ...] = ()
    node_affinity: NodeAffinity = NodeAffinity()
    affinity: PodAffinity = PodAffinity()
    tolerations: tuple[Toleration, ...] = ()
    spread: tuple[SpreadConstraint, ...] = ()
    host_ports: tuple[HostPort, ...] = ()
    images: tuple[str, ...] = ()
    volume_problem: VolumeProblem | None = None
    volumes: tuple[VolumePlaces, ...] = ()


@dataclass(frozen=True, slots=True)
class MissingClaim:
    """The pod names a PersistentVolumeClaim that does not exist."""

    claim: str


@dataclass(frozen=True, slots=True)
class UnboundImmediateClaim:
    """The claim should have been bound at once by its storage class, and is not."""

    claim: str


VolumeProblem = MissingClaim | UnboundImmediateClaim


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod to be placed, or one that runs.

    Attributes:
        start: start time in seconds since the epoch; only the order matters (importance in preemption).
        never_preempts: `preemptionPolicy: Never`.
    """

    name: str
    shape: PodShape
    priority: int = 0
    start: float = 0.0
    never_preempts: bool = False

    @property
    def key(self) -> str:
        """Namespace and name: unique within a cluster."""
        return f"{self.shape.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Node:
    """A node; `allocatable` includes `pods`, `images` gives bytes per image present on it."""

    name: str
    allocatable: Mapping[str, int]
    labels: Mapping[str, str]
    taints: tuple[Taint, ...] = ()
    unschedulable: bool = False
    images: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class DisruptionBudget:
    """A PodDisruptionBudget as preemption sees it: pods it covers, and how many may still go."""

    name: str
    selector: LabelSelector | None
    allowed: int
    namespace: str = "default"
