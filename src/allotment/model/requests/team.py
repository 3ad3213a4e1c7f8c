"""A team that somebody asks for."""

from __future__ import annotations

from dataclasses import dataclass


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
    """

    owners: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    accelerators: tuple[tuple[str, int], ...] = ()
    cpu: str = "64"
    memory: str = "256Gi"
    cost_center: str = ""
    budget: int | None = None
