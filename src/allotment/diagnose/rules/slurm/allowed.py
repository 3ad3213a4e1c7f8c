"""Causes that are limits: of one job, and of all that an account, a user or a quality of service may hold."""

from __future__ import annotations

from typing import Any, Final

from allotment.diagnose.finding import Finding
from allotment.diagnose.slurm.evidence import reason_evidence
from allotment.diagnose.slurm.limits import MINUTES, BindingLimit, binding_limits, job_limits
from allotment.diagnose.slurm.proposing import (
    SlurmProposal,
    elsewhere,
    own_ended,
    raised,
    smaller,
    updated,
    waited,
)
from allotment.diagnose.slurm.view import SlurmChange, SlurmView
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Confidence, RemedyKind
from allotment.model.grammar import count

_PER_JOB: Final = (
    "PartitionTimeLimit", "PartitionNodeLimit", "AssocMaxWallDurationPerJobLimit", "QOSMaxWallDurationPerJobLimit",
    "QOSTimeLimit", "AssociationTimeLimit",
)  # fmt: skip
_NAMES: Final = ("Assoc", "QOS")
_MOST_NAMED: Final = 5


def per_job(view: SlurmView) -> Finding | None:
    """More than one job may ask for."""
    limits = job_limits(view)
    said = next((each for each in view.job.reasons if each in _PER_JOB or each.endswith("PerJob")), "")
    if not limits:
        return _said_only(view, said) if said else None
    first = limits[0]
    proposals: list[SlurmProposal] = []
    minutes = [each.most for each in limits if each.resource == MINUTES]
    if minutes:
        most = min(minutes)
        summary = f"lower its time limit from {view.job.minutes} to {most} minutes"
        change = SlurmChange(job={"minutes": most})
        proposals.append(updated(view, RemedyKind.REDUCE_REQUEST, summary, f"timelimit={most}", change))
    proposals += [each for limit in limits for each in smaller(view, limit)]
    proposals += elsewhere(view)
    proposals += [each for limit in limits for each in raised(limit)]
    return Finding(
        "slurm-job-limit",
        CauseVerdict.MISCONFIGURED,
        first.exceeded(),
        facts={**_numbers(first), "further_limits": [_numbers(each) for each in limits[1:]]},
        evidence=reason_evidence(view),
        proposals=tuple(proposals),
        never=True,
    )


def of_a_group(view: SlurmView) -> Finding | None:
    """What a group may hold together is used up, or could never hold the job."""
    limits = binding_limits(view)
    said = view.begins(*_NAMES)
    if said in _PER_JOB or said.endswith("PerJob"):
        said = ""
    if not limits:
        return _said_only(view, said) if said else None
    hopeless = [each for each in limits if each.hopeless]
    first = (hopeless or limits)[0]
    others = len(limits) - 1
    more = f"; {count(others, 'more limit')} {'binds' if others == 1 else 'bind'}" if others else ""
    proposals: list[SlurmProposal] = []
    latest = "" if any(not each.free_at for each in limits) else max(each.free_at for each in limits)
    if not hopeless:
        waits_for = ", ".join(dict.fromkeys(f"job {share.job.called}" for each in limits for share in each.enough))
        summary = f"wait until {waits_for or 'others'} {'have' if ',' in waits_for else 'has'} ended"
        proposals.append(waited(RemedyKind.WAIT_FOR_QUOTA, summary, latest))
    proposals += elsewhere(view, partitions=False)
    for each in limits:
        proposals += [*smaller(view, each), *own_ended(view, each), *raised(each)]
    return Finding(
        "slurm-group-limit",
        CauseVerdict.MISCONFIGURED if hopeless else CauseVerdict.WAITING,
        f"{first.told()}{_by(view, first)}{more}",
        facts={
            **_numbers(first),
            "further_limits": [_numbers(each) for each in limits if each is not first],
            "next_ends": min(
                (each.shares[0].ends for each in limits if each.shares and each.shares[0].ends), default=""
            ),
            "enough_ends_at_the_latest": latest,
        },
        evidence=reason_evidence(view),
        proposals=tuple(proposals),
        never=bool(hopeless),
    )


def _by(view: SlurmView, limit: BindingLimit) -> str:
    """Who uses it up, with what and how long."""
    if not limit.shares:
        return ""
    told = [
        f"{view.named(each.job)} holds {each.amount}{f' until {each.ends} at the latest' if each.ends else ''}"
        for each in limit.shares[:_MOST_NAMED]
    ]
    left = len(limit.shares) - len(told)
    more = f" and {count(left, 'more job')}" if left else ""
    return f": {', '.join(told)}{more}"


def _numbers(limit: BindingLimit) -> dict[str, Any]:
    return {
        "of": limit.whose,
        "resource": limit.resource,
        "most": limit.most,
        "in_use": limit.used,
        "asked": limit.wanted,
        "held_by": {
            f"job {each.job.called}": {
                "of": each.job.user,
                "in": each.job.account,
                "holds": each.amount,
                "ends": each.ends,
            }
            for each in limit.shares
        },
    }


def _said_only(view: SlurmView, said: str) -> Finding:
    """A limit whose numbers are not told to us, such as minutes of devices over a month."""
    where = "the accounting could not be read" if not view.facts.accounted else "its numbers are not among what is read"
    return Finding(
        "slurm-group-limit",
        CauseVerdict.WAITING,
        f"Slurm says that a limit binds ({quoted_message(said)}); {where}",
        facts={"reason": said},
        evidence=reason_evidence(view),
        confidence=Confidence.LIKELY,
        proposals=(waited(RemedyKind.WAIT_FOR_QUOTA, "wait until others have ended", ""), *elsewhere(view)),
    )
