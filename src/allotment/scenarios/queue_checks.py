"""What Kueue's webhooks refuse of ClusterQueues, Cohorts and jobs, beyond the types of their fields.

Source: Kueue 0.19, `pkg/webhooks/{clusterqueue,cohort,workload}_webhook.go`. A live cluster cannot hold such objects,
so an answer about them would be about nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from allotment.errors import InputError

_LIMITS: Final = ("borrowingLimit", "lendingLimit")


def check_queues(data: Mapping[str, Any]) -> None:
    """Resource groups, limits and smallest counts are as Kueue takes them.

    Raises:
        InputError: they are not; the field is named.
    """
    for index, queue in enumerate(data["clusterQueues"]):
        _check_groups(queue["resourceGroups"], f"clusterQueues[{index}]", limited=bool(queue.get("cohort")))
    for index, cohort in enumerate(data.get("cohorts", ())):
        _check_groups(cohort.get("resourceGroups", ()), f"cohorts[{index}]", limited=True)
    for index, workload in enumerate(data["workloads"]):
        check_counts(workload, f"workloads[{index}].")


def check_counts(workload: Mapping[str, Any], path: str = "") -> None:
    """At most one PodSet may be admitted with fewer pods, and with at least one of them.

    Raises:
        InputError: it is not so; the field is named.
    """
    partial = [place for place, part in enumerate(workload["podSets"]) if "minCount" in part]
    if len(partial) > 1:
        raise InputError(
            f"{path}podSets[{partial[1]}].minCount is a second one",
            fix="Kueue takes minCount in one PodSet of a job only",
        )
    for place in partial:
        part = workload["podSets"][place]
        if not 0 < part["minCount"] <= part["count"]:
            raise InputError(
                f"{path}podSets[{place}].minCount is {part['minCount']} of {part['count']} pods",
                fix="write at least 1 and at most count",
            )


def _check_groups(groups: Sequence[Mapping[str, Any]], path: str, *, limited: bool) -> None:
    resources: set[str] = set()
    flavors: set[str] = set()
    for number, group in enumerate(groups):
        where = f"{path}.resourceGroups[{number}]"
        covered = group["coveredResources"]
        for resource in covered:
            _once(resource, resources, f"{where}.coveredResources", "a resource")
        for place, flavor in enumerate(group["flavors"]):
            there = f"{where}.flavors[{place}]"
            _once(flavor["flavor"], flavors, f"{there}.flavor", "a flavor")
            if set(flavor["resources"]) != set(covered):
                raise InputError(
                    f"{there}.resources are {', '.join(flavor['resources']) or 'none'}",
                    why=f"coveredResources are {', '.join(covered)}",
                    fix="give each flavor of a group a quota for each of its covered resources, and for no other",
                )
            for resource, quota in flavor["resources"].items():
                _check_limits(quota, f"{there}.resources[{resource!r}]", limited=limited)


def _once(name: str, seen: set[str], path: str, what: str) -> None:
    if name in seen:
        raise InputError(f"{path}: a second {name!r}", fix=f"Kueue takes {what} once in a queue, in one resource group")
    seen.add(name)


def _check_limits(quota: Mapping[str, Any], path: str, *, limited: bool) -> None:
    for field in _LIMITS:
        if field in quota and not limited:
            raise InputError(
                f"{path}.{field} is set without a cohort", fix="name the queue's cohort, or drop the limit"
            )
    if quota.get("lendingLimit", 0) > quota["nominal"]:
        raise InputError(
            f"{path}.lendingLimit is {quota['lendingLimit']}, more than the nominal {quota['nominal']}",
            fix="lend at most what is nominal",
        )
