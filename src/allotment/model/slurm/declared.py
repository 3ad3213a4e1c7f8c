"""A Slurm as the platform directory declares it, beside its Kubernetes clusters: no quota of Kueue counts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DeclaredSlurm:
    """Where a Slurm is, and what the platform's words are called on it.

    Attributes:
        name: as users name it after ``--on``.
        folder: that all its nodes see, with jobs' code, checkpoints and output below it.
        slurmrestd: address; empty for Slurm's commands on the machine of whoever asks.
        accounts: by team; else the team's own name.
        partitions: by rung; else the cluster's default.
        qualities: quality of service by rung; else the account's default.
        classes: GRES type by class of the catalogue; else the class's own name.
        images: folder of an OCI bundle by image.
        description: for people.
    """

    name: str
    folder: str
    slurmrestd: str = ""
    accounts: Mapping[str, str] = field(default_factory=dict)
    partitions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    qualities: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
