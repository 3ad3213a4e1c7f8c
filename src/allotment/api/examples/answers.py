"""What the answering calls give, made by the same operations of a snapshot of the examples' cluster."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from functools import cache, partial
from types import MappingProxyType
from typing import Final

import msgspec

from allotment.api.answering import (
    QUICK,
    SIMULATED,
    AnswerGround,
    AnswerQuestion,
    Document,
    answered,
    changed_futures,
)
from allotment.api.answers import AnswerSource, GivenAnswer
from allotment.api.examples.fleet import CLUSTER, FLAVOR, platform, scope, snapshot
from allotment.api.examples.moments import HOUR_MS, NOW, StandingClock, at
from allotment.diagnose.causes import BY_CODE
from allotment.model.manifest import ObjectKey
from allotment.model.moments import rfc3339
from allotment.operations.change.drift import (
    ClusterDrift,
    DriftedField,
    DriftedObject,
    DriftKind,
    DriftReport,
    DriftState,
)
from allotment.operations.fleet.followed import HeardCluster
from allotment.operations.watch.queue_history import frame_of, trends_in
from allotment.ports.queue_hours import QuotaSpan
from allotment.reports.documents.causes import cause_page_document, causes_document
from allotment.reports.documents.cluster_states import cluster_states_document
from allotment.reports.documents.drift import drift_document, drift_rows
from allotment.reports.documents.form import versioned
from allotment.reports.documents.queue_trends import queue_trends_document
from allotment.reports.documents.teams import teams_document
from allotment.simulation.live.starts import StartWishes

CAUSE: Final = "ALT-1316"
_AGE: Final = 12
"""Seconds between what was seen and the answer."""
_FEW: Final = StartWishes(futures=10)
"""So many futures are made in a moment."""
_DEVICES: Final = "nvidia.com/gpu"


@cache
def answer_of(name: str) -> GivenAnswer:
    """What ``GET /api/v1/answers/NAME`` gives.

    Args:
        name: as in `ANSWERS`.
    """
    document = ANSWERS[name]()
    sources = () if name in _OF_NO_CLUSTER else (_SOURCE,)
    return GivenAnswer(sources, partial=False, stale=False, document=msgspec.to_builtins(versioned(document)))


_SOURCE: Final = AnswerSource(CLUSTER, "cluster", "current", rfc3339(NOW), _AGE, "", ())
_OF_NO_CLUSTER: Final = frozenset({"clusters", "teams", "causes", "causes/{code}"})


def _asked(make: Callable[[AnswerGround, AnswerQuestion], Document], question: AnswerQuestion) -> Document:
    return answered(make, AnswerGround(snapshot(), scope(), StandingClock()), question)


def _clusters() -> Document:
    heard = HeardCluster(CLUSTER, snapshot())
    return cluster_states_document((heard,), platform(), NOW + dt.timedelta(seconds=_AGE), with_errors=True)


def _teams() -> Document:
    return teams_document(platform().teams[:1])


def _causes() -> Document:
    return causes_document((BY_CODE[CAUSE],))


def _cause() -> Document:
    entry = BY_CODE[CAUSE]
    return cause_page_document(entry, f"# {entry.code}: {entry.title}\n\n## Meaning\n\n…")


def _trends() -> Document:
    """Of two hours: the guarantee was in use in the first, and half of it in the second."""
    key = (CLUSTER, "cv", FLAVOR, _DEVICES)
    frame = frame_of(2 * HOUR_MS, at())
    spans = (
        QuotaSpan(
            "acme", *key, since=frame.since + number * HOUR_MS, looks=60, used=60 * used, nominal=60 * 12, most=used
        )
        for number, used in enumerate((12, 6))
    )
    return queue_trends_document(trends_in(frame, spans, (key,)), ())


def _drift() -> Document:
    """Somebody has raised a guarantee by hand."""
    field = "spec.resourceGroups[0].flavors[0].resources[2].nominalQuota"
    changed = DriftedField(field, live="16", declared="12", by="kubectl-edit", since=rfc3339(NOW))
    queue = ObjectKey("kueue.x-k8s.io", "ClusterQueue", "", "cv")
    found = DriftedObject(queue, DriftKind.CHANGED, (changed,))
    cluster = ClusterDrift(CLUSTER, DriftState.DRIFTED, (found,), NOW, plan=None, error=None)
    report = DriftReport("acme", (cluster,))
    return drift_document(report, drift_rows(report))


_WHEN: Final = AnswerQuestion(wishes=_FEW)
_WHAT_IF: Final = AnswerQuestion(wishes=_FEW, changes=(f"quota:nlp/{FLAVOR}/{_DEVICES}=16",))
ANSWERS: Final[Mapping[str, Callable[[], Document]]] = MappingProxyType(
    {
        **{name: partial(_asked, make, AnswerQuestion()) for name, make in QUICK.items()},
        "quotas": partial(_asked, QUICK["quotas"], AnswerQuestion(namespace="nlp")),
        "why": partial(_asked, SIMULATED["why"], AnswerQuestion()),
        "why/{reference}": partial(_asked, SIMULATED["why"], AnswerQuestion(subject="job/pretrain", namespace="nlp")),
        "when": partial(_asked, SIMULATED["when"], _WHEN),
        "when/{reference}": partial(_asked, SIMULATED["when"], _WHEN),
        "capacity": partial(_asked, SIMULATED["capacity"], AnswerQuestion(shapes=("8xa100",))),
        "whatif": partial(_asked, changed_futures, _WHAT_IF),
        "clusters": _clusters,
        "teams": _teams,
        "causes": _causes,
        "causes/{code}": _cause,
        "queue-trends": _trends,
        "drift": _drift,
    }
)
"""How the document of each is made."""
