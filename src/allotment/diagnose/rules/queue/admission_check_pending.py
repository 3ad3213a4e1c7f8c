"""The workload has its quota and waits for an AdmissionCheck that has not answered."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.queue.checks import PENDING, answered, awaited, evidence_of, taken_out
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Confidence
from allotment.scheduling.snapshot.queues import OF_KUEUE

_RESET: Final = "Reset to Pending"


def find(case: Case) -> Finding | None:
    """A check still pending; one whose controller has said nothing at all is taken to be broken."""
    each = next((one for one in awaited(case) if one.said.state in {PENDING, ""}), None)
    if each is None or each.controller in OF_KUEUE:
        return None
    silent = not each.said.message or each.said.message.startswith(_RESET)
    name = each.said.name
    by = f" ({each.controller})" if each.controller else ""
    how = "its controller has not answered" if silent else f"it says: {quoted_message(each.said.message)}"
    queue = each.queue
    return Finding(
        "admission-check-pending",
        CauseVerdict.BROKEN if silent else CauseVerdict.WAITING,
        f"quota is reserved{f' in the ClusterQueue {queue.name}' if queue is not None else ''}, and the AdmissionCheck "
        f"{name}{by} is pending: {how}",
        facts={
            "admission_check": name,
            "cluster_queue": queue.name if queue is not None else "",
            "controller": each.controller,
            "quota_reserved": True,
            "state": PENDING,
        },
        evidence=(evidence_of(each),),
        # Whose check it is was not seen: it may be one that Kueue answers itself.
        confidence=Confidence.LIKELY if each.check is None else Confidence.SURE,
        proposals=(
            answered(each, f"repair the controller {each.controller or name}: it sets the check {name} Ready"),
            *((taken_out(case, queue, name),) if queue is not None else ()),
        ),
    )
