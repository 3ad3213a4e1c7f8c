"""apps/v1 Deployment: a service of one pod, in clusters where Kueue holds pods."""

from __future__ import annotations

from typing import Any, Final

from allotment.jobs.kubernetes.pods import MAIN, PodTraits, WorkDraft, metadata, queued, template
from allotment.model import labels
from allotment.model.manifest import Body

LOAD_SECONDS: Final = 300
"""How long a model may load before its service is given up: thirty tries, ten seconds apart."""
_START_DELAY: Final = 30


def probes(port: int) -> dict[str, Any]:
    """Probes of a service that loads a model for minutes. They ask whether it is there, and never generate."""
    return {
        "startupProbe": _asks("/health", port, delay=_START_DELAY, period=10, tries=LOAD_SECONDS // 10),
        "livenessProbe": _asks("/health", port, delay=120, period=30, tries=3),
        # Ready is loaded and able to take requests, not a port that is open.
        "readinessProbe": _asks("/ready", port, delay=60, period=10, tries=2),
    }


def _asks(path: str, port: int, *, delay: int, period: int, tries: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": port},
        "initialDelaySeconds": delay,
        "periodSeconds": period,
        "failureThreshold": tries,
        "timeoutSeconds": 5,
    }


def deployment(draft: WorkDraft) -> Body:
    """The Deployment. A new pod starts when the old one is gone: there is no second device for a moment."""
    port = draft.order.job.program.port
    shape = PodTraits(restart="Always", probes=None if port is None else probes(port))
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(draft, queued(draft)),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {labels.JOB: draft.order.id, labels.JOB_PART: MAIN}},
            "strategy": {"type": "Recreate"},
            "progressDeadlineSeconds": _START_DELAY + 2 * LOAD_SECONDS,
            "revisionHistoryLimit": 2,
            "template": template(draft, shape),
        },
    }
