"""A volume for one pod only (ReadWriteOncePod) is held by another."""

from __future__ import annotations

from allotment.diagnose.amending import described
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding
from allotment.diagnose.others import work_above
from allotment.diagnose.reach import sureness
from allotment.diagnose.rules.storage.claims import claim_of, users_of, uses
from allotment.diagnose.rules.storage.holders_end import blocks_itself, holder_ended
from allotment.model.explanation import CauseVerdict, Evidence
from allotment.model.observed.pods import Pod


def find(case: Case) -> Finding | None:
    """The claim's access mode, and a pod that runs with it."""
    for use in uses(case):
        claim = claim_of(case, use.name)
        if claim is None or "ReadWriteOncePod" not in claim.spec.access_modes:
            continue
        held = users_of(case, use.name) or _own(case, use.name)
        if not held:
            continue
        above = work_above(case, held[0])
        by = described(above)
        return Finding(
            "volume-in-use",
            CauseVerdict.MISCONFIGURED if blocks_itself(case, held[0]) else CauseVerdict.WAITING,
            f"the claim {claim.name} is for one pod at a time (ReadWriteOncePod), and {by} has it"
            + (f" with its pod {held[0].name}" if above is not held[0] else ""),
            facts={
                "claim": claim.name,
                "access_mode": "ReadWriteOncePod",
                "held_by": by,
                "held_by_pod": held[0].name,
            },
            evidence=(
                Evidence(reference_of(claim), "spec.accessModes", list(claim.spec.access_modes)),
                Evidence(reference_of(held[0]), "spec.nodeName", held[0].spec.node_name, "holds the volume there"),
            ),
            confidence=sureness(case),
            proposals=holder_ended(case, held[0]),
        )
    return None


def _own(case: Case, name: str) -> list[Pod]:
    """Pods of the subject itself, where others of it wait for the claim."""
    return [pod for pod in users_of(case, name, own=True) if blocks_itself(case, pod)]
