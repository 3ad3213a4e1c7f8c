"""A team that somebody asks for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class IsolationNeed(StrEnum):
    """What a team may need of its boundary, in the words of `allot team isolation`."""

    UNTRUSTED_CODE = "untrusted-code"
    OWN_HARDWARE = "own-hardware"
    OWN_DEFINITIONS = "own-definitions"
    COMPLIANCE = "compliance"
    REGULATED = "regulated"
    SEPARATE_BILL = "separate-bill"


@dataclass(frozen=True, slots=True)
class NewTeam:
    """What a team is to be, in the words of `allot team add`.

    Attributes:
        owners: the identity provider's groups whose people are owners.
        members: those whose people are members.
        clusters: where; empty for the one cluster outside production that offers all that is asked for.
        accelerators: guaranteed devices by accelerator (``a100``), capacity type (``a100:spot``) or cluster
            (``training/a100``).
        cpu: guaranteed, a Kubernetes quantity.
        memory: the same.
        cost_center: empty for none.
        budget: what it may spend in a calendar month without anybody being asked, in millionths of the currency; None
            for no budget.
        needs: of its boundary; what a namespace in a shared cluster cannot give, no request brings about.
    """

    owners: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    accelerators: tuple[tuple[str, int], ...] = ()
    cpu: str = "64"
    memory: str = "256Gi"
    cost_center: str = ""
    budget: int | None = None
    needs: tuple[IsolationNeed, ...] = ()
