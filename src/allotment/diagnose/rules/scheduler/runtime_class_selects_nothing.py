"""The runtime class of the pod runs only on nodes with labels that none has."""

from __future__ import annotations

from allotment.diagnose.amending import changed_pods
from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.scheduler.answering import about_room
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.model.explanation import CauseVerdict, RemedyKind


def find(case: Case) -> Finding | None:
    """Admission has put the class's node selector into the pod, and it matches nothing."""
    it = placing(case)
    if kept(case).by is not Keeper.NO_NODE_MATCHES or it.refused is None:
        return None
    name = it.refused.pod.spec.runtime_class_name
    found = next((each for each in case.index.objects.runtime_classes if each.name == name), None)
    if found is None or found.scheduling is None or not found.scheduling.node_selector:
        return None
    wanted = found.scheduling.node_selector
    if any(wanted.items() <= node.metadata.labels.items() for node in case.index.nodes.values()):
        return None
    said = ", ".join(f"{key}={value}" for key, value in sorted(wanted.items()))
    drop = {"runtimeClassName": None, "nodeSelector": dict.fromkeys(sorted(wanted))}
    return about_room(
        "runtime-class-selects-nothing",
        CauseVerdict.MISCONFIGURED,
        f"runtime class {name} runs only on nodes with {said}, and no node has that",
        it,
        [changed_pods(RemedyKind.FIX_SELECTOR, f"do not ask for runtime class {name}", case, drop)],
        {"runtime_class": name, "node_selector": dict(wanted)},
    )
