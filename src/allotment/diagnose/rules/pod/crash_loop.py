"""Containers that end and are started again, told apart by how they end."""

from __future__ import annotations

import re
from typing import Final

from allotment.diagnose import by_hand
from allotment.diagnose.amending import amended, changed_pods
from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.pod.containers import CRASH_LOOP, Stuck, crashed, killed_by, stuck
from allotment.diagnose.rules.pod.memory import more_memory
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from allotment.model.observed.pods import Pod, Terminated
from allotment.model.observed.work import Replicas

OOM: Final = "OOMKilled"
_CODES: Final = {
    1: "an error of the program",
    2: "wrong arguments, mostly",
    126: "the command cannot be executed",
    127: "there is no such command",
    128: "it could not be started",
    134: "the program aborted",
    137: "it was killed",
    139: "a segmentation fault",
    143: "it was ended by SIGTERM",
}
_DEVICE: Final = re.compile(
    r"uncorrectable ECC|fallen off the bus|\bXid\b|no CUDA-capable device|CUDA driver version is insufficient|"
    r"NVLink error|hardware error|Unable to determine the device handle",
    re.IGNORECASE,
)
_KILLED: Final = frozenset({137, 143})


def out_of_memory(case: Case) -> Finding | None:
    """The kernel killed it for memory."""
    for each in crashed(case):
        ended = each.ended
        if ended is None or ended.reason != OOM:
            continue
        limit = each.container.resources.limits.get("memory")
        at = f"its limit of {limit}" if limit is not None else "the memory of the node (it has no limit)"
        return Finding(
            "crash-loop-oom",
            CauseVerdict.MISCONFIGURED,
            f"the container {each.status.name} of {each.pod.name} runs out of memory at {at} and was started again "
            f"{each.status.restart_count} times",
            facts={**_facts(each, ended), "memory_limit": None if limit is None else str(limit)},
            evidence=(each.evidence("lastState.terminated.reason", OOM, f"exit code {ended.exit_code}"),),
            proposals=more_memory(case, each),
        )
    return None


def comes_to_an_end(case: Case) -> Finding | None:
    """It does its work, ends well, and is started again: its controller is for what never ends."""
    for each in stuck(case):
        ended = each.status.last_state.terminated or each.status.state.terminated
        if ended is None or ended.exit_code != 0 or ended.reason not in {"Completed", ""} or each.initial:
            continue
        if each.reason != CRASH_LOOP or each.container.sidecar:
            continue
        if any(killed_by(case, each, probe) for probe in ("liveness", "startup")):
            continue  # who ends well when told to ends with 0 as well
        work = case.work
        if not isinstance(work, Replicas) and not (isinstance(case.subject, Pod) and case.work is None):
            continue
        kind = case.top.kind if isinstance(case.top, Replicas) else "Pod"
        proposal = (
            changed_pods(RemedyKind.OTHER, "set restartPolicy to Never", case, {"restartPolicy": "Never"})
            if kind == "Pod"
            else Proposal(
                RemedyKind.OTHER,
                Doer.USER,
                f"run it as a Job (restartPolicy Never) instead of a {kind}",
                amended(case, {})[0],
                Patch(PatchOp.SIGNAL, {"kind": "Job", "restartPolicy": "Never", "backoffLimit": 2}),
            )
        )
        return Finding(
            "deployment-used-for-training",
            CauseVerdict.MISCONFIGURED,
            f"the container {each.status.name} of {each.pod.name} ends well (exit code 0) and is started again, "
            f"{each.status.restart_count} times so far: a {kind} is for what never ends",
            facts={
                **each.facts(),
                "exit_code": 0,
                "last_reason": ended.reason,
                "restart_count": each.status.restart_count,
                "should_be": "Job",
            },
            evidence=(each.evidence("lastState.terminated.exitCode", 0, "it had done its work"),),
            proposals=(proposal,),
        )
    return None


def fails(case: Case) -> Finding | None:
    """It ends with an error of its own."""
    for each in crashed(case):
        ended = each.ended
        if ended is None or ended.exit_code == 0 or ended.reason == OOM or each.wrong_machine:
            continue
        device = _DEVICE.search(ended.message) is not None
        means = _CODES.get(ended.exit_code, "an error of the program")
        # What ends it stands at the end of what it wrote.
        words = f": {quoted_message(ended.message.strip().splitlines()[-1])}" if ended.message.strip() else ""
        again = f" and was started again {each.status.restart_count} times" if each.status.restart_count else ""
        return Finding(
            "crash-loop-app-error",
            CauseVerdict.MISCONFIGURED,
            f"the container {each.status.name} of {each.pod.name} ends with {ended.exit_code} ({means}){again}{words}",
            facts={**_facts(each, ended), "message": ended.message or None},
            evidence=(each.evidence("lastState.terminated.exitCode", ended.exit_code, means),),
            # Who killed it from outside does not stand in the exit code, and devices fail programs.
            confidence=Confidence.LIKELY if ended.exit_code in _KILLED or device else Confidence.SURE,
            proposals=(corrected(case, each), *((_looked_at(each),) if device else ())),
        )
    return None


def _looked_at(each: Stuck) -> Proposal:
    """Words by which libraries tell of a device that is broken, not of a program."""
    node = each.pod.spec.node_name
    return Proposal(
        RemedyKind.REPAIR_NODE,
        Doer.PLATFORM,
        f"see to the devices of {node}: the program speaks of a fault of one",
        Reference(api_version="v1", kind="Node", name=node),
        Patch(PatchOp.SIGNAL, {"node": node}),
        cost=1,
    )


def corrected(case: Case, each: Stuck) -> Proposal:
    """The command or what it runs has to be mended; what that is, only its logs say."""
    return Proposal(
        RemedyKind.FIX_COMMAND,
        Doer.USER,
        "correct the command or the program: "
        + by_hand.logs_of(each.pod, each.status.name, restarted=each.status.restart_count > 0),
        amended(case, {})[0],
        Patch(PatchOp.SIGNAL, {"container": each.status.name}),
    )


def _facts(each: Stuck, ended: Terminated) -> dict[str, object]:
    return {
        **each.facts(),
        "exit_code": ended.exit_code,
        "reason": ended.reason,
        "restart_count": each.status.restart_count,
    }
