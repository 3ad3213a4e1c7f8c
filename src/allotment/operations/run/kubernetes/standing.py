"""How a job stands, from what a cluster shows of it. Pure: only what is seen now counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from allotment.jobs.kubernetes.pods import MAIN, STAGING
from allotment.model import labels
from allotment.model.jobs.native import native_with_uid
from allotment.model.jobs.run import GivenClass, JobState, MoveCause, RunningPlace
from allotment.model.moments import moment
from allotment.model.observed.base import Condition, condition, is_true
from allotment.model.observed.pods import Pod
from allotment.model.observed.queueing import Workload
from allotment.model.observed.work import CronJob, Job, JobStatus, Owner, Replicas, Work
from allotment.operations.run.kubernetes.ends import (
    MOST_RANKS,
    OVER,
    code_of,
    end_by_pods,
    end_in_place,
    ended_at,
    failure,
    is_indexed,
    lasting,
    rank_of,
    ranks_gone,
)
from allotment.operations.run.kubernetes.kueue_words import (
    bounded,
    how_often,
    not_before,
    told,
    told_by_kueue,
    why_unadmitted,
    with_more,
)
from allotment.operations.run.kubernetes.seeing import SeenWork
from allotment.ports.backends import EndOfRun, FollowedJob, ScheduledRun, ScheduledRuns

_COMPLETE: Final = ("Complete", "Completed")
_OWN_WORDS: Final = {"SUCCEEDED": True, "FAILED": False, "STOPPED": False}
"""How Ray says that a job has ended, and whether well."""
_PREVIOUSLY: Final = "Previously: "
"""How Kueue begins what it said before it let a Workload in again."""


def followed(seen: SeenWork) -> FollowedJob | None:
    """The job as the cluster shows it; None where it shows nothing of it."""
    if seen.main is None:
        return None if seen.staging is None else _staged(seen, seen.staging)
    over, going = _over(seen, seen.main), seen.main.metadata.deletion_timestamp
    if over is not None and not (going and _ended_by_going(over, going)):
        return over
    if going:
        return _shown(seen, JobState.STOPPING, since=going)
    if isinstance(seen.main, CronJob):
        return _scheduled(seen, seen.main)
    return _alive(seen, seen.main, seen.pods)


def _ended_by_going(over: FollowedJob, going: str) -> bool:
    """Whether it failed only as its pods were ended because it goes: controllers count them as failed all the same."""
    began = moment(going)
    return over.state is JobState.FAILED and began is not None and over.since is not None and over.since >= began


def with_class(shown: FollowedJob, workloads: Iterable[Workload], classes: Mapping[str, GivenClass]) -> FollowedJob:
    """The job with the class of its devices at each of its places, if Kueue's books for it name one alone.

    Args:
        shown: as the cluster shows it.
        workloads: its books.
        classes: of the cluster's flavors, by their names.
    """
    admitted = (each.status.admission for each in workloads if each.status.admission is not None)
    flavors = {name for each in admitted for part in each.pod_set_assignments for name in part.flavors.values()}
    given = {classes[name] for name in flavors if name in classes}
    return shown.with_class(given.pop()) if len(given) == 1 else shown


def native_name(work: Work | Job) -> str:
    """As kubectl takes it: ``job/NAME``."""
    return f"{work.kind.lower()}/{work.name}"


def _shown(
    seen: SeenWork,
    state: JobState,
    *,
    reason: str = "",
    since: str = "",
    end: EndOfRun | None = None,
    before: EndOfRun | None = None,
) -> FollowedJob:
    let_in = admitted_at(seen.workloads) if state.holds or state.over else ""
    present = list(lasting(seen.pods).values()) if state.over else [each for each in seen.pods if not each.ended]
    uids = {each.metadata.uid for each in present}
    # Of several pods in one Job those that have ended may be of the attempt that is on.
    past = [] if is_indexed(seen.main) else [each for each in seen.pods if each.metadata.uid not in uids]
    ended_before = max(ended_at(past), _turned_out_at(seen.workloads))
    began = _began(present) if state.over else ""
    if state.over and seen.again > seen.evictions:
        before = end_by_pods(past)
    of = seen.main or seen.staging
    return FollowedJob(
        id=seen.id,
        native="" if of is None else native_with_uid(native_name(of), of.metadata.uid),
        state=state,
        attempt=seen.attempt + seen.again,
        reason=bounded(reason),
        since=moment(since) if since else None,
        places=tuple(_places(seen.pods, state, seen.main)),
        end=end,
        before=before,
        let_in=moment(let_in) if let_in else None,
        since_let_in=((before if state.over else None) or end_in_place(seen)) if seen.again else None,
        ended_before=moment(ended_before) if ended_before else None,
        ran_from=moment(began) if began else None,
    )


def _staged(seen: SeenWork, staging: Job) -> FollowedJob:
    if staging.metadata.deletion_timestamp:
        return _shown(seen, JobState.STOPPING, since=staging.metadata.deletion_timestamp)
    failed = condition(staging.status.conditions, "Failed")
    if failed is not None and failed.true:
        end = failure(seen, seen.fetchers, failed)
        said = f"its data could not be fetched: {end.said}"
        return _shown(
            seen, JobState.FAILED, since=failed.last_transition_time, end=EndOfRun(end.code, None, bounded(said))
        )
    return _shown(seen, JobState.STAGING, reason=_why_not_yet(seen, staging), since=staging.metadata.creation_timestamp)


def is_staged(seen: SeenWork) -> bool:
    """Whether its data are there, and what runs it can be made."""
    staging = seen.staging
    if seen.main is not None or staging is None or staging.metadata.deletion_timestamp:
        return False
    return is_true(staging.status.conditions, "Complete")


def _why_not_yet(seen: SeenWork, staging: Job) -> str:
    if staging.spec.suspend:
        return why_unadmitted(seen, staging=True)
    return next((reason for each in seen.fetchers if not each.ended and (reason := _what_holds(each))), "")


def _over(seen: SeenWork, main: Work) -> FollowedJob | None:
    """What has ended by itself; None where it has not."""
    conditions = main.status.conditions if isinstance(main, Job | Owner) else ()
    well = next((found for name in _COMPLETE if (found := condition(conditions, name)) and found.true), None)
    failed = condition(conditions, "Failed")
    if failed is not None and failed.true:
        end = failure(seen, seen.pods, failed, main)
        return _shown(seen, JobState.FAILED, since=failed.last_transition_time, end=end)
    if isinstance(main, Owner) and main.status.job_status in _OWN_WORDS:
        word = main.status.job_status
        if _OWN_WORDS[word]:
            return _shown(seen, JobState.SUCCEEDED, end=EndOfRun(0))
        said = Condition(reason=word, message=main.status.message or main.status.reason)
        return _shown(seen, JobState.FAILED, end=failure(seen, seen.pods, said))
    if well is not None:
        return _shown(seen, JobState.SUCCEEDED, since=well.last_transition_time, end=EndOfRun(0))
    return None


def _scheduled(seen: SeenWork, cron: CronJob) -> FollowedJob:
    """A CronJob is what its last run is, and waits for its time in between."""
    over = tuple(filter(None, (_run_over(seen, each) for each in seen.runs)))
    run = seen.runs[-1] if seen.runs else None
    if run is not None and _ended_by(run) is None:
        pods = _pods_of(seen, run)
        own = replace(seen, pods=pods, workloads=[each for each in seen.workloads if _is_for(each, run)])
        alive = _alive(own, run, pods)
        # What is tried again within a run is no attempt of its own.
        uncounted = alive.uncounted and not run.status.failed
        runs = ScheduledRuns(over, moment(run.metadata.creation_timestamp))
        return replace(alive, attempt=1, uncounted=uncounted, runs=runs)
    reason = f"it runs at {cron.spec.schedule}{f' {cron.spec.time_zone}' if cron.spec.time_zone else ''}"
    last = over[-1] if over else None
    if last is not None and last.end.code != 0:
        code = "" if last.end.code is None else f"exit code {last.end.code}"
        reason = f"{reason}; its last run failed: {', '.join(filter(None, (code, last.end.said)))}"
    waits = _shown(seen, JobState.QUEUED, reason=reason)
    return replace(waits, attempt=1, ended_before=None, runs=ScheduledRuns(over))


def _ended_by(run: Job) -> Condition | None:
    """By which a run is over; None while it is not."""
    found = (condition(run.status.conditions, name) for name in ("Complete", "Failed"))
    return next((each for each in found if each is not None and each.true), None)


def _run_over(seen: SeenWork, run: Job) -> ScheduledRun | None:
    """A run that has ended; None of one that goes on, or was never let in."""
    pods, by = _pods_of(seen, run), _ended_by(run)
    began = moment(_began(pods) or run.status.start_time)
    ended = None if by is None else moment(by.last_transition_time)
    made = moment(run.metadata.creation_timestamp)
    if by is None or ended is None or began is None or made is None:
        return None
    end = EndOfRun(0) if by.type == "Complete" else failure(seen, pods, by, run)
    return ScheduledRun(made, began, max(began, ended), end, tuple(_places(pods, JobState.RUNNING, run)))


def _pods_of(seen: SeenWork, run: Job) -> list[Pod]:
    return [each for each in seen.pods if _made_by(each, run)]


def _is_for(books: Workload, run: Job) -> bool:
    return any(each.uid == run.metadata.uid for each in books.metadata.owner_references)


def _made_by(pod: Pod, job: Job) -> bool:
    maker = pod.metadata.controller
    return maker is not None and maker.uid == job.metadata.uid


def _alive(seen: SeenWork, main: Work, pods: Sequence[Pod]) -> FollowedJob:
    live = [each for each in pods if not each.ended]
    if isinstance(main, Replicas) or (isinstance(main, Owner) and main.kind == "LeaderWorkerSet"):
        waits = not live or any(each.spec.scheduling_gates for each in live)
    else:
        waits = bool(main.spec.suspend if isinstance(main, Job) else isinstance(main, Owner) and main.suspend)
        # What Kueue has turned out is suspended a moment later, and counted already.
        waits = waits or _turned_out(seen) is not None
    if waits:
        return _queued(seen, main, live)
    return _working(seen, main, pods)


def _turned_out(seen: SeenWork) -> Workload | None:
    """Those of its books by which Kueue has turned it out, and not let it in again."""
    return next((each for each in seen.workloads if is_true(each.status.conditions, "Evicted")), None)


def _queued(seen: SeenWork, main: Work, live: Sequence[Pod]) -> FollowedJob:
    of = _turned_out(seen)
    evicted = None if of is None else of.condition("Evicted")
    if evicted is not None and any(each.bound for each in live):
        ending = _shown(seen, JobState.STOPPING, reason=told_by_kueue(seen, evicted), since=_since(evicted))
        # It is still the attempt that was displaced.
        return replace(ending, attempt=max(1, ending.attempt - 1))
    off = next((each for each in seen.workloads if not each.spec.active), None)
    if off is not None:
        words = ("it was deactivated in its queue", told_by_kueue(seen, off.condition("Evicted")))
        reason = ": ".join(filter(None, words))
    else:
        reason = seen.refused or why_unadmitted(seen) or told_by_kueue(seen, evicted)
        reason = with_more(reason, not_before(of) or how_often(seen))
    uncounted = evicted is None and _is_replaced_uncounted(main, seen.pods)
    waiting = _shown(seen, JobState.QUEUED, reason=reason, since=_since(evicted), before=_before(seen))
    return replace(waiting, uncounted=uncounted)


def _since(found: Condition | None) -> str:
    return found.last_transition_time if found is not None and found.true else ""


def _working(seen: SeenWork, main: Work, pods: Sequence[Pod]) -> FollowedJob:
    live = [each for each in pods if not each.ended]
    # One that goes may do so for long: where its node does not answer, beside the one that stands for it.
    live = [each for each in live if not each.metadata.deletion_timestamp] or live
    run = [each for each in live if each.status.phase == "Running" and not each.metadata.deletion_timestamp]
    all_run = run and len(run) >= len(live) and len(run) >= _needed(main, pods)
    # Its pods have ended, and its controller has not said so yet.
    ended = not live and bool(pods) and all(each.status.phase == "Succeeded" for each in pods)
    before, uncounted = _before(seen), _is_replaced_uncounted(main, pods)
    if all_run or ended:
        began = max((each.status.start_time for each in run), default="")
        return replace(_shown(seen, JobState.RUNNING, since=began, before=before), uncounted=uncounted)
    if uncounted and not run and live and (leaving := _leaving(live[0])) is not None:
        since = leaving.last_transition_time
        going = _shown(seen, JobState.STOPPING, reason=told(leaving), since=since)
        return replace(going, why=MoveCause.RECLAIMED)
    waiting = next((each for each in live if each not in run), None)
    reason = seen.refused or ("" if waiting is None else _what_holds(waiting))
    since = _starts_since(seen, live)
    uncounted = uncounted and waiting is not None and not waiting.metadata.deletion_timestamp
    return replace(_shown(seen, JobState.STARTING, reason=reason, since=since, before=before), uncounted=uncounted)


def _starts_since(seen: SeenWork, live: Sequence[Pod]) -> str:
    """From when on it is being started; empty where nobody tells.

    Pods are made when it is let in, and again when those before them are gone: of a Job after a pause.
    """
    let_in = admitted_at(seen.workloads)
    if live:
        return max(let_in, min(each.metadata.creation_timestamp for each in live))
    ended = ended_at(seen.pods)
    anew = seen.again > seen.evictions and ended <= let_in
    return "" if anew else max(let_in, ended)


def _began(pods: Iterable[Pod]) -> str:
    """When the first of these began to run; empty where none has, or nobody tells."""
    return min((each.status.start_time for each in pods if each.ended and each.status.start_time), default="")


def _turned_out_at(workloads: Iterable[Workload]) -> str:
    """When Kueue last turned it out, as far as it still tells once it has let it in again."""
    told = (_since(each.condition("Evicted")) or _since(each.condition("Requeued")) for each in workloads)
    return max(told, default="")


def _leaving(pod: Pod) -> Condition | None:
    """Why a pod that ran is on its way out without having failed: its node is drained, or does not answer."""
    found = condition(pod.status.conditions, "DisruptionTarget")
    going = pod.metadata.deletion_timestamp and pod.status.phase == "Running"
    return found if going and found is not None and found.true else None


def _is_replaced_uncounted(main: Work, pods: Sequence[Pod]) -> bool:
    """Whether pods of it that go without having failed come again, and nobody counts how often.

    Of several pods only where all are gone: as long as one is there, or has ended, it is the same attempt. A JobSet
    counts.
    """
    if isinstance(main, Replicas):
        return (main.spec.replicas or 1) == 1
    if not isinstance(main, Job):
        return False
    if (main.spec.completions or 1) == 1 and (main.spec.parallelism or 1) == 1:
        return True
    status: JobStatus = main.status
    return not (status.succeeded or status.failed) and not any(
        each.ended or each.status.phase == "Running" for each in pods
    )


def _before(seen: SeenWork) -> EndOfRun | None:
    """How the attempt before this one ended: displaced, as Kueue says, or by its first pod that failed."""
    if not seen.again:
        return None
    evicted = next((found for each in seen.workloads if (found := each.condition("Evicted"))), None)
    if evicted is None:
        return end_in_place(seen)
    said = told_by_kueue(seen, evicted)
    return EndOfRun(None, said=said.removeprefix(_PREVIOUSLY), displaced=True)


def _needed(main: Work, pods: Sequence[Pod]) -> int:
    """How many pods have to run, of those that have not ended."""
    if isinstance(main, Job):
        status: JobStatus = main.status
        left = (main.spec.completions or 1) - status.succeeded
        return max(1, min(main.spec.parallelism or 1, left))
    if isinstance(main, Owner) and main.groups:
        return max(1, sum(each.count for each in main.groups) - sum(each.status.phase == "Succeeded" for each in pods))
    return 1


def ranks_without_pod(seen: SeenWork) -> list[int]:
    """Ranks that have run, as their Job says, and whose pods are no more."""
    main = seen.main
    if not isinstance(main, Job) or not is_true(main.status.conditions, "Complete"):
        return []
    there = {rank_of(each) for each in seen.pods}
    return [rank for rank in range(min(main.spec.completions or 1, MOST_RANKS)) if rank not in there]


def lacks_pods(seen: SeenWork) -> bool:
    """Whether there should be more pods of it than there are: perhaps they are refused."""
    main = seen.main
    if main is None or main.metadata.deletion_timestamp or _over(seen, main) is not None:
        return False
    if isinstance(main, CronJob):
        return bool(seen.runs) and _lacks(seen, seen.runs[-1])
    return _lacks(seen, main)


def _lacks(seen: SeenWork, main: Work) -> bool:
    suspended = main.spec.suspend if isinstance(main, Job) else isinstance(main, Owner) and main.suspend
    live = [each for each in seen.pods if not each.ended]
    return not suspended and len(live) < _needed(main, seen.pods)


def admitted_at(workloads: Iterable[Workload]) -> str:
    """When the queue let it in; empty where it has not."""
    return max((_since(each.condition("Admitted")) for each in workloads), default="")


def _what_holds(pod: Pod) -> str:
    """Why a pod that may start does not run."""
    placed = condition(pod.status.conditions, "PodScheduled")
    if placed is not None and not placed.true and placed.message:
        return placed.message
    for status in (*pod.status.init_container_statuses, *pod.status.container_statuses):
        if status.state.running and status.name.startswith(f"{STAGING}-"):
            before = pod.metadata.labels.get(labels.JOB_PART) == STAGING
            return "its data are fetched" if before else "its data are fetched, while it holds its devices"
        if status.state.waiting is not None and status.state.waiting.reason:
            words = (status.state.waiting.reason, status.state.waiting.message)
            return ": ".join(filter(None, words))
    return _what_binds(pod)


def _what_binds(pod: Pod) -> str:
    """What a node that was chosen is waited for: nobody says a word while a claim's volume is made, for ten minutes."""
    node = pod.status.nominated_node_name
    claims = [each.persistent_volume_claim.claim_name for each in pod.spec.volumes if each.persistent_volume_claim]
    if pod.bound or not node or not claims:
        return ""
    return f"node {node} was chosen; its claims may still lack a volume: {', '.join(claims)}"


def _places(pods: Sequence[Pod], state: JobState, main: Work | None = None) -> Iterator[RunningPlace]:
    """Where the last pod of each rank runs, or ran: a job that is over may have been seen too late to know."""
    if not (state.over or state.holds):
        return
    ages = sorted(pods, key=lambda each: (each.metadata.creation_timestamp, not each.ended))
    last = {rank_of(each): each for each in ages}
    for rank, pod in sorted(last.items()):
        if not pod.spec.node_name:
            continue
        ended = next((each.state.terminated for each in pod.status.container_statuses if each.name == MAIN), None)
        # What is displaced comes again.
        over = None if is_true(pod.status.conditions, "DisruptionTarget") else OVER.get(pod.status.phase)
        code = None if over is None or ended is None else code_of(ended)
        yield RunningPlace(rank, pod.spec.node_name, over=over, code=code)
    for rank in ranks_gone(main, pods):
        yield RunningPlace(rank, "", over=JobState.FAILED)
