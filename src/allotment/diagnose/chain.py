"""All rules over a case, and which of the causes that hold is the dominant one."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.causes import BY_ID, CAUSES
from allotment.diagnose.finding import CauseEntry, Finding
from allotment.diagnose.heard import heard
from allotment.diagnose.impossible import impossible
from allotment.diagnose.needs import Asking
from allotment.diagnose.queued_pods import pods_case
from allotment.diagnose.reach import ended_badly
from allotment.diagnose.rules.queue.multikueue import NO_WORKER, copies_of, taken_copy, with_workers
from allotment.diagnose.rules.submission.cronjob_runs import run_of
from allotment.diagnose.standing import standing
from allotment.diagnose.unseen import quotas_seen
from allotment.model.explanation import Confidence, Layer

Found = tuple[CauseEntry, Finding]
OF_PODS: Final = frozenset({Layer.SCHEDULER, Layer.AUTOSCALER, Layer.NODE, Layer.STORAGE, Layer.POD})
"""Layers of what is around pods: of work that runs in another cluster nothing of this one is."""
_OF_CLUSTERS: Final = tuple(each for each in CAUSES if each.layer not in {Layer.SLURM, Layer.SERVER})
"""A Slurm is asked by rules of its own (`diagnose.slurm`), and so is what the server keeps (`diagnose.on_server`)."""
_USUALLY: Final = Asking(_OF_CLUSTERS)
_AFTER_ITS_END: Final = Asking(sorted(_OF_CLUSTERS, key=lambda each: each.layer is not Layer.POD))
"""Causes of what has failed: how it ended stands before what would keep it if it were submitted now."""


def findings(case: Case) -> list[Found]:
    """All causes that hold, in their order; none for what runs or is done. What makes it impossible stands first.

    Of a case that is only supposed, or one of many, nothing after the dominant one is looked for: nobody reads it.
    """
    if standing(case).settled:
        return _in_its_worker(case)
    found: list[Found] = []
    for entry in (_AFTER_ITS_END if ended_badly(case) else _USUALLY).of(case):
        finding = None if case.elsewhere and entry.layer in OF_PODS else entry.find(case)
        if finding is not None:
            found.append((entry, finding))
            if (case.supposed or case.one_of_many) and finding.confidence is Confidence.SURE:
                break
    whole = quotas_seen(case)
    if not found or not whole or _twins_are_blind(case):
        told = {finding.cause for _, finding in found}
        said = [(BY_ID[each.cause], each) for each in heard(case) if each.cause not in told]
        # Kueue knows the cohorts and flavors that were not seen.
        found = [*found, *said] if whole else [*said, *found]
    found = _of_its_workers(case, _of_its_run(case, found))
    first = dominant(found)
    never = None if first is None else impossible(case, *first)
    return found if never is None else [never, *(each for each in found if each[1].cause != never[1].cause)]


def _of_its_run(case: Case, found: list[Found]) -> list[Found]:
    """What keeps the run of a CronJob that is on, or pods that are queued by themselves, before what follows."""
    first = dominant(found)
    run = None if first is not None and first[1].confidence is Confidence.SURE else run_of(case) or pods_case(case)
    if run is None:
        return found
    below = findings(run)
    told = {finding.cause for _, finding in below}
    return [*below, *(each for each in found if each[1].cause not in told)]


def _in_its_worker(case: Case) -> list[Found]:
    """What keeps the copy in the cluster that has taken the work; what helps there is asked for there."""
    copy = None if case.supposed else taken_copy(case)
    if copy is None:
        return []
    copy.one_of_many, copy.brief = case.one_of_many, True
    kept = dominant(findings(copy))
    if kept is None:
        return []
    entry, finding = kept
    said = f"in the worker cluster {copy.source.name} {finding.summary}"
    return [(entry, replace(finding, summary=said, proposals=()))]


def _of_its_workers(case: Case, found: list[Found]) -> list[Found]:
    """What keeps the copies in other clusters, where no worker has taken the work."""
    first = dominant(found)
    if first is None or first[1].cause != NO_WORKER:
        return found
    told: dict[str, tuple[Case, Finding]] = {}
    for copy in copies_of(case):
        copy.one_of_many, copy.brief = case.one_of_many, case.brief
        kept = dominant(findings(copy))
        if kept is not None:
            told[copy.source.name] = copy, kept[1]
    return [(entry, with_workers(each, told) if each is first[1] else each) for entry, each in found]


def _twins_are_blind(case: Case) -> bool:
    """Whether something that the twins rest on could not be read."""
    return not all(case.seen_everywhere(kind) for kind in ("nodes", "pods", "workloads", "clusterqueues"))


def dominant(found: list[Found]) -> Found | None:
    """The first that is sure; where none is, the first."""
    sure = (each for each in found if each[1].confidence is Confidence.SURE)
    return next(sure, found[0] if found else None)
