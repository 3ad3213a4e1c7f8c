"""Warnings: what a permitted change does to people, with numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from allotment.model.manifest import Body, key_of
from allotment.model.quantity import format_resource, parse_quantity
from allotment.plan.changes import PlanWarning, WarningCode


def cautions(live: Body, after: Body) -> Iterator[PlanWarning]:
    """What changing `live` into `after` should make the reader pause at."""
    if live["kind"] == "ResourceQuota":
        yield from _quota_below_use(live, after)
    elif live["kind"] == "ClusterQueue":
        yield from _nominal_below_use(live, after)


def _quota_below_use(live: Body, after: Body) -> Iterator[PlanWarning]:
    used = live.get("status", {}).get("used") or {}
    before = live.get("spec", {}).get("hard") or {}
    for resource, limit in sorted((after.get("spec", {}).get("hard") or {}).items()):
        if resource in used and _lowered_below(before.get(resource), limit, used[resource]):
            was, now, use = (_told(resource, each) for each in (before.get(resource), limit, used[resource]))
            message = (
                f"{resource}: {was or 'no limit'} → {now}, in use {use}: what runs stays; "
                f"new pods are refused until use is at most {now}"
            )
            yield PlanWarning(WarningCode.QUOTA_BELOW_USE, key_of(live), message)


def _nominal_below_use(live: Body, after: Body) -> Iterator[PlanWarning]:
    before, limits = _nominal(live), _nominal(after)
    for (flavor, resource), used in sorted(_reserved(live).items()):
        # A flavor that goes altogether is another matter: `plan.uncounted`.
        limit = limits.get((flavor, resource))
        if limit is not None and _lowered_below(before.get((flavor, resource)), limit, used):
            was, now, use = (_told(resource, each) for each in (before.get((flavor, resource), 0), limit, used))
            message = (
                f"{resource} in {flavor}: nominal quota {was} → {now}, "
                f"reserved {use}: admitted work stays; what is above the quota counts as borrowed and can be reclaimed"
            )
            yield PlanWarning(WarningCode.QUOTA_BELOW_USE, key_of(live), message)


def _told(resource: str, amount: Any) -> str:
    """An amount in the unit that the directory has for it, whichever the server or Kueue writes."""
    return "" if amount is None else format_resource(resource, parse_quantity(str(amount)))


def _lowered_below(before: Any, limit: Any, used: Any) -> bool:
    try:
        new, use = parse_quantity(str(limit)), parse_quantity(str(used))
        return new < use and (before is None or new < parse_quantity(str(before)))
    except ValueError:
        # What the server stores it has parsed; an amount only it can read gives no numbers to warn with.
        return False


def _nominal(queue: Body) -> dict[tuple[str, str], Any]:
    return {
        (flavor["name"], resource["name"]): resource.get("nominalQuota", 0)
        for group in queue.get("spec", {}).get("resourceGroups") or ()
        for flavor in group.get("flavors") or ()
        for resource in flavor.get("resources") or ()
    }


def _reserved(queue: Body) -> dict[tuple[str, str], Any]:
    return {
        (flavor["name"], resource["name"]): resource.get("total", 0)
        for flavor in queue.get("status", {}).get("flavorsReservation") or ()
        for resource in flavor.get("resources") or ()
    }
