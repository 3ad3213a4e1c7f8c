"""The format of a placement scenario: nodes, pods that run, pods to be placed; spellings as in the Kubernetes API."""

from __future__ import annotations

from typing import Any, Final

from msgspec import field

from allotment.scenarios.fields import (
    Amount,
    Name,
    NodeFields,
    Positive,
    Quantity,
    RequirementFields,
    Seconds,
    TolerationFields,
    Whole,
)
from allotment.scenarios.parsing import Fields

_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"


class SelectorFields(Fields, frozen=True):
    """A label selector."""

    match_labels: dict[Name, str] = field(default_factory=dict)
    match_expressions: tuple[RequirementFields, ...] = ()


class PodTermFields(Fields, frozen=True):
    """Other pods, and how near."""

    topology_key: Name
    label_selector: SelectorFields | None = None
    namespace_selector: SelectorFields | None = None
    namespaces: tuple[str, ...] = ()


class WeightedPodTermFields(Fields, frozen=True):
    """Other pods that count in the score."""

    weight: Whole
    pod_affinity_term: PodTermFields


class PodAffinityFields(Fields, frozen=True):
    """Pods to be near to, or far from."""

    required: tuple[PodTermFields, ...] = field(name=_REQUIRED, default=())
    preferred: tuple[WeightedPodTermFields, ...] = field(name=_PREFERRED, default=())


class NodeTermFields(Fields, frozen=True):
    """Nodes."""

    match_expressions: tuple[RequirementFields, ...] = ()
    match_fields: tuple[RequirementFields, ...] = ()


class NodeSelectorFields(Fields, frozen=True):
    """Nodes that a pod may go to: those of any term."""

    node_selector_terms: tuple[NodeTermFields, ...]


class PreferredNodeTermFields(Fields, frozen=True):
    """Nodes that count in the score."""

    weight: Whole
    preference: NodeTermFields


class NodeAffinityFields(Fields, frozen=True):
    """Nodes that a pod may go to, and those it had rather."""

    required: NodeSelectorFields | None = field(name=_REQUIRED, default=None)
    preferred: tuple[PreferredNodeTermFields, ...] = field(name=_PREFERRED, default=())


class AffinityFields(Fields, frozen=True):
    """All affinities of a pod."""

    node_affinity: NodeAffinityFields = NodeAffinityFields()
    pod_affinity: PodAffinityFields = PodAffinityFields()
    pod_anti_affinity: PodAffinityFields = PodAffinityFields()


class HostPortFields(Fields, frozen=True):
    """A port on the node itself."""

    port: Amount
    protocol: str = ""
    host_ip: str = field(name="hostIP", default="")


class SpreadFields(Fields, frozen=True):
    """A topology spread constraint."""

    topology_key: Name
    max_skew: Positive
    when_unsatisfiable: Name
    label_selector: SelectorFields | None = None
    min_domains: Positive = 1
    node_affinity_policy: str = "Honor"
    node_taints_policy: str = "Ignore"
    match_label_keys: tuple[Name, ...] = ()


class PodFields(Fields, frozen=True, kw_only=True):
    """A pod."""

    name: Name
    namespace: Name = "default"
    labels: dict[Name, str] = field(default_factory=dict)
    requests: dict[Name, Quantity] = field(default_factory=dict)
    priority: Whole = 0
    priority_class_name: str = ""
    preemption_policy: str = ""
    affinity: AffinityFields = AffinityFields()
    node_selector: dict[Name, str] = field(default_factory=dict)
    tolerations: tuple[TolerationFields, ...] = ()
    host_ports: tuple[Amount | HostPortFields, ...] = ()
    images: tuple[Name, ...] = ()
    pvc: Name | None = None
    topology_spread_constraints: tuple[SpreadFields, ...] = ()


class ExistingPodFields(PodFields, frozen=True, kw_only=True):
    """A pod that runs; `start` in Unix seconds."""

    node: Name
    start: Seconds


class NominatedPodFields(PodFields, frozen=True, kw_only=True):
    """A pod that was promised a node; `start` in Unix seconds."""

    nominated_node_name: Name
    start: Seconds


class PlacementNodeFields(NodeFields, frozen=True):
    """A node with what only placement looks at."""

    unschedulable: bool = False
    images: dict[Name, Amount] | None = None


class BudgetFields(Fields, frozen=True):
    """A PodDisruptionBudget."""

    name: Name
    disruptions_allowed: Whole
    selector: SelectorFields | None = None
    namespace: str = "default"


class ClaimFields(Fields, frozen=True):
    """A PersistentVolumeClaim."""

    name: Name
    storage_class_name: str = ""
    namespace: Name = "default"


class PlacementScenarioFields(Fields, frozen=True):
    """A line of a placement scenario file; the last four fields are what was recorded, read by others."""

    id: str
    nodes: tuple[PlacementNodeFields, ...]
    pods: tuple[PodFields, ...]
    kind: str = field(name="class", default="")
    existing: tuple[ExistingPodFields, ...] = ()
    nominated: tuple[NominatedPodFields, ...] = ()
    namespaces: dict[Name, dict[Name, str]] = field(default_factory=dict)
    pdbs: tuple[BudgetFields, ...] = ()
    pvcs: tuple[ClaimFields, ...] = ()
    storage_classes_immediate: tuple[str, ...] = field(name="storage_classes_immediate", default=())
    seed: Any = None
    kubernetes: Any = None
    priority_classes: Any = field(name="priority_classes", default=None)
    answers: Any = None
