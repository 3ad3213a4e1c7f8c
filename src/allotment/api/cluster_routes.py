"""Routes of the clusters that a server follows: how each does, and by what it is reached; for administrators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request, Response

from allotment.api.bodies import text_within, value_answer
from allotment.api.contract import JsonValue
from allotment.api.routes import Routes
from allotment.api.visits import Asked, Visit
from allotment.errors import UsageError
from allotment.model.access.permission import Permission
from allotment.model.jobs.written import SENT, read_value
from allotment.operations.fleet.served import ClustersOf, ServedClusters
from allotment.ports.cluster_service import ClusterService, ToldCluster

MOST_KUBECONFIG: Final = 256 << 10
"""Bytes of a kubeconfig with one context."""
_AT_ONCE: Final = 4
"""Calls at once, a thread each: while a cluster hangs, only administrators wait for it."""
_NOTHING: Final = 204


def add_cluster_routes(routes: Routes, served: ServedClusters | None) -> None:
    """How clusters do; their credentials, which are given and taken back, and never told.

    Args:
        routes: of the application.
        served: what the server has of clusters; None where it keeps none.
    """
    limiter = CapacityLimiter(_AT_ONCE)

    def clusters_of(asked: Visit) -> ClusterService:
        if served is None:
            raise UsageError("this server follows no clusters", fix="start one with a platform directory: `allot up`")
        return ClustersOf(served, asked.admitted.caller)

    def still_his(asked: Visit) -> ClusterService:
        """The same, once it is sure that he may still: what he sent may have taken its time."""
        asked.access.whoami()
        return clusters_of(asked)

    @routes.add("GET", "/api/v1/clusters", Permission.CLUSTERS, gives=JsonValue("clusters", tuple[ToldCluster, ...]))
    async def clusters(asked: Asked) -> Response:
        def told() -> Response:
            return value_answer("clusters", clusters_of(asked).clusters())

        return await to_thread.run_sync(told, limiter=limiter)

    @routes.add(
        "PUT",
        "/api/v1/clusters/{reference}/credential",
        Permission.CLUSTERS,
        takes=JsonValue("kubeconfig", dict[str, Any]),
        gives=JsonValue("cluster", ToldCluster),
    )
    async def connect(
        asked: Asked, reference: str, kubeconfig: Annotated[Mapping[str, Any], Depends(_kubeconfig)]
    ) -> Response:
        def connected() -> Response:
            return value_answer("cluster", still_his(asked).connect_cluster(reference, kubeconfig))

        return await to_thread.run_sync(connected, limiter=limiter)

    @routes.add("DELETE", "/api/v1/clusters/{reference}/credential", Permission.CLUSTERS)
    async def disconnect(asked: Asked, reference: str) -> Response:
        await to_thread.run_sync(lambda: still_his(asked).disconnect_cluster(reference), limiter=limiter)
        return Response(status_code=_NOTHING)

    @routes.add("POST", "/api/v1/cluster-key", Permission.CLUSTERS, gives=JsonValue("sealed", int))
    async def rotate(asked: Asked) -> Response:
        def rotated() -> Response:
            return value_answer("sealed", still_his(asked).rotate_key())

        return await to_thread.run_sync(rotated, limiter=limiter)


async def _kubeconfig(request: Request) -> Mapping[str, Any]:
    text = await text_within(request, "kubeconfig", MOST_KUBECONFIG, "send one context alone")
    found: Mapping[str, Any] = read_value("kubeconfig", dict[str, Any], text, SENT)
    return found
