"""Which nodes could take a job: as they are, if nobody were there, and if every node took jobs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from allotment.diagnose.slurm.view import SlurmChange, SlurmView, ends_at
from allotment.model.grammar import count
from allotment.model.observed.slurm import SlurmNodeFacts
from allotment.model.slurm.seen import SlurmJob

_SIMPLE: Final = re.compile(r"[\w.-]+(?:[&,|][\w.-]+)*", re.ASCII)

_MOST_TRIED: Final = 50
"""Jobs that are supposed to have ended, one after the other."""


@dataclass(frozen=True, slots=True)
class NodeNeed:
    """What the job asks of each of its nodes: processors, MiB, and devices by name (``gpu`` or ``gpu:a100``)."""

    nodes: int
    cpus: int
    memory: int
    gres: dict[str, int]

    def told(self) -> str:
        """In words."""
        devices = ", ".join(f"{count} {name}" for name, count in self.gres.items())
        each = ", ".join(filter(None, (devices, count(self.cpus, "CPU"), f"{self.memory} MiB" if self.memory else "")))
        return f"{each} on each of {self.nodes} nodes" if self.nodes > 1 else f"{each} on one node"


@dataclass(frozen=True, slots=True)
class SlurmRoom:
    """Nodes that would do for the job.

    Attributes:
        now: as they are.
        empty: that take jobs, if nothing ran on them.
        ever: if all took jobs, and nothing ran.
        kept: those of `empty` that a reservation keeps for others.
    """

    need: NodeNeed
    now: tuple[SlurmNodeFacts, ...]
    empty: tuple[SlurmNodeFacts, ...]
    ever: tuple[SlurmNodeFacts, ...]
    kept: tuple[SlurmNodeFacts, ...]

    @property
    def fits(self) -> bool:
        """Whether it could start now."""
        return len(self.now) >= self.need.nodes

    @property
    def fits_empty(self) -> bool:
        """Whether it could start on what takes jobs, if nobody else were there."""
        return len(self.empty) - len(self.kept) >= self.need.nodes

    @property
    def fits_ever(self) -> bool:
        """Whether it could start if every node took jobs, and nobody else were there."""
        return len(self.ever) >= self.need.nodes


def need_of(job: SlurmJob) -> NodeNeed:
    """What it asks of one node: Slurm tells it of all together."""
    nodes = max(1, job.node_count)
    typed = {name.removeprefix("gres/"): count for name, count in job.requested.items() if name.startswith("gres/gpu:")}
    plain = {"gpu": job.requested["gres/gpu"]} if job.requested.get("gres/gpu") else {}
    gres = {name: -(-count // nodes) for name, count in (typed or plain).items()}
    cpus, memory = job.requested.get("cpu", 1), job.requested.get("mem", 0)
    return NodeNeed(nodes, -(-cpus // nodes), -(-memory // nodes), gres)


def room_for(view: SlurmView) -> SlurmRoom:
    """Of all nodes of its partitions."""
    need, job = need_of(view.job), view.job
    mine = next((set(each.nodes) for each in view.facts.reservations if each.name == job.reservation), None)
    reachable = [each for each in view.nodes if (mine is None or each.name in mine) and _has(each, job.features)]
    ever = tuple(each for each in reachable if _takes(each, need, empty=True))
    if job.required and len(job.required) >= need.nodes:
        ever = tuple(each for each in ever if each.name in job.required)
    empty = tuple(each for each in ever if each.usable)
    closed = _kept(view)
    kept = tuple(each for each in empty if each.name in closed)
    now = tuple(each for each in empty if each.name not in closed and _takes(each, need, empty=False))
    return SlurmRoom(need, now, empty, ever, kept)


def holders_of(view: SlurmView, nodes: Iterable[SlurmNodeFacts]) -> tuple[SlurmJob, ...]:
    """Jobs on these nodes that hold what it lacks there, those that end first before others.

    Where devices alone are short, who holds none of them is in nobody's way.
    """
    need, there = need_of(view.job), tuple(nodes)
    crowded = {each.name for each in there if not need.gres or not _takes(each, replace(need, gres={}), empty=False)}
    names = {each.name for each in there}
    found = [each for each in view.holding if names & set(each.nodes) and (each.gpus or crowded & set(each.nodes))]
    return tuple(sorted(found, key=lambda each: (not ends_at(each), ends_at(each), each.job_id)))


def free_at(view: SlurmView) -> int | None:
    """When enough of what it needs is free at the latest, in seconds since 1970, by the time limits of who holds it.

    None where nobody knows, or that is never.
    """
    room = room_for(view)
    if room.fits:
        return int(view.now)
    gone: list[int] = []
    for each in holders_of(view, room.empty)[:_MOST_TRIED]:
        if not ends_at(each):
            return None
        gone.append(each.job_id)
        if room_for(view.after(SlurmChange(gone=tuple(gone)))).fits:
            return each.ends
    return None


def _kept(view: SlurmView) -> frozenset[str]:
    """Nodes that reservations keep for others, now or before the job would have ended."""
    until = view.now + 60 * (view.job.minutes or 0)
    return frozenset(
        name
        for each in view.facts.reservations
        if each.name != view.job.reservation and each.starts <= until and each.ends > view.now
        for name in each.nodes
    )


def _takes(node: SlurmNodeFacts, need: NodeNeed, *, empty: bool) -> bool:
    cpus, memory = (0, 0) if empty else (node.cpus_used, node.memory_used_mib)
    if node.cpus - cpus < need.cpus or node.memory_mib - memory < need.memory:
        return False
    used = {} if empty else node.gres_used
    return all(_count(node.gres, name) - _count(used, name) >= count for name, count in need.gres.items())


def _count(gres: dict[str, int], name: str) -> int:
    """Of one type, or of all types where none is named."""
    typed = ":" in name
    return sum(count for key, count in gres.items() if (key == name if typed else key.partition(":")[0] == name))


def _has(node: SlurmNodeFacts, features: str) -> bool:
    """Whether it has the features; an expression that is more than a list is taken to hold."""
    if not features or not _SIMPLE.fullmatch(features):
        return True
    any_of = features.split("|")
    return any(set(re.split("[&,]", each)) <= set(node.features) for each in any_of)
