"""Acts on a Slurm that might help: each with the command that does it, and what would be otherwise then."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.slurm.limits import BindingLimit
from allotment.diagnose.slurm.room import holders_of, room_for
from allotment.diagnose.slurm.view import SlurmChange, SlurmView
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.slurm.seen import SlurmPartition

_MOST_NAMED: Final = 5
_ACCOUNTS: Final = 2
"""Other accounts that are proposed: who has many knows them."""
SlurmRule = Callable[[SlurmView], Finding | None]
"""One cause: what it finds of a job of a Slurm, or None."""


@dataclass(frozen=True, slots=True)
class SlurmProposal(Proposal):
    """An act on a Slurm.

    Attributes:
        change: what would be otherwise then.
        ends: RFC 3339, of what is only waited for: by when at the latest; empty where nothing bounds it.
    """

    change: SlurmChange = field(default_factory=SlurmChange)
    ends: str = ""


def updated(
    view: SlurmView, kind: RemedyKind, summary: str, setting: str, change: SlurmChange, *, who: Doer = Doer.USER
) -> SlurmProposal:
    """`scontrol update` of the job.

    Args:
        view: with the job.
        kind: what kind of act it is.
        summary: what to do.
        setting: ``qos=short``.
        change: what would be otherwise.
        who: whose act it is.
    """
    name, _, value = setting.partition("=")
    command = f"scontrol update jobid={view.job.called} {name}={shlex.quote(value) if value else ''}"
    return SlurmProposal(kind, who, summary, patch=Patch(PatchOp.SIGNAL), command=command, change=change)


def done(kind: RemedyKind, who: Doer, summary: str, command: str, change: SlurmChange, cost: int = 0) -> SlurmProposal:
    """Any other command."""
    return SlurmProposal(
        kind, who, summary, patch=Patch(PatchOp.SIGNAL), command=command, change=change, cost=cost
    )  # fmt: skip


def waited(kind: RemedyKind, summary: str, ends: str) -> SlurmProposal:
    """Nothing but to wait; by when at the latest, as time limits say."""
    said = f"{summary}, at the latest at {ends}" if ends else summary
    return SlurmProposal(kind, Doer.USER, said, patch=Patch(PatchOp.WAIT), ends=ends, cost=90)


def elsewhere(
    view: SlurmView, *, partitions: bool = True, accounts: bool = True, qualities: bool = True
) -> Iterator[SlurmProposal]:
    """The same job in another partition, account or quality of service that its user may use."""
    job = view.job
    for each in view.facts.partitions if partitions else ():
        if each.name not in job.partition.split(",") and each.up and _lets_in(view, each.accounts, each.qos):
            change = SlurmChange(job={"partition": each.name})
            summary = f"move it to the partition {each.name}{_who_ends(view, each, change)}"
            yield updated(view, RemedyKind.OTHER, summary, f"partition={each.name}", change)
    for name in view.other_qualities() if qualities else ():
        change = SlurmChange(job={"qos": name})
        yield updated(view, RemedyKind.OTHER, f"use the quality of service {name}", f"qos={name}", change)
    for name in view.other_accounts()[:_ACCOUNTS] if accounts else ():
        change = SlurmChange(job={"account": name})
        yield updated(view, RemedyKind.OTHER, f"charge it to the account {name}", f"account={name}", change)


def _who_ends(view: SlurmView, lane: SlurmPartition, change: SlurmChange) -> str:
    """Of a partition that comes before others: whose jobs Slurm may end for it, as a clause."""
    lanes = {each.name: each for each in view.facts.partitions}
    below = {
        name for name, each in lanes.items() if each.tier < lane.tier and each.preemption.lower() not in {"", "off"}
    }
    there = view.after(change)
    room = room_for(there)
    if not below:
        return ""
    if room.fits:
        return f", which may end jobs of {', '.join(sorted(below))}; there is room, so none has to"
    ended = [each for each in holders_of(there, room.empty) if each.partition in below]
    if not ended:
        return ""
    more = f" and {len(ended) - _MOST_NAMED} more" if len(ended) > _MOST_NAMED else ""
    return f"; Slurm may end for it {', '.join(map(view.named, ended[:_MOST_NAMED]))}{more}"


def smaller(view: SlurmView, limit: BindingLimit) -> Iterator[SlurmProposal]:
    """The job with as many devices as there are left; only of one on one node: of others the shape is not known."""
    job, left = view.job, limit.most - limit.used
    if left < 1 or job.node_count != 1 or not limit.resource.startswith("gres/gpu"):
        return
    typed = next((name for name in job.requested if name.startswith("gres/gpu:")), "gres/gpu")
    requested: dict[str, Any] = {**job.requested}
    for name in {"gres/gpu", typed} & set(requested):
        requested[name] = left
    yield updated(
        view,
        RemedyKind.REDUCE_REQUEST,
        f"ask for {left} in place of {limit.wanted} {limit.resource}",
        f"gres={typed.removeprefix('gres/')}:{left}",
        SlurmChange(job={"requested": requested}),
    )


def raised(limit: BindingLimit) -> Iterator[SlurmProposal]:
    """The limit as high as the job needs."""
    kind, _, name = limit.key.partition(":")
    value = limit.used + limit.wanted
    setting = f"{limit.setting}={value}"
    account, _, user = name.partition("/")
    if kind == "qos":
        command = f"sacctmgr -i modify qos {shlex.quote(name)} set {shlex.quote(setting)}"
    elif kind == "partition":
        return
    elif user:
        place = f"{shlex.quote(user)} where account={shlex.quote(account)}"
        command = f"sacctmgr -i modify user {place} set {shlex.quote(setting)}"
    else:
        command = f"sacctmgr -i modify account {shlex.quote(account)} set {shlex.quote(setting)}"
    summary = f"raise the limit of {limit.whose} to {value} {limit.resource}"
    yield done(RemedyKind.RAISE_QUOTA, Doer.PLATFORM, summary, command, SlurmChange(raised=limit.key))


def own_ended(view: SlurmView, limit: BindingLimit) -> Iterator[SlurmProposal]:
    """An own job ended that uses the limit: what it has not saved is lost, so it comes last."""
    for share in limit.shares:
        if share.job.user == view.job.user:
            named = share.job.called
            summary = (
                f"end your job {named}, which holds {share.amount} {limit.resource}; what it has not saved is lost"
            )
            yield done(
                RemedyKind.OTHER, Doer.USER, summary, f"scancel {named}", SlurmChange(gone=(share.job.job_id,)), cost=95
            )  # fmt: skip


def _lets_in(view: SlurmView, accounts: tuple[str, ...], qualities: tuple[str, ...]) -> bool:
    return (not accounts or view.job.account in accounts) and (not qualities or view.job.qos in qualities)
