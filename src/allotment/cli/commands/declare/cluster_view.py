"""Clusters, node pools and the accelerator catalogue as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from allotment.cli.shell.amounts import amount, memory, span
from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column
from allotment.model.accelerator import CapacityType
from allotment.model.money import money
from allotment.model.platform import Platform
from allotment.operations.directory.validating import AcceleratorLine, Summary, node_price
from allotment.reports.documents.accelerators import accelerator_document
from allotment.reports.documents.clusters import ClusterRow, PoolRow, cluster_document, pool_document


def cluster_listing(platform: Platform, summary: Summary) -> Listing[ClusterRow]:
    """A row a cluster."""
    return Listing(
        kind="Cluster",
        rows=[ClusterRow(*pair) for pair in zip(platform.clusters, summary.clusters, strict=True)],
        columns=(
            Column("NAME", lambda row: row.cluster.name),
            Column("PURPOSE", lambda row: row.cluster.purpose.value, keep=1),
            Column("ENVIRONMENT", lambda row: row.cluster.environment.value),
            Column("REGION", lambda row: row.cluster.region),
            Column("NODES", lambda row: span(row.line.nodes_min, row.line.nodes_max), keep=1),
            Column(
                "ACCELERATORS",
                lambda row: ", ".join(f"{n} {name}" for name, n in row.line.devices) or None,
                keep=2,
                fold=", ",
            ),
            Column("TEAMS", lambda row: row.line.teams, keep=1),
            Column(
                "CPU",
                lambda row: row.line.cpu,
                wide=True,
                text=lambda row: amount("cpu", row.line.cpu),
                unit="millicpu",
            ),
            Column(
                "MEMORY",
                lambda row: row.line.memory,
                wide=True,
                text=lambda row: memory(row.line.memory),
                unit="bytes",
            ),
            Column("PROVIDER", lambda row: row.cluster.provider, wide=True),
            Column("CONTEXT", lambda row: row.cluster.context, wide=True),
            Column("KUBERNETES", lambda row: row.cluster.versions.kubernetes or None, wide=True),
            Column("KUEUE", lambda row: row.cluster.versions.kueue or None, wide=True),
            Column("KUEUE-API", lambda row: row.cluster.kueue_api.value, wide=True),
            Column("QUEUES", lambda row: row.cluster.queue_layout.value, wide=True),
            Column(
                "MONTH-MIN",
                lambda row: row.line.price_min,
                wide=True,
                text=lambda row: money(row.line.price_min, platform.currency),
                unit="micros",
            ),
            Column(
                "MONTH-MAX",
                lambda row: row.line.price_max,
                wide=True,
                text=lambda row: money(row.line.price_max, platform.currency),
                unit="micros",
            ),
        ),
        name=lambda row: row.cluster.name,
        document=cluster_document,
        labels=lambda row: {
            "name": row.cluster.name,
            "purpose": row.cluster.purpose.value,
            "environment": row.cluster.environment.value,
            "region": row.cluster.region,
            "provider": row.cluster.provider,
        },
        nothing="the platform has no clusters",
    )


def pool_listing(platform: Platform) -> Listing[PoolRow]:
    """A row a node pool."""
    rows = [
        PoolRow(cluster.name, pool, node_price(platform, pool))
        for cluster in platform.clusters
        for pool in cluster.node_pools
    ]
    return Listing(
        kind="NodePool",
        rows=rows,
        columns=(
            Column("CLUSTER", lambda row: row.cluster),
            Column("POOL", lambda row: row.pool.name, keep=2),
            Column("FLAVOR", lambda row: row.pool.flavor),
            Column("NODES", lambda row: span(row.pool.min_nodes, row.pool.max_nodes), keep=1),
            Column("ACCELERATOR", lambda row: row.pool.accelerator, keep=2),
            Column("PER-NODE", lambda row: row.pool.accelerators_per_node or None, keep=2),
            Column("CPU", lambda row: row.pool.cpu, text=lambda row: amount("cpu", row.pool.cpu), unit="millicpu"),
            Column("MEMORY", lambda row: row.pool.memory, text=lambda row: memory(row.pool.memory), unit="bytes"),
            Column("CAPACITY", lambda row: row.pool.capacity_type.value),
            Column("DEDICATED-TO", lambda row: row.pool.dedicated_to),
            Column("MACHINE", lambda row: row.pool.machine_type or None, wide=True),
            Column(
                "NODE-HOUR",
                lambda row: row.price,
                wide=True,
                text=lambda row: money(row.price or 0, platform.currency),
                unit="micros",
            ),
            Column(
                "TAINTS",
                lambda row: ", ".join(f"{t.key}={t.value}:{t.effect.value}" for t in row.pool.taints) or None,
                wide=True,
            ),
        ),
        name=lambda row: f"{row.cluster}/{row.pool.name}",
        document=pool_document,
        labels=_pool_labels,
        nothing="the platform has no node pools",
    )


def _pool_labels(row: PoolRow) -> Mapping[str, str]:
    found = {
        "cluster": row.cluster,
        "pool": row.pool.name,
        "flavor": row.pool.flavor,
        "accelerator": row.pool.accelerator or "",
        "capacity-type": row.pool.capacity_type.value,
        "dedicated-to": row.pool.dedicated_to or "",
    }
    return {key: value for key, value in found.items() if value}


def accelerator_listing(lines: Sequence[AcceleratorLine], currency: str) -> Listing[AcceleratorLine]:
    """The catalogue."""

    def price(kind: CapacityType) -> Column[AcceleratorLine]:
        def cell(row: AcceleratorLine) -> int | None:
            return row.accelerator.price_per_hour.get(kind)

        return Column(
            f"{kind.value.upper()}-HOUR",
            cell,
            wide=kind is CapacityType.RESERVED,
            text=lambda row: money(cell(row) or 0, "").strip(),
            unit="micros",
            keep=2,
        )

    return Listing(
        kind="Accelerator",
        rows=lines,
        columns=(
            Column("NAME", lambda row: row.accelerator.name),
            Column("VENDOR", lambda row: row.accelerator.vendor.value),
            Column("PRODUCT", lambda row: row.accelerator.product),
            Column(
                "MEMORY",
                lambda row: row.accelerator.memory,
                text=lambda row: memory(row.accelerator.memory),
                unit="bytes",
                keep=2,
            ),
            Column("DEVICES", lambda row: row.devices, keep=2),
            Column("CLUSTERS", lambda row: ", ".join(row.clusters) or None, keep=1, fold=", "),
            price(CapacityType.ON_DEMAND),
            price(CapacityType.SPOT),
            price(CapacityType.RESERVED),
            Column("CURRENCY", lambda _row: currency, wide=True),
            Column("RESOURCE", lambda row: row.accelerator.resource_name, wide=True),
            Column("ARCHITECTURE", lambda row: row.accelerator.architecture, wide=True),
            Column("INTERCONNECT", lambda row: row.accelerator.interconnect, wide=True),
            Column("SLICE-OF", lambda row: row.accelerator.partition_of, wide=True),
            Column("SLICES", lambda row: row.accelerator.partitions, wide=True),
        ),
        name=lambda row: row.accelerator.name,
        document=accelerator_document,
        labels=lambda row: {
            "name": row.accelerator.name,
            "vendor": row.accelerator.vendor.value,
            "architecture": row.accelerator.architecture,
            "present": str(bool(row.clusters)).lower(),
        },
        nothing="the catalogue is empty",
    )
