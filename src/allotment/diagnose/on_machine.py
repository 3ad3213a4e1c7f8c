"""A job of this machine: what it lacks, all of it and in units, and what its user can do about it there.

The rules see a cluster; here is none. There is one node that nobody adds another to, no Kueue that reads annotations,
and no kubectl: what helps is another job file, by `allot clone`, or patience.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final

from allotment.diagnose.amending import amended
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import CauseEntry, Deferred, Finding, Proposal
from allotment.diagnose.others import work_above
from allotment.diagnose.own_jobs import called_here, stopping_own, submitted_anew
from allotment.diagnose.quota_book import Pair, QuotaEntry
from allotment.diagnose.releases import borrowers, waiting_for
from allotment.diagnose.rules.scheduler.smaller import asking_less, rounded
from allotment.diagnose.shortage import book_of, device, waiting_in
from allotment.model.explanation import Doer, FlavorTried, Layer, Patch, PatchOp, RemedyKind
from allotment.model.grammar import count
from allotment.model.labels import KUEUE_PRIORITY
from allotment.model.moments import moment, written
from allotment.model.observed.snapshot import MACHINE
from allotment.model.observed.work import Job
from allotment.model.quantity import said_amount
from allotment.scheduling.queueing.eligibility import flavor_obstacle
from allotment.scheduling.queueing.inputs import PodSet, Workload
from allotment.scheduling.queueing.quantity import render_amount
from allotment.scheduling.snapshot.ended import limits_of
from allotment.scheduling.snapshot.queueing import QuotaHolder

_FIELDS: Final = {"cpu": "resources.cpu", "memory": "resources.memory"}
_DEVICES: Final = "resources.accelerators.count"
_MOST_NAMED: Final = 8
"""Jobs that are waited for by name; of more it is said how many."""


@dataclass(frozen=True, slots=True)
class _Lack:
    """A resource that there is too little of.

    Attributes:
        each: what a replica asks for.
        wanted: what all of them do.
    """

    resource: str
    flavor: str
    each: int
    wanted: int
    quota: QuotaEntry

    @property
    def never(self) -> bool:
        """Whether so much can never be there."""
        return self.wanted > self.quota.most

    def text(self, amount: int) -> str:
        """An amount with its unit."""
        return said_amount(self.resource, self.flavor, Fraction(amount, 1000 if self.resource == "cpu" else 1))


@dataclass(frozen=True, slots=True)
class _Shortage:
    """What a job lacks.

    Attributes:
        wanted: all that it asks for, by flavor and resource.
        lacks: what of it is not there; what can never be there first.
    """

    workload: Workload
    pods: PodSet
    wanted: Mapping[Pair, int]
    lacks: tuple[_Lack, ...]


def of_this_machine(case: Case, entry: CauseEntry, finding: Finding) -> Finding:
    """The finding in this machine's words, with what can be done there; that of any other source as it is."""
    if case.source.kind != MACHINE:
        return finding
    found = _shortage(case) if entry.layer is Layer.QUOTA else None
    proposals = Deferred(_proposals(case, finding, found))
    evidence = tuple(each for each in finding.evidence if each.object.kind != "ClusterQueue")
    if found is None or not found.lacks:
        return replace(finding, proposals=proposals, evidence=evidence)
    return replace(
        finding,
        summary=_summary(found),
        facts=dict(_facts(found)),
        flavors=tuple(_tried(each) for each in found.lacks),
        evidence=evidence,
        proposals=proposals,
    )


def _shortage(case: Case) -> _Shortage | None:
    seen = case.workload
    workload = None if seen is None or seen.holds_quota else waiting_in(case.twins).get(seen.key)
    if workload is None or len(workload.pod_sets) != 1:
        return None
    pods, book = workload.pod_sets[0], book_of(case.twins)
    queue = book.queues.get(workload.cluster_queue)
    if queue is None:
        return None
    requests, wanted, lacks = dict(pods.requests), dict[Pair, int](), list[_Lack]()
    for group in queue.resource_groups:
        asked = {name: requests[name] for name in group.covered_resources if requests.get(name)}
        rows = []
        for quotas in group.flavors:
            flavor = book.flavors.get(quotas.flavor)
            if flavor is None or flavor_obstacle(pods, flavor) is not None:
                continue
            entries = {name: book.entry(queue.name, flavor.name, name) for name in asked}
            rows.append(
                [
                    _Lack(name, flavor.name, asked[name], asked[name] * pods.count, entry)
                    for name, entry in entries.items()
                    if entry is not None
                ]
            )
        best = min(rows, key=lambda row: sum(max(0, each.wanted - each.quota.free) for each in row), default=[])
        wanted.update({(each.flavor, each.resource): each.wanted for each in best})
        lacks += [each for each in best if each.wanted > each.quota.free]
    lacks.sort(key=lambda each: (not each.never, device(each.resource)))
    return _Shortage(workload, pods, wanted, tuple(lacks))


def _joined(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _summary(found: _Shortage) -> str:
    lacks, pods = found.lacks, found.pods.count
    together = f" for its {pods} replicas together" if pods > 1 else ""
    asks = f"it asks for {_joined([each.text(each.wanted) for each in lacks])}{together}"
    never = [each for each in lacks if each.never]
    if never:
        most = _joined([each.text(each.quota.most) for each in never])
        return f"{asks}, and {most} is the most that it can ever have here: it never starts"
    free = _joined([each.text(each.quota.free) for each in lacks])
    short = _joined([each.text(each.wanted - each.quota.free) for each in lacks])
    whole = _joined([each.text(each.quota.cohort_total) for each in lacks])
    return f"{asks}; of {whole} here {free} are free for team {found.workload.cluster_queue}: {short} short"


def _facts(found: _Shortage) -> Iterator[tuple[str, Any]]:
    yield "team", found.workload.cluster_queue
    if found.pods.count > 1:
        yield "replicas", found.pods.count
    yield "short_of", [_called(each) for each in found.lacks]
    for each in found.lacks:
        of_each = f" ({each.text(each.each)} a replica)" if found.pods.count > 1 else ""
        quota = each.quota
        there = f"{each.text(quota.free)} free, {each.text(quota.most)} at most ever"
        own = f"the team's own part is {each.text(quota.nominal)}, {each.text(quota.used)} in use by it"
        yield _called(each), f"{each.text(each.wanted)} asked for{of_each}, {there}; {own}"


def _called(each: _Lack) -> str:
    return {"cpu": "CPU", "memory": "memory"}.get(each.resource, each.flavor)


def _tried(each: _Lack) -> FlavorTried:
    there = each.quota.most if each.never else each.quota.free
    reason = "more than it can ever have" if each.never else "in use"
    return FlavorTried(_called(each), reason, f"{each.text(each.wanted)} > {each.text(there)}")


def _proposals(case: Case, finding: Finding, found: _Shortage | None) -> Iterator[Proposal]:
    """What its user can do, cheapest first: what a cluster's rules propose is of no use but for priorities."""
    short = found is not None and bool(found.lacks)
    if found is not None and short:
        yield from (each for each in (*_fewer(case, found), *_less(case, found)) if each.command)
        yield from _waits(case, found)
        lacking = [(each.flavor, each.resource) for each in found.lacks]
        yield from stopping_own(case, found.workload.cluster_queue, found.wanted, lacking)
    for each in finding.proposals:
        if each.kind is RemedyKind.RAISE_PRIORITY and isinstance(each.patch, Patch):
            name = str(each.patch.body["metadata"]["labels"][KUEUE_PRIORITY])
            said = f"give it the priority {name}: the queues make room for it then"
            command = _anew(case, f"priority={name}")
            yield from (replace(each, summary=said, command=command),) if command else ()
        elif each.patch is not None and each.patch.op is PatchOp.WAIT and not short:
            yield each
    if found is not None and short:
        yield from _more_quota(case, found)


def _anew(case: Case, *settings: str) -> str:
    """The command that submits it changed in place of what waits; empty where its id is not known."""
    top = case.top
    if top is None or not top.metadata.uid:
        return ""
    return submitted_anew(top.metadata.uid, settings)


def _fewer(case: Case, found: _Shortage) -> Iterator[Proposal]:
    pods, job = found.pods.count, case.top
    for ever in (False, True):
        fit = min((_there(each, ever=ever) // each.each for each in found.lacks), default=0)
        if isinstance(job, Job) and 0 < fit < pods:
            yield Proposal(
                RemedyKind.SPLIT_GANG,
                Doer.USER,
                f"ask for {fit} {'replica' if fit == 1 else 'replicas'} in place of {pods} (replicas in the job file)",
                reference_of(job),
                Patch(PatchOp.RESUBMIT, {"spec": {"parallelism": fit, "completions": fit}}),
                command=_anew(case, f"replicas={fit}"),
            )
            return


def _there(each: _Lack, *, ever: bool) -> int:
    return each.quota.most if ever else each.quota.free


def _less(case: Case, found: _Shortage) -> Iterator[Proposal]:
    template = next((each.template for each in case.to_come), None)
    if template is None:
        return
    for ever in (False, True):
        now = {each: rounded(each.resource, _there(each, ever=ever) // found.pods.count) for each in found.lacks}
        now = {each: amount for each, amount in now.items() if amount < each.each}
        if not now or not all(now.values()):
            continue
        change = asking_less(template.spec, {each.resource: each.each - amount for each, amount in now.items()})
        if change is None:
            continue
        target, patch = amended(case, change)
        fields = {each: _FIELDS.get(each.resource, _DEVICES) for each in now}
        settings = [f"{fields[each]}={render_amount(each.resource, amount)}" for each, amount in now.items()]
        said = _joined([f"{each.text(amount)} in place of {each.text(each.each)}" for each, amount in now.items()])
        replica = " a replica" if found.pods.count > 1 else ""
        what = f"ask for {said}{replica} ({_joined(list(dict.fromkeys(fields.values())))} in the job file)"
        yield Proposal(
            RemedyKind.REDUCE_REQUEST, Doer.USER, what, target, patch, cost=1, command=_anew(case, *settings)
        )
        return


def _waits(case: Case, found: _Shortage) -> Iterator[Proposal]:
    """Wait for those whose end lets it start, those first whose end is known."""
    book, queue = book_of(case.twins), found.workload.cluster_queue
    if not book.could_ever_fit(queue, found.wanted):
        return
    ends = _latest_ends(case)
    held = [each for name in book.tree_of(queue) for each in book.holders.get(name, ())]
    held.sort(
        key=lambda each: (ends.get(each.workload.name) is None, ends.get(each.workload.name, 0), each.reserved_at)
    )
    chosen: list[QuotaHolder] = []
    for each in held:
        if book.fits(queue, found.wanted, without=chosen):
            break
        chosen.append(each)
    if not book.fits(queue, found.wanted, without=chosen):
        return
    for each in tuple(chosen):
        rest = [other for other in chosen if other is not each]
        if book.fits(queue, found.wanted, without=rest):
            chosen = rest
    seen = [case.index.workloads[each.workload.name] for each in chosen if each.workload.name in case.index.workloads]
    if not seen:
        return
    known = [ends.get(each.key) for each in seen]
    latest = None if None in known else max((end for end in known if end is not None), default=None)
    names = [called_here(case, work_above(case, each)) for each in seen]
    who = _joined(names) if len(names) <= _MOST_NAMED else count(len(names), "job")
    when = (
        "nobody said how long it may run" if len(seen) == 1 else "not of all of them it is said how long they may run"
    )
    when = when if latest is None else f"at the latest at {written(latest)}, by maxRunTime"
    said = f"wait until {who} {'ends' if len(names) == 1 else 'end'}: {when}"
    yield replace(waiting_for(case, seen, cost=3), summary=said)


def _latest_ends(case: Case) -> dict[str, int]:
    """When what runs has ended at the latest, by its own limit, in milliseconds since the epoch."""
    limits, found = limits_of(case.index), {}
    for name, limit in limits.items():
        held = case.index.workloads[name].condition("QuotaReserved")
        since = moment(held.last_transition_time) if held is not None and held.true else None
        if since is not None:
            found[name] = since + limit
    return found


def _more_quota(case: Case, found: _Shortage) -> Iterator[Proposal]:
    """Its team's own part is smaller than what it asks for: what others borrow comes back only up to that."""
    queue = found.workload.cluster_queue
    small = [
        each
        for each in found.lacks
        if each.quota.used + each.wanted > each.quota.nominal
        and any(True for _ in borrowers(case, queue, (each.flavor, each.resource)))
    ]
    if not small or any(each.never for each in found.lacks):
        return
    own = _joined([each.text(each.quota.nominal) for each in small])
    yield Proposal(
        RemedyKind.RAISE_QUOTA,
        Doer.TEAM_OWNER,
        f"ask for a larger share of the platform's quota for team {queue}: of this machine "
        f"it is guaranteed {own}, and more than that it has only while others leave it",
        patch=Patch(PatchOp.SIGNAL, {"quota": queue}),
    )
