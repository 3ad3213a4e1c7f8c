"""How and when attempts of a job ended, from its pods, and from what its controllers say where pods are gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from allotment.jobs.kubernetes.leader_worker_set import WORKER_INDEX
from allotment.jobs.kubernetes.pods import MAIN
from allotment.model.jobs.run import JobState
from allotment.model.moments import moment
from allotment.model.observed.base import Condition, condition, is_true
from allotment.model.observed.pods import Pod, Terminated
from allotment.model.observed.work import Job, Owner, Work, failed_ranges
from allotment.operations.run.following import PLACE_LOST
from allotment.operations.run.kubernetes.kueue_words import bounded
from allotment.operations.run.kubernetes.seeing import SeenWork
from allotment.ports.backends import EndOfRun

INDEX: Final = "batch.kubernetes.io/job-completion-index"
OVER: Final = {"Succeeded": JobState.SUCCEEDED, "Failed": JobState.FAILED}
"""Phases of a pod that has ended."""
_NO_RETRY_LEFT: Final = "BackoffLimitExceeded"
_INDEXES_FAILED: Final = frozenset({"FailedIndexes", "MaxFailedIndexesExceeded"})
_KILLED: Final = 128
MOST_RANKS: Final = 10_000
_SHORTEST_PAUSE: Final = 9_000
"""Milliseconds: a Job waits for ten seconds or more before it tries again, and times are told in seconds."""
_DELETED: Final = "is gone, as if deleted by somebody"
_COST_A_RETRY: Final = EndOfRun(None, said=f"its pod {_DELETED}: that cost a retry")
"""How an attempt ended that its Job counts as failed, and of which no pod is left."""


def rank_of(pod: Pod) -> int:
    """Rank of a pod: 0 where it is alone."""
    metadata = pod.metadata
    text = metadata.labels.get(INDEX) or metadata.annotations.get(INDEX) or metadata.labels.get(WORKER_INDEX) or "0"
    return int(text) if text.isdecimal() and len(text) < 9 else 0


def lasting(pods: Iterable[Pod]) -> Mapping[tuple[str, int | str], Pod]:
    """The last pod of each rank of a Job, and each of those that no Job made."""
    ages = sorted(pods, key=lambda each: (each.metadata.creation_timestamp, not each.ended))
    return {_place_of(each): each for each in ages}


def _place_of(pod: Pod) -> tuple[str, int | str]:
    maker = pod.metadata.controller
    if maker is None or maker.kind != "Job":
        return "", pod.metadata.uid
    return maker.uid, rank_of(pod)


def ended_at(pods: Iterable[Pod]) -> str:
    """When the last of those that have ended did; empty where nobody tells."""
    statuses = (status for pod in pods if pod.ended for status in pod.status.container_statuses)
    return max((each.state.terminated.finished_at for each in statuses if each.state.terminated), default="")


def ranks_gone(main: Work | None, pods: Iterable[Pod]) -> list[int]:
    """Ranks that have failed for good, as their Job says, and whose pods are no more."""
    if not isinstance(main, Job) or not main.status.failed_indexes:
        return []
    there = {rank_of(each) for each in pods}
    most = min(main.spec.completions or 1, MOST_RANKS + 1)
    ranks = (rank for each in failed_ranges(main.status) for rank in range(each.start, min(each.stop, most)))
    return [rank for rank in ranks if rank not in there]


def failure(seen: SeenWork, pods: Sequence[Pod], failed: Condition, main: Work | None = None) -> EndOfRun:
    """How it failed: by its first rank that did, or else as its controller says.

    Args:
        seen: all that there is of the job.
        pods: those that may have failed.
        failed: as which it has.
        main: what ran it; None for what fetched its data.
    """
    if failed.reason == "DeadlineExceeded":
        return EndOfRun(None, said="it ran for as long as it may (maxRunTime)")
    found = end_by_pods(pods)
    if found is not None and not _has_another_since(main, pods, failed):
        return found
    words = [failed.reason, failed.message]
    gone = _what_is_gone(seen, pods, failed, main)
    if gone:
        # A pod that failed stays with its Job, and one whose node went is not counted.
        words.insert(0, f"{gone} (run it again: allot retry {seen.id})")
    return EndOfRun(None, said=bounded(": ".join(filter(None, words))))


def _has_another_since(main: Work | None, pods: Sequence[Pod], failed: Condition) -> bool:
    """Whether a pod that is gone failed after all that are there: the Job was over no sooner than it tried again."""
    if not isinstance(main, Job) or is_indexed(main) or main.status.failed <= len(_failed(pods)):
        return False
    last, over = (moment(each) for each in (ended_at(pods), failed.last_transition_time))
    return last is not None and over is not None and over - last >= _SHORTEST_PAUSE


def _what_is_gone(seen: SeenWork, pods: Sequence[Pod], failed: Condition, main: Work | None) -> str:
    """Which pod was lost to whoever deleted it, and that nothing is left to try; empty where none was."""
    if isinstance(main, Job) and failed.reason in _INDEXES_FAILED:
        ranks = ranks_gone(main, pods)
        return f"the pod of rank {ranks[0]} {_DELETED}, and {_used(main.spec.backoff_limit_per_index)}" if ranks else ""
    if isinstance(main, Job):
        lost = main.status.failed > len(_failed(pods)) and failed.reason == _NO_RETRY_LEFT
        return f"its pod {_DELETED}, and {_used(main.spec.backoff_limit)}" if lost else ""
    if main is None or not any(_has_lost_one(each, pods) for each in seen.parts):
        return ""
    return f"a pod of it {_DELETED}, and {_used(seen.failures)}"


def _has_lost_one(part: Job, pods: Sequence[Pod]) -> bool:
    """Whether one of a gang's Jobs counts a failure of which no pod is left."""
    found = condition(part.status.conditions, "Failed")
    its = [each for each in pods if (maker := each.metadata.controller) and maker.uid == part.metadata.uid]
    counted = found is not None and found.true and found.reason == _NO_RETRY_LEFT
    return counted and part.status.failed > 0 and not any(list(_ends(each)) for each in its)


def _used(retries: int | None) -> str:
    if not retries:
        return "it has no retries"
    return "its one retry is used" if retries == 1 else f"all {retries} retries are used"


def is_indexed(main: Work | None) -> bool:
    """Whether it is a Job of several pods, each of which is tried again by itself."""
    return isinstance(main, Job) and main.spec.completion_mode == "Indexed"


def _failed(pods: Iterable[Pod]) -> list[Pod]:
    """Those that a Job counts."""
    return [each for each in pods if each.status.phase == "Failed" and not _is_displaced(each)]


def _is_displaced(pod: Pod) -> bool:
    return is_true(pod.status.conditions, "DisruptionTarget")


def end_in_place(seen: SeenWork) -> EndOfRun | None:
    """How the attempt before ended if Kueue has not turned it out."""
    failed = end_by_pods([each for each in seen.pods if each.ended])
    main = seen.main
    if failed is None and isinstance(main, Job) and not is_indexed(main) and main.status.failed:
        return _COST_A_RETRY
    if failed is not None or not isinstance(main, Owner) or seen.again == seen.evictions:
        return failed
    if not seen.failures:
        return PLACE_LOST
    alone = seen.failures >= seen.again - seen.evictions
    return EndOfRun(None, said=f"a rank {'failed' if alone else 'failed or was lost'}, and all were started anew")


def end_by_pods(pods: Sequence[Pod]) -> EndOfRun | None:
    """How the last attempt of these ended, by its first rank that failed of itself; None where none did."""
    last = lasting(each for each in pods if not _is_displaced(each)).values()
    ends = [(ended.finished_at, rank_of(pod), pod, ended) for pod in last for ended in _ends(pod)]
    if not ends:
        return None
    _, rank, pod, ended = min(ends, key=lambda each: each[:2])
    words = ended.reason if ended.reason not in {"", "Error"} else ""
    said = bounded(": ".join(filter(None, (pod.name, words, ended.message))))
    return EndOfRun(code_of(ended), rank, said, out_of_memory=ended.reason == "OOMKilled")


def code_of(ended: Terminated) -> int:
    """As shells have it."""
    return _KILLED + ended.signal if ended.signal else ended.exit_code


def _ends(pod: Pod) -> Iterator[Terminated]:
    """Ends of a pod that failed of itself; its program's first."""
    if pod.status.phase != "Failed" or _is_displaced(pod):
        return
    statuses = (*pod.status.container_statuses, *pod.status.init_container_statuses)
    for status in sorted(statuses, key=lambda each: each.name != MAIN):
        ended = status.state.terminated
        if ended is not None and (ended.exit_code or ended.signal):
            yield ended
