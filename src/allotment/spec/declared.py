"""What the documents of a directory declare: valid one by one, not yet checked against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from allotment.spec.problems import Source
from allotment.spec.schema.accelerator import AcceleratorSpec
from allotment.spec.schema.approvals import ApprovalsSpec
from allotment.spec.schema.base import KindSpec
from allotment.spec.schema.cluster import ClusterSpec
from allotment.spec.schema.grant import GrantSpec
from allotment.spec.schema.platform import PlatformSpec, PricesSpec, StorageClassDocument
from allotment.spec.schema.policy import PolicySpec, PrioritySpec, SharedServiceSpec, SloTierSpec
from allotment.spec.schema.slurm import SlurmClusterSpec
from allotment.spec.schema.team import TeamSpec

S = TypeVar("S", bound=KindSpec, covariant=True)


@dataclass(frozen=True, slots=True)
class DeclaredDocument(Generic[S]):
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

    platform: DeclaredDocument[PlatformSpec] | None
    clusters: tuple[DeclaredDocument[ClusterSpec], ...]
    slurms: tuple[DeclaredDocument[SlurmClusterSpec], ...]
    accelerators: tuple[DeclaredDocument[AcceleratorSpec], ...]
    teams: tuple[DeclaredDocument[TeamSpec], ...]
    priorities: tuple[DeclaredDocument[PrioritySpec], ...]
    policies: tuple[DeclaredDocument[PolicySpec], ...]
    slo_tiers: tuple[DeclaredDocument[SloTierSpec], ...]
    shared_services: tuple[DeclaredDocument[SharedServiceSpec], ...]
    storage_classes: tuple[DeclaredDocument[StorageClassDocument], ...]
    prices: tuple[DeclaredDocument[PricesSpec], ...]
    approvals: tuple[DeclaredDocument[ApprovalsSpec], ...]
    grants: tuple[DeclaredDocument[GrantSpec], ...]
    broken: Mapping[str, frozenset[str]]
