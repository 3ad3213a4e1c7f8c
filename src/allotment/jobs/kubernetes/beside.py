"""What stands beside the object that runs a job, and goes with it: its code, its trials, the Services of its pods."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Final

from allotment.jobs.kubernetes.environment import PACKAGE, trial_lines
from allotment.jobs.kubernetes.pods import MAIN, WorkDraft, marks, metadata
from allotment.jobs.kubernetes.storage import trials_name
from allotment.jobs.trials import trials_of
from allotment.model import labels
from allotment.model.manifest import Body

CODE_PART: Final = "code"
TRIALS_PART: Final = "trials"
NETWORK_PART: Final = "network"


def beside_names(work: str) -> frozenset[str]:
    """All names that something beside a job can have, by that of what runs it."""
    return frozenset({work, trials_name(work), front_name(work)})


def front_name(work: str) -> str:
    """Name of the Service of a set whose controller makes one of the set's own name."""
    return f"{work}-front"


def code_of(draft: WorkDraft) -> Iterator[Body]:
    """The packed code folder, if one travels."""
    if draft.order.code:
        packed = base64.b64encode(draft.order.code).decode("ascii")
        yield {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata(draft, marks(draft, CODE_PART)),
            "immutable": True,
            "binaryData": {PACKAGE: packed},
        }


def arguments_of(draft: WorkDraft) -> Iterator[Body]:
    """The arguments of a sweep's trials, if it is one."""
    sweep = draft.order.job.sweep
    if sweep is not None:
        yield {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata(draft, marks(draft, TRIALS_PART), trials_name(draft.name)),
            "immutable": True,
            "data": trial_lines(trials_of(sweep)),
        }


def headless_service(draft: WorkDraft) -> Body:
    """By which the ranks of a gang find each other where no controller makes one."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(draft, marks(draft, NETWORK_PART)),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {labels.JOB: draft.order.id, labels.JOB_PART: MAIN},
        },
    }


def front_service(draft: WorkDraft, port: int, further: dict[str, str] | None = None) -> Body:
    """Where a service answers inside its namespace: only pods that are ready are asked."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(draft, marks(draft, NETWORK_PART)),
        "spec": {
            "selector": {labels.JOB: draft.order.id, labels.JOB_PART: MAIN, **(further or {})},
            "ports": [{"name": "http", "port": port, "targetPort": port}],
        },
    }
