"""Init containers that do not come to an end, or fail."""

from __future__ import annotations

import re
from typing import Final

from allotment.diagnose import by_hand
from allotment.diagnose.amending import amended, described, runs
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import over
from allotment.diagnose.rules.pod.containers import CRASH_LOOP, Stuck, of_the_failed, stuck
from allotment.diagnose.rules.pod.memory import more_memory
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.grammar import count
from allotment.model.observed.work import Job, Replicas

PATIENCE: Final = 600.0
"""Seconds for which an init container that is named after nothing may be at work."""
_NO_NAMES: Final = frozenset(
    {
        "wait",
        "waits",
        "waiting",
        "for",
        "init",
        "until",
        "ready",
        "check",
        "await",
        "the",
        "container",
        "is",
        "on",
        "up",
        "to",
        "setup",
    }
)


def stuck_one(case: Case) -> Finding | None:
    """An init container runs on: what it waits for is found by its name, for its command is never read."""
    for each in stuck(case):
        running = each.status.state.running
        if not each.passing or running is None or each.pod.status.phase != "Pending":
            continue
        waits_for = _dependency(case, each)
        if waits_for is None and 0 < each.age(case.now) < PATIENCE:
            continue  # who fetches a model needs minutes
        facts: dict[str, object] = {
            "init_container": each.status.name,
            "pod": each.pod.name,
            "node": each.pod.spec.node_name,
            "running_since": running.started_at,
        }
        evidence = [each.evidence("state.running.startedAt", running.started_at, "has not ended")]
        said = ""
        if waits_for is not None:
            state = _state(waits_for)
            facts |= {"waits_for": f"{_kind(waits_for)} {waits_for.name}", "state": state}
            said = f", and what it is named after is not there: {described(waits_for)} has {state}"
            evidence.append(Evidence(reference_of(waits_for), _field(waits_for), _value(waits_for), state))
        return Finding(
            "init-container-stuck",
            CauseVerdict.MISCONFIGURED if not isinstance(waits_for, Job) else CauseVerdict.WAITING,
            f"the init container {each.status.name} of {each.pod.name} runs since {running.started_at} and does not "
            f"end{said}",
            facts=facts,
            evidence=tuple(evidence),
            confidence=Confidence.SURE if waits_for is not None else Confidence.LIKELY,
            proposals=(_finished(case, each, waits_for),),
        )
    return None


def failing_one(case: Case) -> Finding | None:
    """An init container that ends with an error again and again, or did in a pod that failed."""
    for each in (*stuck(case), *of_the_failed(case)):
        ended = each.ended
        if not each.passing or ended is None or ended.exit_code == 0 or each.status.ready:
            continue
        if each.reason != CRASH_LOOP and each.status.restart_count == 0 and each.status.state.terminated is None:
            continue
        target, _ = amended(case, {})
        again = (
            f"{each.status.restart_count} times so far" if each.pod.status.phase != "Failed" else "and failed its pod"
        )
        state = "lastState" if each.status.state.terminated is None else "state"
        memory = more_memory(case, each) if ended.reason == "OOMKilled" else ()
        command = Proposal(
            RemedyKind.FIX_COMMAND,
            Doer.USER,
            f"correct what {each.status.name} does: "
            + by_hand.logs_of(each.pod, each.status.name, restarted=each.status.restart_count > 0),
            target,
            Patch(PatchOp.SIGNAL, {"initContainer": each.status.name}),
        )
        return Finding(
            "init-container-failing",
            CauseVerdict.MISCONFIGURED,
            f"the init container {each.status.name} of {each.pod.name} ends with {ended.exit_code} ({ended.reason}), "
            f"{again}",
            facts={
                "init_container": each.status.name,
                "pod": each.pod.name,
                "node": each.pod.spec.node_name,
                "exit_code": ended.exit_code,
                "reason": ended.reason,
                "restart_count": each.status.restart_count,
                "message": ended.message or None,
            },
            evidence=(each.evidence(f"{state}.terminated.exitCode", ended.exit_code, ended.reason),),
            proposals=memory or (command,),
        )
    return None


def _dependency(case: Case, each: Stuck) -> Replicas | Job | None:
    """Work of the namespace that is not ready and shares the words of the container's name; the most words win."""
    words = {word for word in re.split(r"[^a-z0-9]+", each.status.name.lower()) if word} - _NO_NAMES
    own = {work.metadata.uid for work in case.index.chain(each.pod.metadata)}
    best: tuple[int, str] = (0, "")
    found: Replicas | Job | None = None
    all_work: list[Replicas | Job] = [*case.index.objects.replicas, *case.index.objects.jobs]
    for work in all_work:
        if work.namespace != case.namespace or work.metadata.uid in own or work.metadata.controller is not None:
            continue
        if not _lacking(work):
            continue
        shared = len(words & set(re.split(r"[^a-z0-9]+", work.name.lower())))
        if shared and (shared, work.name) > best:
            best, found = (shared, work.name), work
    # One word of several in common is no likeness.
    return found if best[0] * 2 > len(words) else None


def _lacking(work: Replicas | Job) -> bool:
    if isinstance(work, Job):
        return not over(work)
    return work.status.ready_replicas < max(1, 1 if work.spec.replicas is None else work.spec.replicas)


def _kind(work: Replicas | Job) -> str:
    return (work.kind or "Job").lower()


def _state(work: Replicas | Job) -> str:
    if isinstance(work, Job):
        return count(work.status.succeeded, "succeeded pod")
    wanted = 1 if work.spec.replicas is None else work.spec.replicas
    return "replicas 0" if wanted == 0 else f"{work.status.ready_replicas} of {count(wanted, 'replica')} ready"


def _field(work: Replicas | Job) -> str:
    if isinstance(work, Job):
        return "status.succeeded"
    return "spec.replicas" if work.spec.replicas == 0 else "status.readyReplicas"


def _value(work: Replicas | Job) -> int:
    if isinstance(work, Job):
        return work.status.succeeded
    return 0 if work.spec.replicas == 0 else work.status.ready_replicas


def _finished(case: Case, each: Stuck, waits_for: Replicas | Job | None) -> Proposal:
    effect = runs(case.starting_pods)
    kind = RemedyKind.FINISH_DEPENDENCY
    if waits_for is None:
        what = f"bring up what the init container {each.status.name} waits for, or correct where it looks"
        return Proposal(
            kind, Doer.USER, what, None, Patch(PatchOp.SIGNAL, {"initContainer": each.status.name}), effect=effect
        )
    target = reference_of(waits_for)
    if isinstance(waits_for, Job):
        return Proposal(
            kind,
            Doer.USER,
            f"wait for {described(waits_for)} to end",
            target,
            Patch(PatchOp.WAIT, {"until": "completed"}),
        )
    if waits_for.spec.replicas == 0:
        what = f"scale {described(waits_for)} from 0 to 1"
        return Proposal(kind, Doer.USER, what, target, Patch(PatchOp.MERGE, {"spec": {"replicas": 1}}), effect=effect)
    what = f"bring {described(waits_for)} up: {by_hand.why_of(_kind(waits_for), waits_for)} says why it is not ready"
    return Proposal(kind, Doer.USER, what, target, Patch(PatchOp.SIGNAL, {"until": "ready"}), effect=effect)
