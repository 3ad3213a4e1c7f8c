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
    first = asked[0]
    known = sorted(case.index.node_labels.get(first.key, frozenset()) - {""})
    has = f"nodes have {', '.join(known[:6])}" if known else "no node has that label at all"
    if not first.alone:
        has = "no node has it together with the rest of the node selector"
    where, path = template_of(case)
    evidence = (Evidence(where, f"{path}.nodeSelector[{first.key}]", first.value, "no node has it"),)
    finding = about_room(
        "node-selector-typo",
        CauseVerdict.MISCONFIGURED,
        f"the pod runs only on nodes with {first.key}={first.value}; {has}",
        it,
        [each for one in asked for each in selector_fixes(case, one)],
        {"selector_key": first.key, "selector_value": first.value, "existing_values": known},
        evidence,
    )
    # A NodePool may make nodes that have it.
    return replace(finding, confidence=Confidence.LIKELY) if may_grow(case) else finding
