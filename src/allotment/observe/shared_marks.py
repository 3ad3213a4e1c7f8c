"""Labels of what is everybody's: those that scheduling and answers rest on stay; what else people wrote there goes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from msgspec.structs import replace

from allotment.model import labels
from allotment.model.observed.base import Names, ObjectMeta
from allotment.model.observed.snapshot import Objects
from allotment.observe.standing_in import StandIns
from allotment.observe.vocabulary import is_known

ABOUT_TEAMS: Final = frozenset({labels.TEAM, labels.TENANT, labels.DEDICATED, labels.PROJECT, labels.COST_CENTER})
"""Keys of labels and taints whose values name a team."""
_PEOPLE: Final = frozenset(
    {
        "contact",
        "customer",
        "department",
        "group",
        "org",
        "organization",
        "owner",
        "project",
        "requester",
        "squad",
        "team",
        "tenant",
        "user",
    }
)
"""Last words of keys of taints whose values name somebody."""
_DOMAINS: Final = (
    "allotment.dev",
    "amd.com",
    "cloud.google.com",
    "eks.amazonaws.com",
    "habana.ai",
    "intel.com",
    "k8s.amazonaws.com",
    "k8s.aws",
    "k8s.io",
    "karpenter.sh",
    "kubernetes.azure.com",
    "kubernetes.io",
    "nvidia.com",
    "x-k8s.io",
)
"""Whose labels are set by the cluster, its cloud or its drivers."""
_DEFAULT_CLASS: Final = frozenset(
    {"storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"}
)
"""Annotations of what is everybody's on which answers rest."""


@dataclass(frozen=True, slots=True)
class SharedMarks:
    """Which labels of shared objects may stay.

    Attributes:
        theirs: names of the team: what a label about teams may say.
        platform: keys by which flavors and topologies select nodes.
        asked: words in the team's own specs: keys and values that it selects by.
        stand_ins: what stands for names of others, wherever they stand.
        values: what stands for values of labels that are not theirs to read, and may be words of other things.
    """

    theirs: frozenset[str]
    platform: frozenset[str]
    asked: frozenset[str]
    stand_ins: StandIns
    values: StandIns

    def narrowed(self, meta: ObjectMeta) -> ObjectMeta:
        """Metadata without the rest."""
        kept: Names = {}
        for key, value in meta.labels.items():
            if key in ABOUT_TEAMS:
                kept[key] = self.about_teams(value)
            elif key in self.platform or is_of_the_cluster(key) or (key in self.asked and value in self.asked):
                kept[key] = value
            elif key in self.asked:
                # That the key is there decides whether a node is selected; what it says is not theirs to read.
                kept[key] = self.values.of(value)
        said = {key: value for key, value in meta.annotations.items() if key in _DEFAULT_CLASS and is_known(value)}
        narrowed: ObjectMeta = replace(meta, labels=kept, annotations=said)
        return narrowed

    def about_teams(self, value: str) -> str:
        """The value of a label about teams."""
        if value in self.theirs:
            return value
        return self.values.of(value) if is_known(value) else self.stand_ins.of(value)

    def selecting(self, node_labels: Names) -> Names:
        """Labels by which a flavor selects nodes, as `narrowed` leaves them on these."""
        return {key: self.about_teams(value) if key in ABOUT_TEAMS else value for key, value in node_labels.items()}


def names_people(key: str) -> bool:
    """Whether the value of a taint's key names somebody."""
    return key in ABOUT_TEAMS or key.rpartition("/")[2].lower() in _PEOPLE


def platform_keys(objects: Objects) -> frozenset[str]:
    """Keys of node labels by which the platform itself selects."""
    flavors = {key for each in objects.flavors for key in each.spec.node_labels}
    return frozenset(flavors | {level.node_label for each in objects.topologies for level in each.spec.levels})


@lru_cache(maxsize=4096)
def is_of_the_cluster(key: str) -> bool:
    """Whether a key is of a domain of the cluster's own, its cloud or its drivers."""
    domain, slash, _ = key.partition("/")
    return bool(slash) and any(domain == each or domain.endswith(f".{each}") for each in _DOMAINS)
