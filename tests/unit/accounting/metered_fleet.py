"""A fleet that is measured, by chance: what its exporters say minute by minute, and where its devices' time goes.

The truth is counted from the fleet's own course, minute by minute and device by device, not from the samples.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from allotment.accounting.ledger import CauseOfTime

MINUTE = 60_000
IDLE_MINUTES = 30
BELOW = 0.2
Point = tuple[int, float]
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Pod:
    name: str
    namespace: str
    gpus: tuple[int, ...]
    """Numbers of the devices of its node."""
    since: int
    until: int
    starts: int
    """Minutes that it is Pending."""
    stays: int
    """Minutes that the ended pod is still there."""

    def holds(self, minute: int) -> bool:
        return self.since <= minute < self.until


@dataclass(frozen=True)
class MeteredNode:
    name: str
    since: int
    until: int
    cordoned: tuple[int, int]
    broken: tuple[int, int]
    unmeasured: tuple[int, int]
    """When its exporter is down."""
    pods: tuple[Pod, ...]
    busy: tuple[tuple[float, ...], ...]
    """Of each device, minute by minute, while it is held."""

    def holder(self, gpu: int, minute: int) -> Pod | None:
        return next((pod for pod in self.pods if gpu in pod.gpus and pod.holds(minute)), None)


def within(span: tuple[int, int], minute: int) -> bool:
    return span[0] <= minute < span[1]


@dataclass(frozen=True)
class Fleet:
    """`minutes` minutes; minute m ends at `start` + (m + 1) minutes, when it is measured."""

    start: int
    minutes: int
    gpus: int
    nodes: tuple[MeteredNode, ...]
    down: tuple[tuple[int, int], ...]
    """When nothing at all is measured."""
    seen: frozenset[int] = field(default_factory=frozenset)

    def is_down(self, minute: int) -> bool:
        return any(within(span, minute) for span in self.down)

    def samples(self) -> Iterator[tuple[str, Labels, list[Point]]]:
        """Series by series; those of one name one after the other."""
        found: dict[tuple[str, Labels], list[Point]] = {}
        for minute in range(self.minutes):
            if self.is_down(minute):
                continue
            at = self.start + (minute + 1) * MINUTE
            for node in self.nodes:
                for name, labels, value in self._of_node(node, minute):
                    found.setdefault((name, tuple(sorted(labels.items()))), []).append((at, value))
        for (name, labels), points in sorted(found.items()):
            yield name, labels, points

    def _of_node(self, node: MeteredNode, minute: int) -> Iterator[tuple[str, dict[str, str], float]]:
        if not within((node.since, node.until), minute):
            return
        resource = {"resource": "nvidia_com_gpu", "unit": "integer"}
        here = {"node": node.name}
        yield "kube_node_status_capacity", {**here, **resource}, self.gpus
        yield "kube_node_status_allocatable", {**here, **resource}, self.gpus
        ready = not within(node.broken, minute)
        for status, value in (("true", ready), ("false", not ready)):
            yield "kube_node_status_condition", {**here, "condition": "Ready", "status": status}, float(value)
        yield "kube_node_spec_unschedulable", here, float(within(node.cordoned, minute))
        for pod in node.pods:
            if not pod.since <= minute < pod.until + pod.stays:
                continue
            who = {"namespace": pod.namespace, "pod": pod.name}
            asked = {**who, **resource, "container": "main", "node": node.name}
            yield "kube_pod_container_resource_requests", asked, len(pod.gpus)
            starting = pod.holds(minute) and minute < pod.since + pod.starts
            for phase, value in (("Pending", starting), ("Running", pod.holds(minute) and not starting)):
                yield "kube_pod_status_phase", {**who, "phase": phase}, float(value)
            yield "kube_pod_owner", {**who, "owner_kind": "Job", "owner_name": pod.name}, 1.0
        if within(node.unmeasured, minute):
            return
        for gpu in range(self.gpus):
            pod = node.holder(gpu, minute)
            device = {"Hostname": node.name, "UUID": f"GPU-{node.name}-{gpu}", "gpu": str(gpu),
                      "modelName": "NVIDIA A100-SXM4-80GB"}  # fmt: skip
            mine = {} if pod is None else {"namespace": pod.namespace, "pod": pod.name, "container": "main"}
            value = 0.0 if pod is None else node.busy[gpu][minute]
            yield "DCGM_FI_DEV_GPU_UTIL", {**device, **mine}, round(100 * value)

    def truth(self, since: int = 0, until: int | None = None) -> Counter[tuple[CauseOfTime, str]]:
        """Device-minutes by cause and holder's namespace, of minutes `since` to `until`."""
        until = self.minutes if until is None else until
        found: Counter[tuple[CauseOfTime, str]] = Counter()
        begins = next((m for m in range(since, until) if m < self.minutes and not self.is_down(m)), until)
        for node in self.nodes:
            for gpu in range(self.gpus):
                found.update(self._of_device(node, gpu, begins, until))
        return Counter({key: number for key, number in found.items() if number})

    def _of_device(self, node: MeteredNode, gpu: int, since: int, until: int) -> Counter[tuple[CauseOfTime, str]]:
        found: Counter[tuple[CauseOfTime, str]] = Counter()
        low: list[str] = []
        last: Pod | None = None

        def settle() -> None:
            cause = CauseOfTime.IDLE_HELD if len(low) >= IDLE_MINUTES else CauseOfTime.PRODUCTIVE
            found.update((cause, space) for space in low)
            low.clear()

        seen, missing = False, 0
        for minute in range(since, until):
            pod = node.holder(gpu, minute) if minute < self.minutes else None
            unseen = minute >= self.minutes or self.is_down(minute)
            there = within((node.since, node.until), minute)
            little = (
                pod is not None and there and not unseen and not within(node.unmeasured, minute)
                and not within(node.broken, minute) and minute >= pod.since + pod.starts
                and round(100 * node.busy[gpu][minute]) / 100 < BELOW
            )  # fmt: skip
            if not little or pod is not last:
                settle()
            last = pod
            if unseen:
                missing += seen
                continue
            if not there:
                missing = 0
                continue
            found[CauseOfTime.UNOBSERVED, ""] += missing
            seen, missing = True, 0
            if little and pod is not None:
                low.append(pod.namespace)
            else:
                found[self._cause(node, gpu, minute, pod), pod.namespace if pod is not None else ""] += 1
        settle()
        if not self._left(node, until):
            found[CauseOfTime.UNOBSERVED, ""] += missing
        return found

    def _left(self, node: MeteredNode, until: int) -> bool:
        """Whether it was gone before the last minute that was seen."""
        last = max((m for m in range(min(until, self.minutes)) if not self.is_down(m)), default=-1)
        return not within((node.since, node.until), last)

    def _cause(self, node: MeteredNode, gpu: int, minute: int, pod: Pod | None) -> CauseOfTime:
        if within(node.broken, minute):
            return CauseOfTime.UNHEALTHY
        if pod is None:
            return CauseOfTime.CORDONED if within(node.cordoned, minute) else CauseOfTime.UNALLOCATED
        if minute < pod.since + pod.starts:
            return CauseOfTime.STARTING
        return CauseOfTime.UNMEASURED if within(node.unmeasured, minute) else CauseOfTime.PRODUCTIVE


def random_fleet(seed: int, *, start: int, minutes: int, nodes: int, gpus: int) -> Fleet:
    rng = random.Random(seed)
    made = tuple(_node(rng, f"node-{number}", minutes, gpus) for number in range(nodes))
    down = tuple(_span(rng, minutes, 40) for _ in range(rng.randrange(1 + minutes // 300 + 1)))
    return Fleet(start, minutes, gpus, made, down)


def _span(rng: random.Random, minutes: int, longest: int) -> tuple[int, int]:
    since = rng.randrange(minutes)
    return since, min(minutes, since + rng.randrange(1, longest))


def _node(rng: random.Random, name: str, minutes: int, gpus: int) -> MeteredNode:
    whole = (0, minutes)
    late = (rng.randrange(minutes // 4), minutes)
    early = (0, minutes - rng.randrange(minutes // 4))
    # One stays: where all are gone nobody can tell that from a Prometheus that is down.
    since, until = rng.choice((whole, whole, late, early)) if name != "node-0" else whole
    never = (0, 0)
    pods = tuple(_pods(rng, name, since, until, gpus))
    return MeteredNode(
        name,
        since,
        until,
        cordoned=rng.choice((never, _span(rng, minutes, 120))),
        broken=rng.choice((never, _span(rng, minutes, 60))),
        unmeasured=rng.choice((never, _span(rng, minutes, 60))),
        pods=pods,
        busy=tuple(_busy(rng, minutes) for _ in range(gpus)),
    )


def _pods(rng: random.Random, node: str, since: int, until: int, gpus: int) -> Iterator[Pod]:
    """Pods one after the other on groups of devices."""
    split = rng.randrange(1, gpus + 1)
    for group in (tuple(range(split)), tuple(range(split, gpus))):
        at = since + rng.randrange(10)
        while group and at < until:
            end = min(until, at + rng.randrange(2, 240))
            name = f"job-{node}-{group[0]}-{at}"
            stays = rng.choice((0, 0, 7))
            yield Pod(name, rng.choice(("nlp", "cv")), group, at, end, rng.randrange(4), min(stays, until - end))
            at = end + rng.choice((0, 1, 20))


def _busy(rng: random.Random, minutes: int) -> tuple[float, ...]:
    found: list[float] = []
    while len(found) < minutes:
        value = rng.choice((0.0, 0.05, 0.19, 0.2, 0.9, 1.0))
        found += [value] * rng.choice((1, 5, 29, 30, 31, 60))
    return tuple(found[:minutes])
