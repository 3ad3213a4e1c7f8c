"""Kueue cannot count the devices that the pods claim, so it queues the Workload nowhere."""

from __future__ import annotations

import re
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind

_CLAIM: Final = re.compile(r"^spec\.podSets\[\d+\]\S*\.resourceClaims\[\d+\]")
_UNMAPPED: Final = re.compile(r"DeviceClass (\S+) is not mapped")
_CONFIGURED: Final = "kubectl get configmap kueue-manager-config -n kueue-system -o yaml"


def find(case: Case) -> Finding | None:
    """Kueue said so of a claim when it last looked, and has not queued it since."""
    workload = case.workload
    if case.supposed or workload is None or workload.holds_quota or not workload.spec.active:
        return None
    said, again = workload.condition("QuotaReserved"), workload.condition("Requeued")
    if said is None or said.true or said.reason != "Inadmissible" or not _CLAIM.match(said.message):
        return None
    if again is not None and again.true:
        return None
    target, unmapped = reference_of(workload), _UNMAPPED.search(said.message)
    name = unmapped.group(1) if unmapped is not None else ""
    if name:
        why = f"its configuration (resources.deviceClassMappings) has no name of a resource for the DeviceClass {name}"
        what = f"map the DeviceClass {name} to a resource in Kueue's configuration, give the ClusterQueue quota of it,"
        remedy = Proposal(
            RemedyKind.OTHER,
            Doer.PLATFORM,
            f"{what} and start Kueue's controller again",
            target,
            Patch(PatchOp.SIGNAL, {"deviceClass": name}),
            command=_CONFIGURED,
        )
    else:
        why = quoted_message(said.message)
        what = "claim the devices in another way: what Kueue says of the claim is what it cannot count"
        remedy = Proposal(RemedyKind.OTHER, Doer.USER, what, target, Patch(PatchOp.SIGNAL, {}))
    return Finding(
        "claims-not-counted",
        CauseVerdict.MISCONFIGURED,
        f"Kueue cannot count the devices that its pods claim, and does not queue it: {why}",
        facts={"workload": workload.name, "device_class": name or None, "message": said.message},
        evidence=(Evidence(target, "status.conditions[QuotaReserved].message", said.message, said.reason),),
        confidence=Confidence.SURE,
        proposals=(remedy,),
    )
