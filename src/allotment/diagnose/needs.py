"""What rules cannot do without: where it is not there, they are not asked, for they would find nothing.

Most of a fleet that waits is plain: its submission was taken, nobody refused a pod, it is no CronJob; two rules in
three are about something else. What several of them need is looked for once a case. A rule that stands here returns
None wherever its need is not met; `tests/corpus/why` asks them all the same and holds them to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import CauseEntry
from allotment.diagnose.reach import refusals
from allotment.diagnose.rules.policy.bounds import past_bounds
from allotment.diagnose.rules.queue.inactive import awaits_checks, broken_queue
from allotment.diagnose.rules.quota.refused import quota_refusal
from allotment.diagnose.rules.storage.claims import uses
from allotment.diagnose.rules.submission.refused import refused
from allotment.model.observed.work import CronJob, Replicas

Need = Callable[[Case], bool]
"""Something that a case has or has not."""


def refused_itself(case: Case) -> bool:
    """The subject could not be created."""
    return refused(case) is not None


def refused_in_words(case: Case) -> bool:
    """The subject could not be created, or a pod of it."""
    return bool(refusals(case))


def a_cron_job(case: Case) -> bool:
    """The subject starts others by the clock."""
    return isinstance(case.subject, CronJob)


def rolled_out(case: Case) -> bool:
    """The subject replaces its pods by those of a new template."""
    return isinstance(case.subject, Replicas)


def in_a_broken_queue(case: Case) -> bool:
    """Something that its ClusterQueue names is missing or not ready."""
    return broken_queue(case) is not None


def without_quota(case: Case) -> bool:
    """Kueue's twin gives it no quota, and knows why."""
    return quota_refusal(case) is not None


def with_claims(case: Case) -> bool:
    """Its pods use claims of volumes."""
    return next(uses(case), None) is not None


def with_pods(case: Case) -> bool:
    """Pods of it are there, be they over."""
    return bool(case.pods)


NEEDS: Final[Mapping[Need, tuple[str, ...]]] = {
    refused_itself: ("rbac-forbidden", "namespace-missing", "already-exists", "object-invalid"),
    refused_in_words: (
        "admission-webhook-unreachable",
        "admission-webhook-refused",
        "policy-refused-gpu-limits",
        "policy-refused-label",
        "policy-refused-namespace",
        "policy-refused",
        "pod-security-violation",
        "creation-refused",
    ),
    past_bounds: (
        "limitrange-max",
        "limitrange-min",
        "limitrange-ratio",
        "resourcequota-missing-limits",
        "resourcequota-exceeded",
    ),
    a_cron_job: (
        "cronjob-suspended",
        "cronjob-forbid-overlap",
        "cronjob-schedule-never",
        "cronjob-missed-deadline",
        "cronjob-not-due",
    ),
    rolled_out: ("scaled-to-zero", "rollout-paused", "rollout-blocks-itself"),
    in_a_broken_queue: (
        "clusterqueue-inactive-missing-flavor",
        "clusterqueue-inactive-admission-check",
        "clusterqueue-inactive-missing-topology",
        "cohort-cycle",
        "admission-checks-in-conflict",
    ),
    awaits_checks: (
        "provisioning-booking-expired",
        "provisioning-request-pending",
        "multikueue-no-worker",
        "admission-check-pending",
    ),
    without_quota: (
        "resource-not-covered",
        "flavor-taint-not-tolerated",
        "flavor-mismatch",
        "topology-request-unsatisfiable",
        "ghost-reservation",
        "quota-in-wrong-unit",
        "cpu-quota-not-gpu",
        "memory-quota-not-gpu",
        "borrowing-limit",
        "lending-limit",
        "parallelism-gang-too-big",
        "quota-larger-than-total",
        "cohort-exhausted",
        "quota-nominal",
    ),
    with_claims: (
        "pvc-missing",
        "pvc-lost",
        "pvc-unbound-no-class",
        "pvc-unbound-wait-for-consumer-zone-conflict",
        "pvc-provisioning-failed",
        "pvc-being-made",
        "pvc-unbound-no-volume",
        "pvc-terminating",
        "volume-in-use",
    ),
    with_pods: (
        "volume-mount-failed",
        "pod-stuck-terminating",
        "image-name-invalid",
        "image-pull-rate-limit",
        "image-pull-unauthorized",
        "image-pull-not-found",
        "image-not-present",
        "image-registry-unreachable",
        "image-pull-failed",
        "create-config-error",
        "container-start-failed",
        "pod-sandbox-failed",
        "init-container-failing",
        "init-container-stuck",
        "deployment-used-for-training",
        "crash-loop-oom",
        "startup-probe-failing",
        "liveness-probe-kills",
        "crash-loop-app-error",
        "readiness-never-true",
        "pod-evicted",
        "pod-rejected-by-node",
        "pod-starting",
    ),
}
"""The needs, and the causes whose rules cannot do without. What does not stand here is asked of everything."""
_NEED_OF: Final = {cause: need for need, causes in NEEDS.items() for cause in causes}


class Asking:
    """A table of causes in its order, told which of them are to be asked of a case."""

    def __init__(self, causes: Iterable[CauseEntry]) -> None:
        """Of a table; rules of one need that follow each other are passed over together."""
        self._runs = tuple(
            (need, tuple(entries)) for need, entries in groupby(causes, lambda each: _NEED_OF.get(each.id))
        )

    def of(self, case: Case) -> Iterator[CauseEntry]:
        """Those whose rules may find something in the case, in their order."""
        met: dict[Need, bool] = {}
        for need, entries in self._runs:
            if need is not None:
                if need not in met:
                    met[need] = need(case)
                if not met[need]:
                    continue
            yield from entries
