"""A Slurm at a moment, looked up by what rules ask for, and as it would be after a change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import msgspec

from allotment.model.moments import written
from allotment.model.observed.slurm import SlurmFacts, SlurmNodeFacts
from allotment.model.slurm.seen import SlurmAssociation, SlurmJob, SlurmPartition, SlurmPhase, SlurmQos


@dataclass(frozen=True, slots=True)
class SlurmChange:
    """Something that would be otherwise.

    Attributes:
        job: fields of the job that is asked about.
        up: a partition that would be up.
        resumed: a node that would take jobs.
        raised: limits that would not be there: of an account or a quality of service, by its name.
        gone: numbers of jobs that would not be there.
    """

    job: Mapping[str, Any] = field(default_factory=dict)
    up: str = ""
    resumed: str = ""
    raised: str = ""
    gone: tuple[int, ...] = ()


class SlurmView:
    """One job among all others.

    Attributes:
        job: that is asked about.
        now: seconds since 1970.
        supposed: this is how it would be: what Slurm says of the job is no longer true.
    """

    def __init__(self, facts: SlurmFacts, job: SlurmJob, now: float, *, supposed: bool = False) -> None:
        """Of a moment."""
        self.facts = facts
        self.job = job
        self.now = now
        self.supposed = supposed

    def says(self, *reasons: str) -> bool:
        """Whether Slurm gives one of these as the reason."""
        return any(each in reasons for each in self.job.reasons)

    def begins(self, *starts: str) -> str:
        """The first reason that Slurm gives that begins so; empty for none."""
        return next((each for each in self.job.reasons if each.startswith(starts)), "")

    @cached_property
    def others(self) -> tuple[SlurmJob, ...]:
        """All but this one."""
        return tuple(each for each in self.facts.jobs if each.job_id != self.job.job_id)

    @cached_property
    def holding(self) -> tuple[SlurmJob, ...]:
        """Others that hold nodes."""
        return tuple(each for each in self.others if each.holds)

    @cached_property
    def partitions(self) -> tuple[SlurmPartition, ...]:
        """Those in which the job may start."""
        named = self.job.partition.split(",")
        return tuple(each for each in self.facts.partitions if each.name in named)

    @cached_property
    def nodes(self) -> tuple[SlurmNodeFacts, ...]:
        """Those of its partitions."""
        names = {name for each in self.partitions for name in each.nodes}
        mine = set(self.job.partition.split(","))
        return tuple(each for each in self.facts.nodes if each.name in names or mine & set(each.partitions))

    @cached_property
    def chain(self) -> tuple[SlurmAssociation, ...]:
        """Its user in the account, the account, and all accounts above it."""
        return tuple(self.chain_of(self.job.account))

    def chain_of(self, account: str) -> Iterator[SlurmAssociation]:
        """As `chain`, of another account."""
        own = {(each.account, each.user, each.partition): each for each in self.facts.associations}
        mine = next((own[key] for part in (self.job.partition, "") if (key := (account, self.job.user, part)) in own),
                    None)  # fmt: skip
        if mine is not None:
            yield mine
        seen = set[str]()
        while account and account not in seen:
            seen.add(account)
            above = own.get((account, "", ""))
            if above is None:
                return
            yield above
            account = above.parent

    def below(self, account: str) -> frozenset[str]:
        """An account and all accounts under it."""
        parents = {each.account: each.parent for each in self.facts.associations if not each.user}
        found = {account}
        for name in parents:
            path, at = {name}, name
            while (at := parents.get(at, "")) and at not in path:
                path.add(at)
            if account in path:
                found.add(name)
        return frozenset(found)

    @cached_property
    def qos(self) -> SlurmQos | None:
        """Its quality of service."""
        return next((each for each in self.facts.qualities if each.name == self.job.qos), None)

    def other_accounts(self) -> tuple[str, ...]:
        """In which its user may work besides."""
        above = {each.parent for each in self.facts.associations if not each.user}
        mine = {each.account for each in self.facts.associations if each.user == self.job.user} - above
        return tuple(sorted(mine - {self.job.account}))

    def other_qualities(self) -> tuple[str, ...]:
        """That its user may use besides in its account."""
        mine = next((each.qos for each in self.chain if each.user), ())
        known = {each.name for each in self.facts.qualities}
        return tuple(each for each in mine if each in known and each != self.job.qos)

    def job_of(self, number: int) -> SlurmJob | None:
        """By its number, or that of its array."""
        return next((each for each in self.facts.jobs if number in {each.job_id, each.array_id}), None)

    def named(self, job: SlurmJob) -> str:
        """How a job is called in sentences."""
        return f"job {job.called} of {job.user or 'somebody'}"

    def after(self, change: SlurmChange) -> SlurmView:
        """How it would be."""
        job = replace(self.job, **{"reasons": (), "said": "", **change.job})
        facts = self.facts
        jobs = tuple(
            job if each.job_id == job.job_id else each for each in facts.jobs if each.job_id not in change.gone
        )
        partitions = tuple(replace(each, up=True) if each.name == change.up else each for each in facts.partitions)
        changed: dict[str, Any] = {"jobs": jobs, "partitions": partitions}
        gone = [each for each in facts.jobs if each.job_id in change.gone and each.holds]
        changed["nodes"] = tuple(_without(_resumed(each, change.resumed), gone) for each in facts.nodes)
        if change.raised:
            kind, _, name = change.raised.partition(":")
            if kind == "qos":
                changed["qualities"] = tuple(
                    SlurmQos(each.name, each.priority, each.preempts) if each.name == name else each
                    for each in facts.qualities
                )
            else:
                changed["associations"] = tuple(
                    replace(each, group={}, per_job={}, jobs=None, own_jobs=None, minutes=None)
                    if f"{each.account}/{each.user}" == name else each
                    for each in facts.associations
                )  # fmt: skip
        return SlurmView(msgspec.structs.replace(facts, **changed), job, self.now, supposed=True)


def _resumed(node: SlurmNodeFacts, name: str) -> SlurmNodeFacts:
    if node.name != name:
        return node
    return msgspec.structs.replace(node, usable=True, states=("idle",))


def _without(node: SlurmNodeFacts, gone: Iterable[SlurmJob]) -> SlurmNodeFacts:
    """A node on which these jobs hold nothing any more; what a job holds is spread evenly over its nodes."""
    for job in gone:
        if node.name not in job.nodes:
            continue
        share = {name: -(-count // len(job.nodes)) for name, count in job.allocated.items()}
        typed = any(name.startswith("gres/gpu:") for name in share)
        used = {
            name: max(0, count - share.get(f"gres/{name}", 0 if typed else share.get("gres/gpu", 0)))
            for name, count in node.gres_used.items()
        }
        node = msgspec.structs.replace(
            node,
            gres_used=used,
            cpus_used=max(0, node.cpus_used - share.get("cpu", 0)),
            memory_used_mib=max(0, node.memory_used_mib - share.get("mem", 0)),
        )
    return node


def ends_at(job: SlurmJob) -> str:
    """When a job that runs ends at the latest, RFC 3339; empty where nothing bounds it."""
    bounded = job.phase is not SlurmPhase.RUNNING or (job.ends and job.minutes is not None)
    return written(job.ends * 1000) if bounded and job.ends else ""
