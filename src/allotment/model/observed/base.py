"""What every observed object has: metadata, owners, conditions, selectors."""

from __future__ import annotations

from typing import Final

import msgspec

Amount = str | int | float
"""A quantity as the API server sends it: text, or a bare number from an object whose schema lets it through."""
Amounts = dict[str, Amount]
"""Resource → quantity."""
Names = dict[str, str]
"""Labels, selectors, annotations."""

_ANNOTATIONS: Final = (
    "allotment.dev/",
    "alpha.jobset.sigs.k8s.io/",
    "autoscaling.x-k8s.io/",
    "batch.kubernetes.io/",
    "cluster-autoscaler.kubernetes.io/",
    "controller.kubernetes.io/",
    "deployment.kubernetes.io/",
    "jobset.sigs.k8s.io/",
    "karpenter.sh/",
    "kueue.x-k8s.io/",
    "leaderworkerset.sigs.k8s.io/",
    "nvidia.com/",
    "provreq.kueue.x-k8s.io/",
    "pv.kubernetes.io/",
    "scheduling.k8s.io/",
    "storageclass.kubernetes.io/",
    "volume.beta.kubernetes.io/",
    "volume.kubernetes.io/",
)
"""Domains whose annotations answers rest on; nobody keeps a secret there."""
_LONGEST: Final = 1024
"""Characters of an annotation or a label that are kept whole; a longer one says nothing to anybody and is dropped."""
LONGEST_MESSAGE: Final = 4096
"""Characters of a condition's or event's message; the API server's own bound of an event's is 1,024."""


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, gc=False):
    """Root of all observed values.

    Frozen, and made of values alone, so that no cycle can be among them: the collector need not look at them, which
    makes reading a large file six times as fast.
    """


class OwnerReference(Part, frozen=True):
    """Who made an object."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool = False


class ObjectMeta(Part, frozen=True):
    """Metadata; of the annotations only those of known domains."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    generate_name: str = ""
    generation: int = 0
    creation_timestamp: str = ""
    deletion_timestamp: str = ""
    labels: Names = {}
    annotations: Names = {}
    owner_references: tuple[OwnerReference, ...] = ()
    finalizers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Let go of what no answer rests on, before anything can show it."""
        if self.annotations:
            kept = {
                key: value
                for key, value in self.annotations.items()
                if len(value) <= _LONGEST and key.startswith(_ANNOTATIONS)
            }
            msgspec.structs.force_setattr(self, "annotations", kept)

    @property
    def controller(self) -> OwnerReference | None:
        """The owner that manages the object, if any."""
        for each in self.owner_references:  # asked of everything, again and again: `next` takes twice as long
            if each.controller:
                return each
        return None


class Condition(Part, frozen=True):
    """A condition of a status."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: str = ""
    observed_generation: int = 0

    def __post_init__(self) -> None:
        """A message longer than any controller's is cut."""
        if len(self.message) > LONGEST_MESSAGE:
            msgspec.structs.force_setattr(self, "message", self.message[:LONGEST_MESSAGE])

    @property
    def true(self) -> bool:
        """Whether it holds."""
        return self.status == "True"


class LabelRequirement(Part, frozen=True):
    """One expression of a selector."""

    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()


class Selector(Part, frozen=True):
    """A label selector; without any condition it matches every object."""

    match_labels: Names = {}
    match_expressions: tuple[LabelRequirement, ...] = ()


class Reference(Part, frozen=True):
    """An object that another names."""

    api_version: str = ""
    api_group: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""


class Object(Part, frozen=True):
    """An object with its kind in the API; kinds that only one version serves need not carry it."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()

    @property
    def name(self) -> str:
        """Its name."""
        return self.metadata.name

    @property
    def namespace(self) -> str:
        """Its namespace; empty where the kind has none."""
        return self.metadata.namespace

    @property
    def key(self) -> str:
        """Namespace and name, or the name alone."""
        return f"{self.metadata.namespace}/{self.metadata.name}" if self.metadata.namespace else self.metadata.name


def condition(conditions: tuple[Condition, ...], type_: str) -> Condition | None:
    """The condition of a type, the last if it is there twice."""
    return next((each for each in reversed(conditions) if each.type == type_), None)


def is_true(conditions: tuple[Condition, ...], type_: str) -> bool:
    """Whether a condition is there and holds."""
    found = condition(conditions, type_)
    return found is not None and found.true
