"""Causes that are places: partitions, nodes, reservations, licences, and who comes first."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Any, Final

from allotment.diagnose.finding import Finding
from allotment.diagnose.slurm.evidence import reason_evidence, slurm_reference
from allotment.diagnose.slurm.proposing import SlurmProposal, done, elsewhere, updated, waited
from allotment.diagnose.slurm.room import SlurmRoom, free_at, holders_of, room_for
from allotment.diagnose.slurm.view import SlurmChange, SlurmView, ends_at
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Doer, Evidence, RemedyKind
from allotment.model.grammar import being, count
from allotment.model.moments import written
from allotment.model.observed.slurm import SlurmNodeFacts
from allotment.model.slurm.seen import SlurmJob, SlurmPhase

_MOST_NAMED: Final = 5
_AHEAD: Final = frozenset({"Resources", "Priority", "ReqNodeNotAvail", "None"})
"""Reasons of those that wait for room alone, and so stand before others. Of one that names its nodes Slurm says
ReqNodeNotAvail where they are merely kept for one before it."""


def partition_down(view: SlurmView) -> Finding | None:
    """No partition of it starts jobs."""
    down = [each for each in view.partitions if not each.up]
    if not view.says("PartitionDown", "PartitionInactive") and not (down and len(down) == len(view.partitions)):
        return None
    names = ", ".join(each.name for each in down) or view.job.partition
    resumed = [
        done(RemedyKind.RESUME_QUEUE, Doer.PLATFORM, f"open the partition {each.name}",
             f"scontrol update partitionname={shlex.quote(each.name)} state=up", SlurmChange(up=each.name))
        for each in down
    ]  # fmt: skip
    return Finding(
        "slurm-partition-down",
        CauseVerdict.BROKEN,
        f"the partition {names} starts no jobs",
        facts={"partition": names},
        evidence=reason_evidence(view),
        proposals=(*elsewhere(view, accounts=False, qualities=False), *resumed),
    )


def no_such_node(view: SlurmView) -> Finding | None:
    """No node of its partitions has what it asks for, whoever uses it."""
    room = room_for(view)
    if room.fits_ever or not view.nodes or view.job.reservation:
        return None
    return Finding(
        "slurm-no-such-node",
        CauseVerdict.MISCONFIGURED,
        f"it asks for {room.need.told()}; {len(room.ever)} of {len(view.nodes)} nodes of the partition "
        f"{view.job.partition} have that, even if nobody else used them",
        facts={"asked": room.need.told(), "features": view.job.features, "nodes_that_would_do": len(room.ever)},
        evidence=reason_evidence(view),
        proposals=tuple(elsewhere(view, accounts=False, qualities=False)),
        never=True,
    )


def reservation(view: SlurmView) -> Finding | None:
    """Its own reservation has not begun, or nodes are kept for others."""
    job = view.job
    own = next((each for each in view.facts.reservations if each.name == job.reservation), None)
    drop = updated(view, RemedyKind.OTHER, "run it outside of the reservation", "reservationname=",
                   SlurmChange(job={"reservation": ""}))  # fmt: skip
    if job.reservation and (own is None or own.starts > view.now or view.says("Reservation")):
        begins = written(own.starts * 1000) if own is not None else ""
        summary = (
            f"its reservation {job.reservation} begins at {begins}"
            if own is not None and own.starts > view.now
            else f"its reservation {job.reservation} has no room for it"
            if own is not None
            else f"its reservation {job.reservation} is not there"
        )
        waits = (waited(RemedyKind.WAIT_FOR_CAPACITY, "wait for the reservation", begins),) if own is not None else ()
        return Finding(
            "slurm-reservation",
            CauseVerdict.WAITING if own is not None else CauseVerdict.MISCONFIGURED,
            summary,
            facts={"reservation": job.reservation, "begins": begins},
            evidence=reason_evidence(view),
            proposals=(*waits, drop),
        )
    room = room_for(view)
    if room.fits_empty or len(room.empty) < room.need.nodes or not room.kept:
        return None
    kept = [each for each in view.facts.reservations if {node.name for node in room.kept} & set(each.nodes)]
    ends = max((each.ends for each in kept), default=0)
    lost = [each for each in room.ever if not each.usable]
    earliest = min((each.starts for each in kept), default=0)
    busy = earliest > view.now and not room_for(_as_long_as_nothing(view)).fits
    holders = holders_of(view, room.kept) if busy else ()
    held = ", ".join(_told(view, each, room) for each in holders[:_MOST_NAMED])
    return Finding(
        "slurm-reservation",
        CauseVerdict.WAITING,
        f"{_names(room.kept)}, which would do, {'is' if len(room.kept) == 1 else 'are'} kept by the reservation "
        f"{', '.join(each.name for each in kept)} from {written(kept[0].starts * 1000)} to {written(ends * 1000)}"
        + (f"; before that {held} {'use' if len(holders) != 1 else 'uses'} what it needs" if held else "")
        + (f"; {_out_of_use(lost)}" if lost else ""),
        facts={
            "reservations": [each.name for each in kept],
            "minutes_asked": job.minutes,
            "held_by": _held_by(holders),
            "out_of_use": [each.name for each in lost],
        },
        evidence=reason_evidence(view),
        proposals=(
            waited(RemedyKind.WAIT_FOR_CAPACITY, "wait until the reservation is over", written(ends * 1000)),
            *_shorter(view, earliest),
            *(
                updated(
                    view,
                    RemedyKind.OTHER,
                    f"run it in the reservation {each.name}, which {job.user} may use",
                    f"reservationname={each.name}",
                    SlurmChange(job={"reservation": each.name}),
                )
                for each in kept
                if job.user in each.users or (not each.users and job.account in each.accounts)
            ),
            *_given_back(lost),
            *elsewhere(view, accounts=False, qualities=False),
        ),
    )


def licenses(view: SlurmView) -> Finding | None:
    """Licences are in use."""
    job = view.job
    found = [(each, job.licenses[each.name]) for each in view.facts.licenses if each.name in job.licenses]
    short = [(each, wanted) for each, wanted in found if each.used + wanted > each.total]
    if not short:
        return None
    license_, wanted = short[0]
    holders = sorted((each for each in view.holding if license_.name in each.licenses), key=ends_at)
    hopeless = wanted > license_.total
    ends = ends_at(holders[0]) if holders else ""
    held = ", ".join(f"{view.named(each)} holds {each.licenses[license_.name]}" for each in holders[:_MOST_NAMED])
    return Finding(
        "slurm-licenses",
        CauseVerdict.MISCONFIGURED if hopeless else CauseVerdict.WAITING,
        f"it asks for {count(wanted, 'licence')} {license_.name}; {license_.used} of {being(license_.total)} in use"
        + (f": {held}" if held else ""),
        facts={"license": license_.name, "total": license_.total, "in_use": license_.used, "asked": wanted},
        evidence=reason_evidence(view),
        proposals=() if hopeless else (waited(RemedyKind.WAIT_FOR_CAPACITY, "wait until they are given back", ends),),
        never=hopeless,
    )


def nodes_unavailable(view: SlurmView) -> Finding | None:
    """Nodes that would do are drained, down or failed."""
    room = room_for(view)
    lost = [each for each in room.ever if not each.usable]
    if len(room.empty) >= room.need.nodes or not room.fits_ever or not lost:
        return None
    return Finding(
        "slurm-nodes-unavailable",
        CauseVerdict.BROKEN,
        f"it asks for {room.need.told()}; of the nodes that have that {_out_of_use(lost)}",
        facts={"nodes_that_would_do": len(room.ever), "of_these_take_jobs": len(room.empty)},
        evidence=(
            *reason_evidence(view),
            *(Evidence(slurm_reference("Node", each.name), "state", "+".join(each.states), each.reason)
              for each in lost[:_MOST_NAMED]),
        ),
        proposals=(*elsewhere(view, accounts=False, qualities=False), *_given_back(lost)),
    )  # fmt: skip


def _out_of_use(lost: Sequence[SlurmNodeFacts]) -> str:
    told = "; ".join(
        f"{each.name} is {'+'.join(each.states)}{f' ({quoted_message(each.reason)})' if each.reason else ''}"
        for each in lost[:_MOST_NAMED]
    )
    return f"{told} and {len(lost) - _MOST_NAMED} more" if len(lost) > _MOST_NAMED else told


def _given_back(lost: Sequence[SlurmNodeFacts]) -> Iterator[SlurmProposal]:
    for each in lost[:_MOST_NAMED]:
        yield done(RemedyKind.UNCORDON, Doer.PLATFORM, f"let {each.name} take jobs again, once it is mended",
                   f"scontrol update nodename={shlex.quote(each.name)} state=resume",
                   SlurmChange(resumed=each.name))  # fmt: skip


def _held_by(holders: Sequence[SlurmJob]) -> dict[str, Any]:
    return {f"job {each.called}": {"of": each.user, "gpus": each.gpus, "ends": ends_at(each)} for each in holders}


def resources(view: SlurmView) -> Finding | None:
    """What it needs is in use."""
    room = room_for(view)
    if room.fits or not room.fits_empty:
        return None
    holders = holders_of(view, room.empty)
    held = ", ".join(_told(view, each, room) for each in holders[:_MOST_NAMED])
    left = f" and {count(len(holders) - _MOST_NAMED, 'more job')}" if len(holders) > _MOST_NAMED else ""
    first = ends_at(holders[0]) if holders else ""
    expected = written(view.job.started * 1000) if view.job.started and not view.supposed else ""
    ahead = jobs_ahead(view)
    ends = max((ends_at(each) for each in holders), default="") if all(ends_at(each) for each in holders) else ""
    return Finding(
        "slurm-resources",
        CauseVerdict.WAITING,
        f"it asks for {room.need.told()}; {len(room.now)} of the {len(room.empty)} nodes that would do have it free: "
        f"{held or 'others'} {'use' if len(holders) != 1 else 'uses'} them{left}",
        facts={
            "nodes_with_room": len(room.now),
            "nodes_needed": room.need.nodes,
            "next_ends": first,
            "slurm_expects_it_at": expected,
            "ahead": len(ahead),
            "held_by": _held_by(holders),
        },
        evidence=reason_evidence(view),
        proposals=(
            waited(RemedyKind.WAIT_FOR_CAPACITY, "wait until enough of them have ended", ends),
            *elsewhere(view, accounts=False, qualities=False),
            *(
                done(RemedyKind.OTHER, Doer.USER, f"end your job {each.called}; what it has not saved is lost",
                     f"scancel {each.called}", SlurmChange(gone=(each.job_id,)), cost=95)
                for each in holders
                if each.user == view.job.user
            ),
        ),
    )  # fmt: skip


def priority(view: SlurmView) -> Finding | None:
    """Others wait for the same nodes and come first."""
    ahead = jobs_ahead(view)
    if not ahead or not set(view.job.reasons) <= _AHEAD or not (view.job.reasons or view.supposed):
        return None
    first, job = ahead[0], view.job
    expected = written(job.started * 1000) if job.started and not view.supposed else ""
    mine = [each for each in ahead if each.user == job.user]
    above = max(each.priority for each in ahead) + 1
    return Finding(
        "slurm-priority",
        CauseVerdict.WAITING,
        f"{count(len(ahead), 'job')} {'waits' if len(ahead) == 1 else 'wait'} before it in the partition "
        f"{job.partition}: first {view.named(first)} with priority {first.priority} against {job.priority}",
        facts={
            "ahead": [{"job": each.job_id, "user": each.user, "priority": each.priority} for each in ahead[:20]],
            "priority": job.priority,
            "slurm_expects_it_at": expected,
        },
        evidence=reason_evidence(view),
        proposals=(
            waited(RemedyKind.WAIT_FOR_CAPACITY, "wait until they have started", expected),
            *_filled_in(view, ahead),
            *elsewhere(view, accounts=False),
            *(
                done(RemedyKind.OTHER, Doer.USER, f"hold your job {each.called}, which waits before it",
                     f"scontrol hold {each.called}", SlurmChange(gone=(each.job_id,)), cost=50)
                for each in mine
            ),
            updated(view, RemedyKind.RAISE_PRIORITY, f"give it the priority {above}", f"priority={above}",
                    SlurmChange(job={"priority": above}), who=Doer.PLATFORM),
        ),
    )  # fmt: skip


def jobs_ahead(view: SlurmView) -> list[SlurmJob]:
    """Those that wait for nodes of its partitions and come before it."""
    job = view.job
    tiers = {each.name: each.tier for each in view.facts.partitions}
    nodes = {each.name for each in view.nodes}
    share = {each.name for each in view.facts.partitions if nodes & set(each.nodes)} | set(job.partition.split(","))

    def rank(each: SlurmJob) -> tuple[int, int]:
        return max((tiers.get(name, 0) for name in each.partition.split(",")), default=0), each.priority

    mine = rank(job)
    found = [
        each
        for each in view.others
        if each.phase is SlurmPhase.WAITING
        and share & set(each.partition.split(","))
        and set(each.reasons or ("None",)) <= _AHEAD
        and (rank(each), -each.job_id) > (mine, -job.job_id)
    ]
    return sorted(found, key=lambda each: (rank(each), -each.job_id), reverse=True)


def _as_long_as_nothing(view: SlurmView) -> SlurmView:
    """With a time limit that no reservation that begins later is in the way of."""
    return view.after(SlurmChange(job={"minutes": 0}))


def _shorter(view: SlurmView, begins: int) -> Iterator[SlurmProposal]:
    """A time limit that ends before the reservation begins, where what it needs is free early enough for that."""
    free = free_at(_as_long_as_nothing(view))
    left = 0 if free is None else int(begins - free) // 60 - 1
    if free is not None and 1 <= left < (view.job.minutes or 0):
        then = "" if free <= view.now else f" once it has started, at the latest at {written(free * 1000)}"
        summary = f"lower its time limit from {view.job.minutes} to {left} minutes, so that it ends before{then}"
        change = SlurmChange(job={"minutes": left})
        yield updated(view, RemedyKind.REDUCE_REQUEST, summary, f"timelimit={left}", change)


def _filled_in(view: SlurmView, ahead: Sequence[SlurmJob]) -> Iterator[SlurmProposal]:
    """A time limit with which it ends before Slurm expects any of those before it to start: it keeps nobody then."""
    job = view.job
    left = int(min(each.started for each in ahead) - view.now) // 60 - 1
    if 1 <= left < (job.minutes or 0) and room_for(view).fits:
        summary = (
            f"lower its time limit from {job.minutes} to {left} minutes, so that it ends before Slurm expects the "
            "first of them to start (backfill)"
        )
        change = SlurmChange(job={"minutes": left}, gone=tuple(each.job_id for each in ahead))
        yield updated(view, RemedyKind.REDUCE_REQUEST, summary, f"timelimit={left}", change)


def _told(view: SlurmView, job: SlurmJob, room: SlurmRoom) -> str:
    devices = count(job.gpus, "GPU") if room.need.gres and job.gpus else count(job.allocated.get("cpu", 0), "CPU")
    ends = ends_at(job)
    return f"{view.named(job)} ({devices}{f', until {ends} at the latest' if ends else ''})"


def _names(nodes: tuple[SlurmNodeFacts, ...]) -> str:
    named = ", ".join(each.name for each in nodes[:_MOST_NAMED])
    return f"{named} and {len(nodes) - _MOST_NAMED} more" if len(nodes) > _MOST_NAMED else named
