"""How queues were used over a time, as JSON: numbers alone, a list of a fixed length for each quota."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from allotment.operations.watch.queue_history import QueueTrends, QuotaTrend, TrendPoint


def queue_trends_document(found: QueueTrends, remarks: Sequence[str]) -> Mapping[str, Any]:
    """Trends; `first` is when the history of these queues begins within it, null where there is none."""
    return {
        "kind": "QueueTrends",
        "since": _moment(found.since),
        "stepSeconds": found.step // 1000,
        "first": None if found.first is None else _moment(found.first),
        "items": [_trend(each) for each in found.trends],
        "remarks": list(remarks),
    }


def _trend(trend: QuotaTrend) -> Mapping[str, Any]:
    """Its points from the first on; null where nothing was seen."""
    return {
        "cluster": trend.cluster,
        "clusterQueue": trend.queue,
        "flavor": trend.flavor,
        "resource": trend.resource,
        "used": [None if each is None else round(each.used, 2) for each in trend.points],
        "nominal": [None if each is None else round(each.nominal, 2) for each in trend.points],
        "most": [None if each is None else each.most for each in trend.points],
        "looks": [_looks(each) for each in trend.points],
    }


def _looks(point: TrendPoint | None) -> int:
    return 0 if point is None else point.looks


def _moment(at: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(at / 1000, dt.UTC)
