"""What the documents of a directory declare: valid one by one, not yet checked against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from allotment.spec.problems import Source
from allotment.spec.schema.accelerator import AcceleratorSpec
from allotment.spec.schema.base import KindSpec
from allotment.spec.schema.cluster import ClusterSpec
from allotment.spec.schema.platform import PlatformSpec, PricesSpec, StorageClassDocument
from allotment.spec.schema.policy import PolicySpec, PrioritySpec, SharedServiceSpec, SloTierSpec
from allotment.spec.schema.team import TeamSpec

S = TypeVar("S", bound=KindSpec, covariant=True)


@dataclass(frozen=True, slots=True)
class Entry(Generic[S]):
    """A document of one kind, and where it stands."""

    spec: S
    source: Source


@dataclass(frozen=True, slots=True)
class Declared:
    """All documents by kind, in the order of files and documents.

    Attributes:
        platform: the document of kind Platform, or None where it is missing or cannot be read.
        broken: names by kind of documents that have errors of their own; references to them are not reported again.
    """

    platform: Entry[PlatformSpec] | None
    clusters: tuple[Entry[ClusterSpec], ...]
    accelerators: tuple[Entry[AcceleratorSpec], ...]
    teams: tuple[Entry[TeamSpec], ...]
    priorities: tuple[Entry[PrioritySpec], ...]
    policies: tuple[Entry[PolicySpec], ...]
    slo_tiers: tuple[Entry[SloTierSpec], ...]
    shared_services: tuple[Entry[SharedServiceSpec], ...]
    storage_classes: tuple[Entry[StorageClassDocument], ...]
    prices: tuple[Entry[PricesSpec], ...]
    broken: Mapping[str, frozenset[str]]
