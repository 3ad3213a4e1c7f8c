"""What came about before the moment of a record, told from what is left of it."""

from __future__ import annotations

import re
from typing import Final

from tests.live.answers.api import Raw

_LABEL: Final = "kueue.x-k8s.io/queue-name"
_NO: Final = re.compile(r'"([^"]+)" \(([^)]*)\)')
"""A check that said no, and its words, in what Kueue writes of an eviction."""


def key_of(each: Raw) -> tuple[str, str, str]:
    """Kind, namespace and name of an object, or of a reference to one."""
    meta = each.get("metadata", each)
    return each["kind"], meta.get("namespace", ""), meta["name"]


def space_of(work: Raw) -> str:
    """Its namespace."""
    return str(work["metadata"].get("namespace", ""))


def made_at(each: Raw) -> str:
    """When it was created."""
    return str(each["metadata"]["creationTimestamp"])


def record_of(case: Raw, reference: Raw) -> Raw | None:
    """An object as it was recorded."""
    return next((each for each in case["objects"] if key_of(each) == key_of(reference)), None)


def workload_of(case: Raw, work: Raw) -> Raw | None:
    """The Workload that Kueue had made of a piece of work."""
    for each in case["objects"]:
        owners = each["metadata"].get("ownerReferences", ())
        if each["kind"] == "Workload" and owners and owners[0]["uid"] == work["metadata"]["uid"]:
            return each  # type: ignore[no-any-return]
    return None


def said_by_checks(status: Raw) -> list[Raw]:
    """States of the checks as their controllers gave them: Kueue takes a no back when it has acted on it."""
    checks: list[Raw] = status.get("admissionChecks", [])
    no = _evicted(status, "DeactivatedDueToAdmissionCheck")
    told = dict(_NO.findall(no["message"])) if no is not None else {}
    return [
        {**each, "state": "Rejected", "message": told[each["name"]]} if each["name"] in told else each
        for each in checks
    ]


def suspended_since(case: Raw, own: Raw) -> bool:
    """Whether somebody suspended a Job that no queue suspends."""
    if own["kind"] != "Job" or case["manifest"]["spec"].get("suspend") or own["metadata"].get("labels", {}).get(_LABEL):
        return False
    return bool(own["spec"].get("suspend"))


def deactivated(case: Raw, own: Raw) -> bool:
    """Whether somebody deactivated the Workload of a piece of work."""
    workload = workload_of(case, own)
    stopped = workload is not None and not workload["spec"].get("active", True)
    return stopped and workload is not None and _evicted(workload["status"], "Deactivated") is not None


def full_then(case: Raw) -> Raw | None:
    """The ClusterQueue that the subject waits in, if work that held its quota when the subject came has ended since."""
    own = record_of(case, case["subject"])
    workload = workload_of(case, own) if own is not None else None
    if own is None or workload is None or _is(workload, "QuotaReserved"):
        return None
    queue = _queue_of(case, own)
    for each in case["objects"]:
        ended = each["kind"] == "Job" and each["status"].get("completionTime", "")
        if queue and ended and ended >= made_at(own) >= made_at(each) and _queue_of(case, each) == queue:
            return record_of(case, {"kind": "ClusterQueue", "name": queue})
    return None


def _queue_of(case: Raw, work: Raw) -> str:
    label = work["metadata"].get("labels", {}).get(_LABEL, "")
    entered = record_of(case, {"kind": "LocalQueue", "namespace": space_of(work), "name": label})
    return str(entered["spec"]["clusterQueue"]) if entered is not None else ""


def _is(each: Raw, condition: str) -> bool:
    found = [one for one in each["status"].get("conditions", ()) if one["type"] == condition]
    return bool(found) and found[0]["status"] == "True"


def _evicted(status: Raw, reason: str) -> Raw | None:
    found = [each for each in status.get("conditions", ()) if each["type"] == "Evicted" and each["reason"] == reason]
    return found[0] if found else None
