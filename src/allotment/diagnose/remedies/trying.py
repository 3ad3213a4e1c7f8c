"""A remedy tried: the snapshot as it would be, asked again by the same rules, which ask the same twins."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.chain import dominant, findings
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.gangs import one_by_one
from allotment.diagnose.impossible import without_others
from allotment.diagnose.never import hopeless
from allotment.diagnose.remedies.changed import after, with_pods
from allotment.diagnose.remedies.displacing import displaced, ended_by
from allotment.diagnose.rules.quota import flavors_contradict
from allotment.diagnose.rules.quota.flavors_contradict import by_chance
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.unseen import places_unseen, quotas_seen
from allotment.model.explanation import CauseVerdict, PatchOp, StartsWhen, Tried
from allotment.scheduling.queueing.settling import Settled
from allotment.scheduling.snapshot.attempts import AttemptOutcome

_WITHOUT_OTHERS: Final = {"quota": "quota-larger-than-total", "nodes": "gang-partially-placed"}
"""Where the refusal of an emptied fleet stands among the causes."""


def tried(case: Case, finding: Finding, proposal: Proposal) -> tuple[Tried, Finding | None]:
    """Whether the subject starts with it, and what keeps it then, or makes it chance.

    What leaves the cause as it is, or another that somebody has to mend, does not help; nor does what leaves it to wait
    for what can never be. What leaves it to wait for others, be it for the same that it could never have, helps later.
    """
    acts = (proposal.patch, *(patch for _, patch in proposal.then))
    if any(patch is not None and patch.op is PatchOp.WAIT for patch in acts):
        if finding.never:
            return Tried(StartsWhen.NO), None
        luck = flavors_contradict.find(case)
        return Tried(StartsWhen.LATER), luck if by_chance(luck) else None
    changed = after(case, proposal)
    if changed is None:
        return Tried(StartsWhen.NOT_SIMULATED), None
    found = findings(changed)
    made = None if found else with_pods(changed)
    if made is not None:
        changed, found = made, findings(made)
    chance = next((each for _, each in found if by_chance(each)), None)
    left = dominant([each for each in found if each[1] is not chance])
    if changed.subject is None:
        # Refused: nothing of it is there.
        return Tried(StartsWhen.NO), None if left is None else left[1]
    if left is None:
        answer, never = _free(case, changed)
        return _with_lost(case, changed, proposal, answer), never or chance
    _, remaining = left
    same = remaining.cause == finding.cause and finding.verdict is remaining.verdict
    if same or remaining.verdict is not CauseVerdict.WAITING:
        return Tried(StartsWhen.NO), remaining
    never = _in_vain(changed)
    if never is not None:
        return Tried(StartsWhen.NO), never
    return _with_lost(case, changed, proposal, Tried(StartsWhen.LATER)), chance or remaining


def _with_lost(case: Case, changed: Case, proposal: Proposal, answer: Tried) -> Tried:
    """The answer with who loses what they hold; also where that does not let the subject start at once."""
    if answer.starts is StartsWhen.NO:
        return answer
    known = answer.starts is not StartsWhen.NOT_SIMULATED
    lost = (*ended_by(case, proposal), *(displaced(changed) if known else ()))
    return replace(answer, displaces=tuple(dict.fromkeys(lost)))


def _free(case: Case, changed: Case) -> tuple[Tried, Finding | None]:
    """What no rule keeps any more starts, if the scheduler's twin finds its nodes too."""
    if _is_blind(case):
        return Tried(StartsWhen.NOT_SIMULATED), None
    if changed.elsewhere:
        return Tried(StartsWhen.LATER), None  # once a worker takes it
    refused = placing(changed).first_refused() if placing(changed).pods else None
    if not _still_refused(changed) and (refused is None or (one_by_one(changed) and refused.placed)):
        return Tried(StartsWhen.NOW), None
    never = _in_vain(changed)
    return (Tried(StartsWhen.LATER), None) if never is None else (Tried(StartsWhen.NO), never)


def _still_refused(changed: Case) -> bool:
    """Whether Kueue's twin refuses it for what no rule is about: nodes too far apart, or displacing without an end."""
    workload = changed.workload
    if workload is None or workload.holds_quota or workload.says("Finished") or changed.local_queue is None:
        return False
    attempt = changed.twins.attempt(workload.key)
    victims = [each.workload for each in attempt.victims]
    endless = attempt.settled is Settled.ENDLESS and len(victims) > len(set(victims))
    return attempt.outcome is AttemptOutcome.REFUSED or endless


def _in_vain(changed: Case) -> Finding | None:
    """What is left where nobody's end helps: all its pods, in the flavors that it would get, on an emptied fleet."""
    by = hopeless(changed)
    if by is None:
        return None
    said = f"even with nobody else there {without_others(changed, by)}"
    return Finding(_WITHOUT_OTHERS[by.by], CauseVerdict.MISCONFIGURED, said, never=True)


def _is_blind(case: Case) -> bool:
    """Whether it cannot be told that something starts: where it would run, or its queue, could not be read."""
    kinds = ("nodes", "pods", *(("clusterqueues", "workloads") if case.queue_name else ()))
    return places_unseen(case) or not quotas_seen(case) or not all(case.seen_everywhere(kind) for kind in kinds)
