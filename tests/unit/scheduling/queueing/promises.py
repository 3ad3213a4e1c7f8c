"""What the engine promises, checked on a finished simulation by an oracle that knows nothing of the engine.

Evictions of a cycle count as done before its admissions: Kueue admits on what its victims still hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from allotment.scheduling.queueing.domains.forest import HOSTNAME
from allotment.scheduling.queueing.inputs import ClusterState, PodSetAdmission, ResourceGroup, ResourceQuota
from allotment.scheduling.queueing.reasons import Cause
from allotment.scheduling.queueing.settling import Settled
from allotment.simulation.capacity import clusters
from allotment.simulation.outcome import Admitted, Evicted, Finished, Moved, RunOutcome
from allotment.simulation.scenario import Scenario

NO_QUOTA = ResourceQuota(0)


@dataclass
class Cycle:
    """The admissions of one cycle, and everything that holds quota after it, victims of this cycle not counted."""

    t: int
    state: ClusterState
    admitted: list[Admitted] = field(default_factory=list)
    holding: dict[str, tuple[PodSetAdmission, ...]] = field(default_factory=dict)


def cycles_of(scenario: Scenario, outcome: RunOutcome) -> Iterator[Cycle]:
    """Every cycle that admitted something."""
    held: dict[str, tuple[PodSetAdmission, ...]] = {}
    leaving: list[tuple[int, str]] = []
    moves = list(outcome.moves)
    states = [(t, cluster.state) for t, cluster in clusters(scenario)]
    for (t, _), group in groupby(outcome.decisions, key=lambda each: (each.t, each.cycle)):
        _forget_released(held, leaving, t)
        while moves and moves[0].t <= t:
            _move(held, moves.pop(0))
        now = Cycle(t, [state for since, state in states if since <= t][-1])
        away: list[str] = []
        for each in group:
            if isinstance(each, Admitted):
                now.admitted.append(each)
                held[each.workload] = each.pod_sets
            elif isinstance(each, Finished):
                del held[each.workload]
            else:
                away.append(each.workload)
                leaving.append((each.released, each.workload))
        if now.admitted:
            now.holding = {name: parts for name, parts in held.items() if name not in away}
            yield now
        _forget_released(held, leaving, t)


def _forget_released(held: dict[str, tuple[PodSetAdmission, ...]], leaving: list[tuple[int, str]], t: int) -> None:
    for released, name in [each for each in leaving if each[0] <= t]:
        leaving.remove((released, name))
        del held[name]


def _move(held: dict[str, tuple[PodSetAdmission, ...]], move: Moved) -> None:
    assert move.workload in held, "only who runs is moved"
    held[move.workload] = move.pod_sets


# Quota


class Tree:
    """One flavor of the quota tree, recomputed from nothing."""

    def __init__(self, state: ClusterState, flavor: str, used: Counter[str]) -> None:
        self.quota: dict[str, ResourceQuota] = {}
        self.parent: dict[str, str | None] = {}
        self.used = used
        for cohort in state.cohorts:
            self.quota[cohort.name] = _declared(cohort.resource_groups, flavor)
            self.parent[cohort.name] = cohort.parent
        for queue in state.cluster_queues:
            self.quota[queue.name] = _declared(queue.resource_groups, flavor)
            self.parent[queue.name] = queue.cohort
            if queue.cohort is not None:  # a cohort may be named only here
                self.quota.setdefault(queue.cohort, NO_QUOTA)
                self.parent.setdefault(queue.cohort, None)

    def children(self, name: str) -> list[str]:
        return [each for each, above in self.parent.items() if above == name]

    def subtree(self, name: str) -> int:
        return self.quota[name].nominal + sum(self.subtree(each) - self.kept(each) for each in self.children(name))

    def kept(self, name: str) -> int:
        """What a lending limit keeps from the parent."""
        lending = self.quota[name].lending_limit
        return 0 if lending is None else max(0, self.subtree(name) - lending)

    def usage(self, name: str) -> int:
        below = sum(max(0, self.usage(each) - self.kept(each)) for each in self.children(name))
        return self.used[name] + below

    def check_path(self, queue: str) -> None:
        """What was given to a queue is within every limit it touches: as far up as it goes beyond what is kept."""
        node: str | None = queue
        while node is not None:
            usage, quota = self.usage(node), self.subtree(node)
            limit = self.quota[node].borrowing_limit
            if self.parent[node] is None:
                assert usage <= quota, f"{node}: more than there is, lent quota and lending limits included"
            elif usage > self.kept(node) and limit is not None:
                assert usage <= quota + limit, f"{node}: borrowing limit"
            if usage <= self.kept(node):
                return
            node = self.parent[node]


def _declared(groups: tuple[ResourceGroup, ...], flavor: str) -> ResourceQuota:
    for group in groups:
        for quotas in group.flavors:
            if quotas.flavor == flavor:
                return dict(quotas.resources)["cpu"]
    return NO_QUOTA


def quota_and_limits_are_kept(scenario: Scenario, outcome: RunOutcome) -> None:
    """Never over-allocate: an admission is within nominal quota, borrowing and lending limits at every level."""
    queue_of = {each.workload.name: each.workload.cluster_queue for each in scenario.arrivals}
    for cycle in cycles_of(scenario, outcome):
        used: dict[str, Counter[str]] = {}
        for name, parts in cycle.holding.items():
            for part in parts:
                amount = part.count * _cpu(scenario, name, part.name)
                used.setdefault(dict(part.flavors)["cpu"], Counter())[queue_of[name]] += amount
        for admitted in cycle.admitted:
            for flavor in {dict(part.flavors)["cpu"] for part in admitted.pod_sets}:
                Tree(cycle.state, flavor, used[flavor]).check_path(admitted.cluster_queue)


def _cpu(scenario: Scenario, workload: str, part: str) -> int:
    for arrival in scenario.arrivals:
        if arrival.workload.name == workload:
            return next(dict(each.requests)["cpu"] for each in arrival.workload.pod_sets if each.name == part)
    raise AssertionError(f"{workload} is not of this scenario")


# Nodes


def no_domain_is_over_allocated(scenario: Scenario, outcome: RunOutcome) -> None:
    """What was placed in a cycle fits the hosts or racks it was placed in; only nodes that are up count.

    Two exceptions are Kueue's own, in its check within a cycle: it looks at each PodSet alone, so a workload of several
    can overfill a domain together with another one of that cycle; and it does not count pods, so two can exceed those.
    """
    for cycle in cycles_of(scenario, outcome):
        if not cycle.state.topologies:
            continue
        room = _room(cycle.state)
        taken: dict[tuple[str, ...], Counter[str]] = {}
        for name, parts in cycle.holding.items():
            for part in parts:
                for domain in part.domains:
                    taken.setdefault(domain.values, Counter())["pods"] += domain.count
                    taken[domain.values]["cpu"] += domain.count * _cpu(scenario, name, part.name)
        several = len(cycle.admitted) > 1
        for admitted in cycle.admitted:
            for values in {domain.values for part in admitted.pod_sets for domain in part.domains}:
                assert values in room, f"{values}: no such domain, or no node of it is up"
                if not (several and any(len(each.pod_sets) > 1 for each in cycle.admitted)):
                    assert taken[values]["cpu"] <= room[values]["cpu"], f"{values}: cpu"
                if not several:
                    assert taken[values]["pods"] <= room[values]["pods"], f"{values}: pods"


def _room(state: ClusterState) -> dict[tuple[str, ...], Counter[str]]:
    """What each domain of the lowest level offers, named as admissions name it."""
    room: dict[tuple[str, ...], Counter[str]] = {}
    lowest = state.topologies[0].levels[-1]
    for node in state.nodes:
        room.setdefault((dict(node.labels)[lowest],), Counter()).update(dict(node.allocatable))
    return room


# Gangs


def gangs_start_whole(scenario: Scenario, outcome: RunOutcome) -> None:
    """All PodSets at once, each with all its pods or, admitted in part, at least its minimum; placed as asked."""
    jobs = {each.workload.name: each.workload for each in scenario.arrivals}
    rack_of = {dict(node.labels)[HOSTNAME]: dict(node.labels)["rack"] for node in scenario.state.nodes}
    given = [
        (each.workload, each.pod_sets) for each in (*outcome.decisions, *outcome.moves) if hasattr(each, "pod_sets")
    ]
    for name, parts in given:
        assert [part.name for part in parts] == [asked.name for asked in jobs[name].pod_sets]
        for part, asked in zip(parts, jobs[name].pod_sets, strict=True):
            least = asked.count if asked.min_count is None else asked.min_count
            assert least <= part.count <= asked.count, "all or nothing"
            if asked.topology is None:
                assert not part.domains
                continue
            assert sum(domain.count for domain in part.domains) == part.count, "every pod has its place"
            places = {domain.values[-1] for domain in part.domains}
            if asked.topology.required == "rack":
                assert len({rack_of.get(place, place) for place in places}) == 1
            if asked.topology.required == HOSTNAME:
                assert len(places) == 1


# Order


def nobody_is_displaced_by_a_lower_priority_of_its_queue(scenario: Scenario, outcome: RunOutcome) -> None:
    """Within a queue only a higher priority displaces, or an older job of the same where the policy says so."""
    jobs = {each.workload.name: each.workload for each in scenario.arrivals}
    policy = {each.name: each.within_cluster_queue.value for each in scenario.state.cluster_queues}
    for each in outcome.decisions:
        if not isinstance(each, Evicted) or not each.preemptor:
            continue
        victim, preemptor = jobs[each.workload], jobs[each.preemptor]
        assert (each.reason == "InClusterQueue") is (victim.cluster_queue == preemptor.cluster_queue)
        if victim.cluster_queue == preemptor.cluster_queue:
            older = preemptor.queued_since < victim.queued_since
            equal_may = policy[victim.cluster_queue] == "LowerOrNewerEqualPriority"
            equal = victim.priority == preemptor.priority
            assert victim.priority < preemptor.priority or (equal and older and equal_may)


# Reasons


def every_job_is_somewhere_and_who_waits_has_one_reason(scenario: Scenario, outcome: RunOutcome) -> None:
    """Nobody is lost or runs twice; a pending job has exactly one dominant reason, everybody else none."""
    running: set[str] = set()
    finished: set[str] = set()
    leaving: list[tuple[int, str]] = []
    for each in outcome.decisions:
        leaving = [one for one in leaving if one[0] > each.t]
        if isinstance(each, Admitted):
            assert each.workload not in running | finished | {name for _, name in leaving}
            running.add(each.workload)
        else:
            running.remove(each.workload)
            if isinstance(each, Finished):
                finished.add(each.workload)
            else:
                leaving.append((each.released, each.workload))
    pending = [each.workload for each in outcome.pending]
    assert len(set(pending)) == len(pending)
    for each in outcome.pending:
        assert isinstance(each.cause, Cause)
        assert each.ever_admitted is any(
            isinstance(one, Admitted) and one.workload == each.workload for one in outcome.decisions
        )
    if outcome.ended is Settled.AT_REST:
        still = {each.workload for each in outcome.standstills if each.end is None}
        assert running == still, "at the end of time only who stands still still runs"
        everybody = sorted(each.workload.name for each in scenario.arrivals)
        assert sorted([*finished, *pending, *running]) == everybody


PROMISES: tuple[Callable[[Scenario, RunOutcome], None], ...] = (
    quota_and_limits_are_kept,
    no_domain_is_over_allocated,
    gangs_start_whole,
    nobody_is_displaced_by_a_lower_priority_of_its_queue,
    every_job_is_somewhere_and_who_waits_has_one_reason,
)
