"""All limits of Slurm that bind a job at this moment, each with who uses it up, and when enough of that ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from allotment.diagnose.slurm.view import SlurmView, ends_at
from allotment.model.grammar import being, count
from allotment.model.slurm.seen import SlurmJob

JOBS: Final = "running jobs"
MINUTES: Final = "minutes"
_UNITS: Final = {"mem": " MiB"}


@dataclass(frozen=True, slots=True)
class HeldShare:
    """What one job uses of a limit.

    Attributes:
        ends: RFC 3339, at the latest; empty where nothing bounds it.
    """

    job: SlurmJob
    amount: int
    ends: str


@dataclass(frozen=True, slots=True)
class BindingLimit:
    """A limit that does not leave enough for the job.

    Attributes:
        whose: of what it is, in words: ``account nlp``.
        key: ``account:nlp/`` (with the user after the slash) or ``qos:short``: what would have to change.
        resource: as Slurm names it, or running jobs.
        most: the limit.
        used: of it now.
        wanted: by the job.
        setting: what an administrator sets, such as ``GrpTRES=gres/gpu``.
        shares: who uses it, those that end first before those that end later.
    """

    whose: str
    key: str
    resource: str
    most: int
    used: int
    wanted: int
    setting: str
    shares: tuple[HeldShare, ...] = ()

    @property
    def hopeless(self) -> bool:
        """Whether the job alone is more than the limit."""
        return self.wanted > self.most

    @property
    def lacking(self) -> int:
        """How much has to come free."""
        return self.used + self.wanted - self.most

    @property
    def enough(self) -> tuple[HeldShare, ...]:
        """Those that have to end first until there is enough."""
        left, found = self.lacking, list[HeldShare]()
        for each in self.shares:
            if left <= 0:
                break
            found.append(each)
            left -= each.amount
        return tuple(found) if left <= 0 else ()

    @property
    def free_at(self) -> str:
        """RFC 3339, when enough has ended at the latest; empty where nothing bounds it."""
        return max((each.ends for each in self.enough), default="") if all(each.ends for each in self.enough) else ""

    def told(self) -> str:
        """The numbers in words."""
        return (
            f"{self.whose} may hold {self._amount(self.most)}, {being(self.used)} in use "
            f"and the job asks for {self.wanted}"
        )

    def exceeded(self) -> str:
        """The same of one that the job alone exceeds."""
        return f"it asks for {self._amount(self.wanted)}, and {self.whose} may have {self.most}"

    def _amount(self, number: int) -> str:
        if self.resource in {JOBS, MINUTES}:
            return count(number, self.resource.removesuffix("s"))
        return f"{number}{_UNITS.get(self.resource, '')} {self.resource}"


def binding_limits(view: SlurmView) -> list[BindingLimit]:
    """Every one that leaves too little: of its user, of all accounts above, of its quality of service."""
    job, found = view.job, list[BindingLimit]()
    for each in view.chain:
        accounts = view.below(each.account)
        if each.user:
            whose, scope = f"user {each.user} in account {each.account}", _of(view, {each.account}, user=each.user)
        else:
            whose, scope = f"account {each.account}", _of(view, accounts)
        key = f"account:{each.account}/{each.user}"
        found += _group(whose, key, each.group, job, scope, "GrpTRES")
        found += _jobs(whose, key, each.jobs, scope, "GrpJobs")
        if each.user:
            found += _jobs(whose, key, each.own_jobs, scope, "MaxJobs")
    qos = view.qos
    if qos is None:
        return found
    of_qos = [each for each in view.holding if each.qos == qos.name]
    mine = [each for each in of_qos if each.user == job.user]
    accounts_ = [each for each in of_qos if each.account == job.account]
    name, key = f"quality of service {qos.name}", f"qos:{qos.name}"
    found += _group(name, key, qos.group, job, of_qos, "GrpTRES")
    found += _group(f"each user of {name}", key, qos.per_user, job, mine, "MaxTRESPU")
    found += _group(f"each account of {name}", key, qos.per_account, job, accounts_, "MaxTRESPA")
    found += _jobs(name, key, qos.jobs, of_qos, "GrpJobs")
    found += _jobs(f"each user of {name}", key, qos.jobs_per_user, mine, "MaxJobsPU")
    found += _jobs(f"each account of {name}", key, qos.jobs_per_account, accounts_, "MaxJobsPA")
    return found


def job_limits(view: SlurmView) -> list[BindingLimit]:
    """Those that one job alone may not exceed: resources, and minutes as the resource `minutes`."""
    job, found = view.job, list[BindingLimit]()
    for each in view.chain[:1]:
        whose = f"a job of {f'user {each.user} in ' if each.user else ''}account {each.account}"
        key = f"account:{each.account}/{each.user}"
        found += _group(whose, key, each.per_job, job, (), "MaxTRESPerJob")
        found += _minutes(whose, key, each.minutes, job, "MaxWall")
    if view.qos is not None:
        whose, key = f"a job of quality of service {view.qos.name}", f"qos:{view.qos.name}"
        found += _group(whose, key, view.qos.per_job, job, (), "MaxTRESPerJob")
        found += _minutes(whose, key, view.qos.minutes, job, "MaxWall")
    most = [each.minutes for each in view.partitions if each.up]
    if most and None not in most:
        longest = max(each for each in most if each is not None)
        whose = f"a job in partition {view.job.partition}"
        found += _minutes(whose, f"partition:{view.job.partition}", longest, job, "MaxTime")
    return found


def _of(view: SlurmView, accounts: Iterable[str], user: str = "") -> list[SlurmJob]:
    inside = frozenset(accounts)
    return [each for each in view.holding if each.account in inside and user in {"", each.user}]


def _group(
    whose: str, key: str, group: Mapping[str, int], job: SlurmJob, scope: Iterable[SlurmJob], setting: str
) -> Iterator[BindingLimit]:
    for resource, most in group.items():
        wanted = job.requested.get(resource, 0)
        shares = _shares(scope, lambda each, name=resource: each.allocated.get(name, 0))  # type: ignore[misc]
        used = sum(each.amount for each in shares)
        if wanted and used + wanted > most:
            yield BindingLimit(whose, key, resource, most, used, wanted, f"{setting}={resource}", shares)


def _jobs(whose: str, key: str, most: int | None, scope: Iterable[SlurmJob], setting: str) -> Iterator[BindingLimit]:
    shares = _shares(scope, lambda _: 1)
    if most is not None and len(shares) >= most:
        yield BindingLimit(whose, key, JOBS, most, len(shares), 1, setting, shares)


def _minutes(whose: str, key: str, most: int | None, job: SlurmJob, setting: str) -> Iterator[BindingLimit]:
    if most is not None and job.minutes is not None and job.minutes > most:
        yield BindingLimit(whose, key, MINUTES, most, 0, job.minutes, setting)


def _shares(scope: Iterable[SlurmJob], amount: Callable[[SlurmJob], int]) -> tuple[HeldShare, ...]:
    found = [HeldShare(each, number, ends_at(each)) for each in scope if (number := amount(each))]
    return tuple(sorted(found, key=lambda each: (not each.ends, each.ends, each.job.job_id)))
