"""Our answer to a scenario in the corpus's own output fields."""

from __future__ import annotations

from typing import Any

from allotment.scheduling.queueing.inputs import PodSetAdmission
from allotment.simulation.outcome import Admitted, Decision, Evicted, RunOutcome


def answer(scenario_id: str, outcome: RunOutcome) -> dict[str, Any]:
    """One line of a `--write` file: `id`, `decisions`, `pending`."""
    return {
        "id": scenario_id,
        "decisions": [decision_fields(each) for each in outcome.decisions],
        "pending": [
            {
                "workload": each.workload,
                "clusterQueue": each.cluster_queue,
                "everAdmitted": each.ever_admitted,
                "queue": each.queue,
                "message": each.message,
            }
            for each in outcome.pending
        ],
    }


def decision_fields(decision: Decision) -> dict[str, Any]:
    """A decision as the corpus writes it."""
    fields: dict[str, Any] = {"t": decision.t, "cycle": decision.cycle, "event": "finish"}
    fields["workload"] = decision.workload
    fields["clusterQueue"] = decision.cluster_queue
    if isinstance(decision, Admitted):
        fields["event"] = "admit"
        fields["podSets"] = [_pod_set_fields(each) for each in decision.pod_sets]
    elif isinstance(decision, Evicted):
        fields["event"] = "evict"
        fields["reason"] = decision.reason
        fields["preemptor"] = decision.preemptor
    return fields


def _pod_set_fields(admission: PodSetAdmission) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "name": admission.name,
        "count": admission.count,
        "flavors": dict(admission.flavors),
    }
    if admission.levels:
        fields["levels"] = list(admission.levels)
        fields["domains"] = [{"values": list(each.values), "count": each.count} for each in admission.domains]
    return fields
