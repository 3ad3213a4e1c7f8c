"""How clusters do, as JSON: which answer, and how old what is known of each is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.operations.fleet.followed import HeardCluster
from allotment.ports.cluster_service import ToldCluster
from allotment.reports.documents.snapshot import age, gap_document


def cluster_states_document(
    heard: Sequence[HeardCluster], platform: Platform | None, now: dt.datetime, *, with_errors: bool
) -> Mapping[str, Any]:
    """Clusters with their state.

    Args:
        heard: what is known of each.
        platform: that declares them, as far as the reader may read it.
        now: when it is told.
        with_errors: whether the server's own words for what is wrong are told, which may say where a cluster is.
    """
    return {
        "kind": "ClusterStateList",
        "items": [
            _state(each, None if platform is None else platform.cluster(each.name), now, with_errors=with_errors)
            for each in heard
        ],
    }


def told_cluster_document(told: ToldCluster) -> Mapping[str, Any]:
    """A cluster as the server sees it, for those who connect it."""
    connected = None if told.connected is None else dt.datetime.fromtimestamp(told.connected / 1000, dt.UTC)
    return {
        "name": told.name,
        "state": told.state,
        "observedAt": told.observed_at or None,
        "ageSeconds": told.age_seconds,
        "error": told.error or None,
        "notRead": list(told.gaps),
        "connectedAt": connected,
        "connectedBy": told.connected_by or None,
    }


def _state(heard: HeardCluster, declared: Cluster | None, now: dt.datetime, *, with_errors: bool) -> Mapping[str, Any]:
    source = None if heard.snapshot is None else heard.snapshot.sources[0]
    return {
        "kind": "ClusterState",
        "name": heard.name,
        "purpose": None if declared is None else declared.purpose.value,
        "environment": None if declared is None else declared.environment.value,
        "state": heard.state,
        "observedAt": None if source is None else source.observed_at,
        "ageSeconds": None if source is None else age(source.observed_at, now),
        "away": heard.away or None,
        "error": heard.error.line if with_errors and heard.error is not None else None,
        "gaps": [gap_document(each) for each in source.gaps] if source is not None and with_errors else [],
    }
