"""Where in a cluster a job of a team runs: namespace, bill, nodes, and what the namespace lets a pod have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from allotment.errors import CapacityError, ForbiddenError, InputError, NotFoundError, quoted
from allotment.model import labels
from allotment.model.accelerator import CapacityType, Vendor
from allotment.model.cluster import Cluster, Feature, Flavor, QueueLayout
from allotment.model.jobs.job import AcceleratorWish, Job
from allotment.model.jobs.run import GivenClass
from allotment.model.platform import Platform
from allotment.model.quantity import MilliCpu, format_bytes, format_cpu
from allotment.model.team import Placement, Team

RUNTIME_CLASSES: Final[Mapping[Vendor, str]] = {Vendor.NVIDIA: "nvidia", Vendor.INTEL: "habana"}
"""RuntimeClass that a vendor's operator brings, where its devices come with a runtime of their own."""


@dataclass(frozen=True, slots=True)
class JobPlace:
    """What a team's job finds in a cluster.

    Attributes:
        team: whose job it is.
        billing: labels of the bill.
        resource: extended resource of its devices; empty for none.
        nodes: labels of the flavors that will do, in the queue's order; empty where any node will.
        runtime_class: empty where none is needed.
        cpu_limit: of its one container; None where the namespace lets it be without one.
        queues_pods: whether Kueue holds pods and Deployments, too.
        max_grace: seconds that a pod of the team may take to end.
        told: what was decided for the job, in sentences.
    """

    team: Team
    namespace: str
    billing: Mapping[str, str]
    resource: str
    nodes: tuple[Mapping[str, str], ...]
    runtime_class: str
    cpu_limit: MilliCpu | None
    queues_pods: bool
    max_grace: int
    told: tuple[str, ...] = ()


def place_of(platform: Platform, cluster: Cluster, job: Job) -> JobPlace:
    """Where a job runs.

    Raises:
        NotFoundError: there is no such team, or it is not in the cluster.
        ForbiddenError: the team may not have what is asked for.
        InputError: the job says something else than its team.
        CapacityError: no node of the cluster that the team may use can ever hold one replica.
    """
    team, placement = _team(platform, cluster, job)
    _check_rights(platform, team, job)
    _check_size(team, job)
    namespace = team.namespaces[0]
    told: list[str] = []
    flavors = _flavors(platform, cluster, placement, job, told)
    _check_share(cluster, placement, flavors, job)
    wish = job.needs.accelerators
    vendors = {platform.accelerators[flavor.accelerator].vendor for flavor in flavors if flavor.accelerator}
    runtime = next((RUNTIME_CLASSES[each] for each in sorted(vendors) if each in RUNTIME_CLASSES), "")
    return JobPlace(
        team=team,
        namespace=namespace,
        billing=_billing(team, placement, job),
        resource="" if wish is None else _resource(platform, flavors[0]),
        nodes=tuple(flavor.node_labels for flavor in flavors),
        runtime_class=runtime if runtime in cluster.runtime_classes else "",
        cpu_limit=_cpu_limit(cluster, team, placement, namespace, job.needs.cpu),
        queues_pods=Feature.POD_INTEGRATION in cluster.features,
        max_grace=team.max_grace,
        told=tuple(told),
    )


def classes_offered(platform: Platform, cluster: Cluster, job: Job) -> tuple[GivenClass, ...]:
    """What its devices may be of, and how that is bought, in the order in which the team's queue tries it.

    Raises:
        NotFoundError: there is no such team, or it is not in the cluster.
        CapacityError: no node of the cluster that the team may use can ever hold one replica.
    """
    _, placement = _team(platform, cluster, job)
    flavors = _flavors(platform, cluster, placement, job, [])
    given = (GivenClass(str(each.accelerator), each.capacity_type) for each in flavors)
    return tuple(dict.fromkeys(given))


def _team(platform: Platform, cluster: Cluster, job: Job) -> tuple[Team, Placement]:
    team = platform.team(job.team)
    if team is None:
        names = ", ".join(each.name for each in platform.teams)
        raise NotFoundError(f"there is no team {quoted(job.team)}", why=f"declared are {names}", fix="name one of them")
    placement = team.placement_in(cluster.name)
    if placement is None or team.offboarding is not None:
        there = ", ".join(each.cluster for each in team.placements)
        why = f"it is in {there}" if team.offboarding is None else "it is being offboarded"
        raise NotFoundError(f"team {team.name} runs nothing in {cluster.name}", why=why, fix="choose another cluster")
    return team, placement


def _check_rights(platform: Platform, team: Team, job: Job) -> None:
    rungs = tuple(dict.fromkeys((*team.priorities, platform.default_priority.name)))
    if job.priority not in rungs:
        raise ForbiddenError(
            f"team {team.name} may not use the priority {quoted(job.priority)}",
            why=f"its rungs are {', '.join(rungs)}",
            fix="set priority to one of them, or ask the platform team",
        )
    if job.grace > team.max_grace:
        raise ForbiddenError(
            f"the job asks for {job.grace} s to write its checkpoint",
            why=f"a pod of team {team.name} may take {team.max_grace} s to end",
            fix=f"set checkpoint.grace to {team.max_grace} or less, or ask the platform team for a higher maxGrace",
        )


def _check_size(team: Team, job: Job) -> None:
    most, needs = team.member_limits, job.needs
    devices = 0 if needs.accelerators is None else needs.accelerators.count
    if most.accelerators is not None and devices > most.accelerators:
        _too_much(team, f"{devices} accelerators", str(most.accelerators), "needs.accelerators.count")
    if most.cpu is not None and needs.cpu > most.cpu:
        _too_much(team, f"{format_cpu(needs.cpu)} CPUs", format_cpu(most.cpu), "needs.cpu")
    if most.memory is not None and needs.memory > most.memory:
        _too_much(team, f"{format_bytes(needs.memory)} of memory", format_bytes(most.memory), "needs.memory")


def _too_much(team: Team, asked: str, most: str, field: str) -> None:
    raise CapacityError(
        f"one replica asks for {asked}",
        why=f"one pod of team {team.name} may have {most}",
        fix=f"lower {field}, or spread the work over more replicas",
    )


def _flavors(
    platform: Platform, cluster: Cluster, placement: Placement, job: Job, told: list[str]
) -> tuple[Flavor, ...]:
    """Flavors of the team's queue that will do, in the order in which the queue tries them."""
    wish = job.needs.accelerators
    if wish is None:
        return ()
    offered = [cluster.flavor(entry.flavor) for entry in placement.accelerators]
    meant = [flavor for flavor in offered if _means(flavor, wish, spot=job.spot)]
    if not meant:
        there = ", ".join(flavor.name for flavor in offered) or "none"
        raise CapacityError(
            f"team {job.team} has no {_wished(wish, spot=job.spot)} in {cluster.name}",
            why=f"its queue offers {there}",
            fix=f"{_may_be_spot(offered, wish, job)}ask for one of these, or choose another cluster",
        )
    fitting = [flavor for flavor in meant if _held(cluster, flavor, job)]
    if not fitting:
        raise CapacityError(
            f"no node with {' or '.join(sorted({str(flavor.accelerator) for flavor in meant}))} holds one replica",
            why=f"it asks for {wish.count} devices, {format_cpu(job.needs.cpu)} CPUs and"
            f" {format_bytes(job.needs.memory)}; there are {', '.join(_shapes(cluster, meant))}",
            fix="ask for less in one replica, and for more replicas",
        )
    # A container names one resource: classes of another vendor cannot stand beside it.
    resource = _resource(platform, fitting[0])
    same = tuple(flavor for flavor in fitting if _resource(platform, flavor) == resource)
    if len(same) < len(fitting):
        told.append(f"a pod names one kind of device: {resource} was chosen, which the queue offers first")
    first = next(name for name in wish.classes if any(flavor.accelerator == name for flavor in same))
    if same[0].accelerator != first:
        told.append(f"the queue tries {same[0].accelerator} before {first}, whatever order the job names")
    return same


def _check_share(cluster: Cluster, placement: Placement, flavors: tuple[Flavor, ...], job: Job) -> None:
    """A job is let in as a whole: it asks for no more than its queue can ever hold, unless that borrows without end."""
    if cluster.queue_layout is QueueLayout.SHARED or not flavors:
        return
    names = {flavor.name for flavor in flavors}
    shares = [entry.devices for entry in placement.accelerators if entry.flavor in names]
    most = sum(each.nominal + (each.borrowing_limit or 0) for each in shares)
    if job.devices > most and all(each.borrowing_limit is not None for each in shares):
        classes = " or ".join(sorted({str(flavor.accelerator) for flavor in flavors}))
        raise CapacityError(
            f"it can never run in {cluster.name}: it asks for {job.devices} {classes}, all of them at the same time",
            why=f"team {job.team} may have {most} there, what it borrows included",
            fix="ask for less, or ask the platform team for a larger share",
        )


def _means(flavor: Flavor, wish: AcceleratorWish, *, spot: bool) -> bool:
    if flavor.accelerator not in wish.classes or (wish.capacity_type and flavor.capacity_type != wish.capacity_type):
        return False
    return spot or flavor.capacity_type is not CapacityType.SPOT


def _may_be_spot(offered: list[Flavor], wish: AcceleratorWish, job: Job) -> str:
    """What lets the job have what it asks for where only spot is left of that."""
    fits = not job.spot and any(_means(flavor, wish, spot=True) for flavor in offered)
    return "set spot: true, if it may be displaced; or " if fits else ""


def _wished(wish: AcceleratorWish, *, spot: bool) -> str:
    kind = wish.capacity_type or ("" if spot else "non-spot")
    return " ".join(filter(None, (kind, " or ".join(wish.classes))))


def _held(cluster: Cluster, flavor: Flavor, job: Job) -> bool:
    needs, wish = job.needs, job.needs.accelerators
    count = 0 if wish is None else wish.count
    return any(
        pool.flavor == flavor.name
        and pool.accelerators_per_node >= count
        and pool.cpu >= needs.cpu
        and pool.memory >= needs.memory
        for pool in cluster.node_pools
    )


def _shapes(cluster: Cluster, flavors: list[Flavor]) -> Iterator[str]:
    names = {flavor.name for flavor in flavors}
    for pool in cluster.node_pools:
        if pool.flavor in names:
            room = f"{format_cpu(pool.cpu)} CPUs, {format_bytes(pool.memory)}"
            yield f"{pool.name} ({pool.accelerators_per_node} devices, {room})"


def _resource(platform: Platform, flavor: Flavor) -> str:
    return platform.accelerators[str(flavor.accelerator)].resource_name


def _billing(team: Team, placement: Placement, job: Job) -> dict[str, str]:
    if job.environment and job.environment != placement.environment.value:
        raise InputError(
            f"the job says environment {quoted(job.environment)}",
            why=f"team {team.name} runs in {placement.cluster} as {placement.environment.value}",
            fix="leave environment out, or choose another cluster",
        )
    name = job.project or (team.projects[0].name if team.projects else "")
    project = next((each for each in team.projects if each.name == name), None)
    if project is None:
        known = ", ".join(each.name for each in team.projects) or "none"
        raise InputError(
            f"team {team.name} has no project {quoted(name)}", why=f"declared are {known}", fix="set project to one"
        )
    return {
        labels.TEAM: team.id,
        labels.PROJECT: name,
        labels.COST_CENTER: job.cost_center or project.cost_center or team.cost_center,
        labels.ENVIRONMENT: placement.environment.value,
    }


def _cpu_limit(
    cluster: Cluster, team: Team, placement: Placement, namespace: str, request: MilliCpu
) -> MilliCpu | None:
    """As far above the request as the namespace's quota on limits stands above its quota on requests.

    A limit throttles data loaders. Without a quota or a default on it there is none; with one, a larger share than this
    would make the quota on limits run out before that on requests, and refuse pods that the queue has admitted.
    """
    if namespace in cluster.warn_namespaces and namespace not in cluster.with_defaults:
        return None
    quota, most = placement.namespace_quota, team.member_limits.cpu
    spread = request * quota.limits_cpu // max(quota.requests_cpu, 1)
    upper = min(spread, quota.limits_cpu, spread if most is None else most)
    return MilliCpu(max(request, upper))
