"""The node selector asks for a label value that no node has."""

from __future__ import annotations

from dataclasses import replace

from allotment.diagnose.amending import template_of
from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.scheduler.answering import about_room
from allotment.diagnose.rules.scheduler.karpenter import may_grow
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.rooms import listed
from allotment.diagnose.rules.scheduler.selecting import selector_fixes, unmatched
from allotment.model.explanation import CauseVerdict, Confidence, Evidence


def find(case: Case) -> Finding | None:
    """No node has the label, or none has it together with the others."""
    it = placing(case)
    asked = unmatched(case) if kept(case).by is Keeper.NO_NODE_MATCHES else ()
    # A label that Kueue put in is the flavor's fault, which is a cause of its own.
    asked = tuple(each for each in asked if not (each.alone and each.by_kueue))
    if not asked or it.refused is None:
        return None
    # What the asker wrote is the asker's to change, whatever Kueue put in beside it.
    first = next((each for each in asked if not each.by_kueue), asked[0])
    known = sorted(case.index.node_labels.get(first.key, frozenset()) - {""})
    has = f"nodes have {listed(known)}" if known else "no node has that label at all"
    says = "no node has it"
    put_in = next((each for each in asked if each.by_kueue and each is not first), None)
    if put_in is not None:
        has = f"no node has it together with {put_in.key}={put_in.value}, which Kueue put in for its flavor"
        says = "no node has it beside what Kueue put in"
    elif not first.alone:
        has = "no node has it together with the rest of the node selector"
        says = "no node has it with the rest"
    where, path = template_of(case)
    evidence = (Evidence(where, f"{path}.nodeSelector[{first.key}]", first.value, says),)
    finding = about_room(
        "node-selector-typo",
        CauseVerdict.MISCONFIGURED,
        f"the pod runs only on nodes with {first.key}={first.value}; {has}",
        it,
        [each for one in asked if not one.by_kueue for each in selector_fixes(case, one)],
        {"selector_key": first.key, "selector_value": first.value, "existing_values": known},
        evidence,
    )
    # A NodePool may make nodes that have it.
    return replace(finding, confidence=Confidence.LIKELY) if may_grow(case) else finding
