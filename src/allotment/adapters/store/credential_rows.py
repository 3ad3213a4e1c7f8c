"""Sealed credentials of clusters in a database."""

from __future__ import annotations

import sqlalchemy as sa

from allotment.adapters.store.tables import CLUSTER_CREDENTIALS
from allotment.ports.cluster_credentials import SealedCredential


def credentials_of(connection: sa.Connection, platform: str) -> tuple[SealedCredential, ...]:
    """Those of a platform, by cluster."""
    query = (
        sa.select(CLUSTER_CREDENTIALS)
        .where(CLUSTER_CREDENTIALS.c.platform == platform)
        .order_by(CLUSTER_CREDENTIALS.c.cluster)
    )
    return tuple(SealedCredential(**dict(each)) for each in connection.execute(query).mappings())


def keep(connection: sa.Connection, credential: SealedCredential) -> None:
    """In the place of what was there."""
    drop(connection, credential.platform, credential.cluster)
    connection.execute(
        sa.insert(CLUSTER_CREDENTIALS),
        {
            "platform": credential.platform,
            "cluster": credential.cluster,
            "sealed": credential.sealed,
            "at": credential.at,
            "by": credential.by,
        },
    )


def drop(connection: sa.Connection, platform: str, cluster: str) -> bool:
    """Whether there was one."""
    where = sa.and_(CLUSTER_CREDENTIALS.c.platform == platform, CLUSTER_CREDENTIALS.c.cluster == cluster)
    return connection.execute(sa.delete(CLUSTER_CREDENTIALS).where(where)).rowcount > 0
