"""What would go with a namespace or a claim: data by size, workloads by kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.model.manifest import Body
from allotment.model.quantity import Bytes, format_bytes, parse_quantity

_NAMED: Final = 5
"""Claims that are named; of more the rest is counted."""


@dataclass(frozen=True, slots=True)
class LiveClaim:
    """A live PersistentVolumeClaim.

    Attributes:
        size: as it is, else as it was asked for; empty if neither is known.
    """

    name: str
    size: str


@dataclass(frozen=True, slots=True)
class Belongings:
    """What lies in a namespace.

    Attributes:
        claims: whoever made them; None if they may not be listed.
        workloads: how many of each kind.
    """

    claims: tuple[LiveClaim, ...] | None = ()
    workloads: tuple[tuple[str, int], ...] = ()

    @property
    def told(self) -> str:
        """``2 claims with 6Ti (datasets 4Ti, checkpoints 2Ti); 3 Job, 8 Pod``."""
        work = ", ".join(f"{number} {kind}" for kind, number in self.workloads) or "no workloads"
        return f"{_claims_text(self.claims)}; {work}"


def claim_of(body: Body) -> LiveClaim:
    """A claim as it lies in the cluster."""
    capacity = (body.get("status") or {}).get("capacity") or {}
    asked = ((body.get("spec") or {}).get("resources") or {}).get("requests") or {}
    return LiveClaim(body["metadata"]["name"], str(capacity.get("storage") or asked.get("storage") or ""))


def belongings(claims: Iterable[Body] | None, workloads: Mapping[str, int]) -> Belongings:
    """What the lists of a namespace's claims and workloads come to; the largest claims first."""
    found = (
        None if claims is None else tuple(sorted(map(claim_of, claims), key=lambda each: (-_bytes(each), each.name)))
    )
    return Belongings(found, tuple(sorted(workloads.items())))


def _claims_text(claims: Sequence[LiveClaim] | None) -> str:
    if claims is None:
        return "claims that you may not list"
    if not claims:
        return "no claims"
    number = "1 claim" if len(claims) == 1 else f"{len(claims)} claims"
    named = ", ".join(f"{claim.name} {claim.size}".rstrip() for claim in claims[:_NAMED])
    more = f" and {len(claims) - _NAMED} more" if len(claims) > _NAMED else ""
    return f"{number} with {format_bytes(Bytes(sum(map(_bytes, claims))))} ({named}{more})"


def _bytes(claim: LiveClaim) -> int:
    try:
        return int(parse_quantity(claim.size))
    except ValueError:
        return 0
