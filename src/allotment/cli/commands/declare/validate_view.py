"""`validate`: the platform in numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from allotment.cli.shell.amounts import amount, span
from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column, table_text
from allotment.model.grammar import count
from allotment.model.money import money
from allotment.operations.directory.validating import ClusterLine, QuotaLine, Summary
from allotment.reports.documents.summary import quota_document


def quota_listing(summary: Summary) -> Listing[QuotaLine]:
    """What was promised against what there is, a row for each resource of a cluster."""
    return Listing(
        kind="Quota",
        rows=summary.quotas,
        columns=quota_columns(),
        name=lambda row: f"{row.cluster}/{row.flavor}/{row.resource}",
        document=quota_document,
        labels=lambda row: {"cluster": row.cluster, "flavor": row.flavor, "resource": row.resource},
        nothing="no cluster has quota",
    )


def quota_columns() -> tuple[Column[QuotaLine], ...]:
    """Columns of the quota table; amounts in Kubernetes' notation."""
    return (
        Column("CLUSTER", lambda row: row.cluster),
        Column("FLAVOR", lambda row: row.flavor, keep=2),
        Column("RESOURCE", lambda row: row.resource, keep=2),
        _amount("PROMISED", lambda row: row.promised),
        _amount("CAPACITY", lambda row: row.capacity),
        _amount("NOBODY'S", lambda row: row.free, style=_free_style),
        Column("OF-CAPACITY", percent, text=lambda row: f"{percent(row)}%", style=_free_style, unit="percent", keep=1),
        Column("TEAMS", lambda row: row.teams, keep=1),
        Column("MAY-BORROW", lambda row: row.borrowable, wide=True),
        _amount("COHORTS-OWN", lambda row: row.cohorts, wide=True),
    )


def _amount(
    title: str,
    of: Callable[[QuotaLine], int],
    style: Callable[[QuotaLine], str] = lambda _row: "",
    *,
    wide: bool = False,
) -> Column[QuotaLine]:
    return Column(
        title, of, text=lambda row: amount(row.resource, of(row)), style=style, unit="base-units", wide=wide, keep=2
    )


def percent(row: QuotaLine) -> int | None:
    """Share of the capacity that was promised; None where there is no capacity."""
    return round(100 * row.promised / row.capacity) if row.capacity else None


def _free_style(row: QuotaLine) -> str:
    if row.free < 0:
        return "bold red"
    return "green" if row.free else ""


def summary_text(summary: Summary, quotas: Sequence[QuotaLine], width: int | None) -> str:
    """The picture on one screen: headline, clusters, quota against capacity, price."""
    blocks = [_headline(summary)]
    if summary.clusters:
        blocks.append(table_text(_cluster_columns(summary.currency), summary.clusters, width=width))
    if quotas:
        title = click.style("Quota promised to teams against capacity (every pool at its maximum)", bold=True)
        blocks.append(f"{title}\n{_grouped(quotas, width)}{_nobodys(quotas)}")
    blocks.append(_price(summary))
    return "\n\n".join(blocks)


def _nobodys(quotas: Sequence[QuotaLine]) -> str:
    """What it means that devices are nobody's: people take them for free ones."""
    devices = [row for row in quotas if row.free > 0 and row.resource not in {"cpu", "memory"}]
    if not devices:
        return ""
    listed = ", ".join(f"{row.free} {row.flavor} in {row.cluster}" for row in devices)
    return (
        f"\nUsable by nobody: {listed}. What is borrowed is always somebody's; give them to a team, or to a cohort "
        "(cohorts, quota) for its teams to borrow."
    )


def _headline(summary: Summary) -> str:
    devices: dict[str, int] = {}
    for cluster in summary.clusters:
        for name, number in cluster.devices:
            devices[name] = devices.get(name, 0) + number
    listed = ", ".join(f"{number} {name}" for name, number in devices.items())
    parts = [
        count(len(summary.clusters), "cluster"),
        *([f"{len(summary.slurms)} Slurm ({', '.join(summary.slurms)})"] if summary.slurms else []),
        count(sum(cluster.pools for cluster in summary.clusters), "node pool"),
        count(sum(devices.values()), "accelerator") + (f" ({listed})" if listed else ""),
        count(len(summary.teams), "team"),
        count(summary.policies, "policy"),
    ]
    if summary.leaving:
        parts.append(f"{count(len(summary.leaving), 'team')} leaving ({', '.join(summary.leaving)})")
    return f"{click.style('valid', fg='green', bold=True)}: {summary.platform} has {', '.join(parts)}"


def _cluster_columns(currency: str) -> tuple[Column[ClusterLine], ...]:
    return (
        Column("CLUSTER", lambda row: row.name),
        Column("PURPOSE", lambda row: row.purpose),
        Column("REGION", lambda row: row.region),
        Column("POOLS", lambda row: row.pools),
        Column("NODES", lambda row: span(row.nodes_min, row.nodes_max), keep=1),
        Column(
            "ACCELERATORS",
            lambda row: ", ".join(f"{number} {name}" for name, number in row.devices) or "none",
            keep=2,
            fold=", ",
        ),
        Column("TEAMS", lambda row: row.teams, keep=1),
        Column(f"{currency}/MONTH", _month, keep=2),
    )


def _month(row: ClusterLine) -> str:
    low, high = (money(price, "").strip() for price in (row.price_min, row.price_max))
    text = low if low == high else f"{low} to {high}"
    return f"{text} *" if row.unpriced_pools else text


def _grouped(quotas: Sequence[QuotaLine], width: int | None) -> str:
    """The quota table with each cluster named once."""
    first = {id(row) for before, row in zip([None, *quotas], quotas, strict=False) if _starts(before, row)}
    cluster, *rest = quota_columns()
    shown = [column for column in rest if not column.wide]
    once: Column[QuotaLine] = Column(cluster.title, lambda row: row.cluster if id(row) in first else "")
    return table_text((once, *shown), quotas, width=width)


def _starts(before: QuotaLine | None, row: QuotaLine) -> bool:
    return before is None or before.cluster != row.cluster


def _price(summary: Summary) -> str:
    low = sum(cluster.price_min for cluster in summary.clusters)
    high = sum(cluster.price_max for cluster in summary.clusters)
    text = (
        f"A month costs {money(low, summary.currency)} with every pool at its minimum, "
        f"{money(high, summary.currency)} at its maximum."
    )
    unpriced = [f"{cluster.name}/{pool}" for cluster in summary.clusters for pool in cluster.unpriced_pools]
    if unpriced:
        text += f"\n* without {count(len(unpriced), 'pool')} of unknown price: {', '.join(unpriced)}"
    return text
