"""Causes of this layer in their order: of several that hold, the first is the dominant one."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.finding import CauseEntry
from allotment.diagnose.rules.pod import (
    container_start,
    crash_loop,
    create_config_error,
    image_pull,
    init_containers,
    job_failed,
    jobset_waits,
    pod_evicted,
    pod_rejected,
    pod_stuck_terminating,
    probes,
    scheduling_gated,
    statefulset_waits,
)
from allotment.model.explanation import Layer

_LAYER: Final = Layer.POD

CAUSES: Final[tuple[CauseEntry, ...]] = (
    CauseEntry("ALT-1815", "job-backoff-limit", _LAYER, "failed too often", job_failed.backoff_limit),
    CauseEntry("ALT-1816", "job-deadline-exceeded", _LAYER, "took too long", job_failed.deadline),
    CauseEntry("ALT-1823", "job-failed", _LAYER, "the Job has failed", job_failed.otherwise),
    CauseEntry("ALT-1814", "scheduling-gated", _LAYER, "a scheduling gate", scheduling_gated.find),
    CauseEntry("ALT-1819", "pod-stuck-terminating", _LAYER, "a pod does not go", pod_stuck_terminating.find),
    CauseEntry("ALT-1804", "image-name-invalid", _LAYER, "not an image's name", image_pull.name_invalid),
    CauseEntry("ALT-1803", "image-pull-rate-limit", _LAYER, "too many pulls", image_pull.rate_limit),
    CauseEntry("ALT-1802", "image-pull-unauthorized", _LAYER, "the image may not be pulled", image_pull.unauthorized),
    CauseEntry("ALT-1801", "image-pull-not-found", _LAYER, "no such image", image_pull.not_found),
    CauseEntry("ALT-1827", "image-wrong-platform", _LAYER, "built for another machine", image_pull.wrong_platform),
    CauseEntry("ALT-1826", "image-not-present", _LAYER, "must be there and is not", image_pull.not_present),
    CauseEntry("ALT-1805", "image-registry-unreachable", _LAYER, "no way to the registry", image_pull.unreachable),
    CauseEntry("ALT-1828", "image-pull-failed", _LAYER, "the image does not come", image_pull.failed),
    CauseEntry("ALT-1808", "create-config-error", _LAYER, "ConfigMap or Secret missing", create_config_error.find),
    CauseEntry("ALT-1822", "container-start-failed", _LAYER, "cannot be started", container_start.refused),
    CauseEntry("ALT-1824", "pod-sandbox-failed", _LAYER, "the node cannot set it up", container_start.no_sandbox),
    CauseEntry("ALT-1807", "init-container-failing", _LAYER, "an init container fails", init_containers.failing_one),
    CauseEntry("ALT-1806", "init-container-stuck", _LAYER, "an init container waits", init_containers.stuck_one),
    CauseEntry("ALT-1817", "deployment-used-for-training", _LAYER, "ends and is restarted", crash_loop.comes_to_an_end),
    CauseEntry("ALT-1809", "crash-loop-oom", _LAYER, "out of memory", crash_loop.out_of_memory),
    CauseEntry("ALT-1811", "startup-probe-failing", _LAYER, "the startup probe fails", probes.startup),
    CauseEntry("ALT-1812", "liveness-probe-kills", _LAYER, "the liveness probe kills it", probes.liveness),
    CauseEntry("ALT-1810", "crash-loop-app-error", _LAYER, "the program fails", crash_loop.fails),
    CauseEntry("ALT-1813", "readiness-never-true", _LAYER, "never ready", probes.readiness),
    CauseEntry("ALT-1818", "pod-evicted", _LAYER, "evicted", pod_evicted.find),
    CauseEntry("ALT-1829", "pod-rejected-by-node", _LAYER, "its node refuses it", pod_rejected.find),
    CauseEntry("ALT-1825", "pod-starting", _LAYER, "on the way", container_start.on_the_way),
    CauseEntry("ALT-1830", "jobset-waits-for-earlier", _LAYER, "one part after the other", jobset_waits.find),
    CauseEntry("ALT-1820", "statefulset-waits-for-earlier", _LAYER, "one after the other", statefulset_waits.find),
)
