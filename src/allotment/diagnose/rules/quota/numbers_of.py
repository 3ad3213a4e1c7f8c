"""Causes that are numbers: too little of a resource, now or ever, by the own quota, a limit or the cohort."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.lent import lenders, raised_lending
from allotment.diagnose.releases import borrowers, raised_borrowing, waits
from allotment.diagnose.rules.queue.raised_quota import raised_quota
from allotment.diagnose.rules.quota.finding_of import quota_finding, usual
from allotment.diagnose.rules.quota.reducing import partly, pods_that_fit, reduced
from allotment.diagnose.rules.quota.refused import QuotaCause, QuotaRefusal, refused_as
from allotment.diagnose.shortage import FlavorRow, ResourceNeed, book_of, device, fact
from allotment.model.explanation import CauseVerdict, RemedyKind
from allotment.model.grammar import be, being, count


def _parts(case: Case, cause: QuotaCause) -> tuple[QuotaRefusal, FlavorRow, ResourceNeed] | None:
    found = refused_as(case, cause)
    if found is None or found.row is None or found.need is None:
        return None
    return found, found.row, found.need


def _facts(case: Case, found: QuotaRefusal, need: ResourceNeed) -> dict[str, Any]:
    name = need.resource
    quota = need.quota
    return {
        "cohort": book_of(case.twins).root_cohort(found.queue),
        "resource": name,
        "requested": fact(name, need.wanted),
        "nominal": fact(name, quota.nominal),
        "used": fact(name, quota.used),
        "free": fact(name, quota.free),
    }


def _asks(found: QuotaRefusal, need: ResourceNeed) -> str:
    lacks = found.lacks
    least = f" at least, for {lacks.pod_set.count} of its {lacks.whole} pods" if lacks.partial else ""
    return f"it asks for {need.text(need.wanted)} {need.resource}{least}"


def _verdict(row: FlavorRow) -> CauseVerdict:
    return CauseVerdict.MISCONFIGURED if row.beyond else CauseVerdict.WAITING


def nominal(case: Case) -> Finding | None:
    """Its own quota is in use, and there is nothing to borrow."""
    parts = _parts(case, QuotaCause.NOMINAL)
    if parts is None:
        return None
    found, row, need = parts
    text, quota = need.text, need.quota
    return quota_finding(
        case,
        found,
        CauseVerdict.WAITING,
        f"{_asks(found, need)}, and of the {text(quota.nominal)} that the ClusterQueue "
        f"{found.queue} has in flavor {row.flavor} {being(text(quota.used))} in use: {being(text(quota.free))} free, "
        "and there is nothing to borrow",
        _facts(case, found, need),
        usual(case, found),
    )


def too_large(case: Case) -> Finding | None:
    """It asks for more than its queue can ever get."""
    parts = _parts(case, QuotaCause.TOO_LARGE)
    if parts is None:
        return None
    found, row, need = parts
    text, quota = need.text, need.quota
    facts = _facts(case, found, need)
    most = fact(need.resource, quota.most)
    whole = f", with all that its cohort {facts['cohort']} can lend" if facts["cohort"] else ""
    return quota_finding(
        case,
        found,
        CauseVerdict.MISCONFIGURED,
        f"{_asks(found, need)}, and the ClusterQueue {found.queue} can have "
        f"{text(quota.most)} of flavor {row.flavor} at most{whole}: it never starts",
        {**facts, "most_ever": most, "most_the_cohort_can_give": most},
        (*_fitting(case, found), *raised_quota(case, found.lacks)),
    )


def _fitting(case: Case, found: QuotaRefusal) -> Iterator[Proposal]:
    yield from reduced(case, found.lacks)
    yield from partly(case, found.lacks)


def borrowing(case: Case) -> Finding | None:
    """Its cohort has enough idle, and the queue's borrowing limit forbids to take it."""
    parts = _parts(case, QuotaCause.BORROWING)
    if parts is None:
        return None
    found, row, need = parts
    text, quota = need.text, need.quota
    facts = _facts(case, found, need)
    idle = max(0, quota.cohort_total - quota.cohort_used)
    limit = quota.borrowing_limit
    said = "a limit of its cohort" if limit is None else f"its borrowing limit of {text(limit)}"
    return quota_finding(
        case,
        found,
        _verdict(row),
        f"{_asks(found, need)} and the ClusterQueue {found.queue} may take "
        f"{text(quota.free)} more in flavor {row.flavor}: {said} above the nominal {text(quota.nominal)} binds, while "
        f"{text(idle)} are idle in the cohort {facts['cohort']}",
        {
            **facts,
            "borrowingLimit": None if limit is None else fact(need.resource, limit),
            "idle_in_cohort": fact(need.resource, idle),
            "may_still_use": facts["free"],
        },
        (
            *reduced(case, found.lacks),
            *waits(case, found.lacks, cost=3),
            *raised_borrowing(case, found.lacks),
            *raised_quota(case, found.lacks),
        ),
    )


def lending(case: Case) -> Finding | None:
    """Others have enough idle, and their lending limits keep it."""
    parts = _parts(case, QuotaCause.LENDING)
    if parts is None:
        return None
    found, row, need = parts
    text, quota = need.text, need.quota
    facts = _facts(case, found, need)
    behind = [each for each in lenders(case, found.lacks, row) if each.need.resource == need.resource]
    limits = {each.called: fact(need.resource, each.limit) for each in behind}
    idle = sum(each.idle for each in behind)
    return quota_finding(
        case,
        found,
        _verdict(row),
        f"{_asks(found, need)} and the ClusterQueue {found.queue} can get {text(quota.free)}"
        f" in flavor {row.flavor}: {text(idle)} are idle behind the lending limits of {', '.join(limits) or 'others'}",
        {
            **facts,
            "available": facts["free"],
            "lendingLimit": limits,
            "idle_but_not_lent": fact(need.resource, idle),
        },
        (
            *reduced(case, found.lacks),
            *waits(case, found.lacks, cost=3),
            *raised_lending(case, found.lacks),
            *raised_quota(case, found.lacks),
        ),
    )


def cohort(case: Case) -> Finding | None:
    """Everything that the cohort has is in use."""
    parts = _parts(case, QuotaCause.COHORT)
    if parts is None:
        return None
    found, row, need = parts
    text, quota = need.text, need.quota
    facts = _facts(case, found, need)
    debtors = list(borrowers(case, found.queue, (row.flavor, need.resource)))
    own = quota.used + need.wanted <= quota.nominal
    lent = ", ".join(f"{name} {text(amount)}" for name, amount in debtors[:3])
    who = f"; of its own quota {lent} is lent out, and it may not reclaim it" if own and lent else ""
    return quota_finding(
        case,
        found,
        CauseVerdict.WAITING,
        f"{_asks(found, need)}; of the {text(quota.cohort_total)} of flavor {row.flavor} "
        f"in the cohort {facts['cohort']} {being(text(quota.cohort_used))} in use: {being(text(quota.free))} free for "
        f"the ClusterQueue {found.queue} (nominal {text(quota.nominal)}){_limited(case, found, row, need)}{who}",
        {
            **facts,
            **({} if quota.borrowing_limit is None else {"borrowingLimit": fact(need.resource, quota.borrowing_limit)}),
            "cohort_total": fact(need.resource, quota.cohort_total),
            "cohort_used": fact(need.resource, quota.cohort_used),
            "borrowers": {name: fact(need.resource, amount) for name, amount in debtors},
        },
        usual(case, found),
    )


def _limited(case: Case, found: QuotaRefusal, row: FlavorRow, need: ResourceNeed) -> str:
    """Its borrowing limit, where that keeps from it what is idle, though that would not be enough."""
    unlimited = book_of(case.twins).without_borrowing_limits.entry(found.queue, row.flavor, need.resource)
    limit = need.quota.borrowing_limit
    if unlimited is None or unlimited.free <= need.quota.free:
        return ""
    said = "a borrowing limit of its cohort" if limit is None else f"its borrowing limit of {need.text(limit)}"
    return f", for {said} binds; without it {need.text(unlimited.free)} would be"


def gang(case: Case) -> Finding | None:
    """Some of its pods fit, and it must start with all of them."""
    parts = _parts(case, QuotaCause.GANG)
    if parts is None:
        return None
    found, row, need = parts
    text, quota = need.text, need.quota
    facts = _facts(case, found, need)
    pods, fit = found.lacks.pod_set.count, pods_that_fit(row, found.lacks)
    together = f"{pods} of its {found.lacks.whole}" if found.lacks.partial else f"its {pods}"
    return quota_finding(
        case,
        found,
        _verdict(row),
        f"{together} pods start together or not at all and ask for {text(need.wanted)} {need.resource}: "
        f"{text(quota.free)} of flavor {row.flavor} {be(text(quota.free))} free in the ClusterQueue {found.queue}, "
        f"enough for {count(fit, 'pod')}"
        + (f", and {text(quota.most)} is the most it can ever have" if row.beyond else ""),
        {
            **facts,
            "pods": pods,
            "pods_that_fit": fit,
            "gpus_per_pod": dict(found.lacks.pod_set.requests).get(need.resource, 0),
            "most_ever": fact(need.resource, quota.most),
            "partial_admission": found.lacks.partial,
        },
        (
            *reduced(case, found.lacks, RemedyKind.SPLIT_GANG),
            *partly(case, found.lacks),
            *waits(case, found.lacks, cost=3),
            *raised_quota(case, found.lacks),
        ),
    )


def processors(case: Case) -> Finding | None:
    """GPUs are free in its queue, and CPU is not."""
    return _plain(case, QuotaCause.CPU)


def memory(case: Case) -> Finding | None:
    """GPUs are free in its queue, and memory is not."""
    return _plain(case, QuotaCause.MEMORY)


def _plain(case: Case, cause: QuotaCause) -> Finding | None:
    parts = _parts(case, cause)
    if parts is None:
        return None
    found, row, need = parts
    text, quota = need.text, need.quota
    gpus = next(each for each in row.needs if device(each.resource))
    return quota_finding(
        case,
        found,
        _verdict(row),
        f"{_asks(found, need)}, and {text(quota.free)} of {text(quota.nominal)} {be(text(quota.free))} free in "
        f"the ClusterQueue {found.queue} in flavor {row.flavor}; its {gpus.text(gpus.wanted)} {gpus.resource} would "
        f"fit ({being(gpus.text(gpus.quota.free))} free)",
        {
            **_facts(case, found, need),
            "gpu_free": fact(gpus.resource, gpus.quota.free),
            "gpu_requested": fact(gpus.resource, gpus.wanted),
        },
        usual(case, found),
    )


def wrong_unit(case: Case) -> Finding | None:
    """The quota of memory is below one MiB: a unit was forgotten."""
    parts = _parts(case, QuotaCause.WRONG_UNIT)
    if parts is None:
        return None
    found, row, need = parts
    return quota_finding(
        case,
        found,
        CauseVerdict.MISCONFIGURED,
        f"the ClusterQueue {found.queue} has {need.quota.nominal} bytes of {need.resource} in flavor {row.flavor}: a "
        f"unit was forgotten in its quota, and the {need.text(need.wanted)} that are asked for can never be there",
        _facts(case, found, need),
        raised_quota(case, found.lacks, f"or {need.quota.nominal}Gi, if that was meant"),
    )
